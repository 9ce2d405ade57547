"""The Python types of Django's fields: one table for the runtime's checks, the mypy plugin and generated stubs.

Types are named, not imported, because the plugin and stubs need their names, and some exist for type checkers only.
Fields of other packages and of the project are not in the table: what they take is only known to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db.models import fields
from django.db.models.fields.files import FileField
from django.db.models.fields.json import JSONField

LAZY_TEXT: Final = "django.utils.functional._StrPromise"
"""The class that django-stubs has for lazy translations; Django itself has none of this name."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """The types of some classes of fields.

    `value` is the type of a column's values, and None if they have several. A lookup takes it, and `also` takes types
    whose values need no conversion; with `is_complete`, every value of these is right. Django converts `converted`.
    """

    classes: tuple[type[Any], ...]
    value: str | None
    also: tuple[str, ...] = ()
    converted: tuple[str, ...] = ()
    is_complete: bool = True

    @property
    def unconverted(self) -> tuple[str, ...]:
        """The types that need no conversion."""
        return self.also if self.value is None else (self.value, *self.also)


_INTEGERS: Final = (
    *(fields.IntegerField, fields.BigIntegerField, fields.SmallIntegerField),
    *(fields.PositiveIntegerField, fields.PositiveBigIntegerField, fields.PositiveSmallIntegerField),
    *(fields.AutoField, fields.BigAutoField, fields.SmallAutoField),
)
_TEXTS: Final = (fields.CharField, fields.TextField, fields.SlugField, fields.EmailField, fields.URLField)
_DATE, _STR, _INT, _FLOAT = "datetime.date", "builtins.str", "builtins.int", "builtins.float"
_DECIMAL: Final = "decimal.Decimal"

FIELD_TYPES: Final[Sequence[FieldType]] = (
    FieldType(_INTEGERS, _INT),
    FieldType((fields.FloatField,), _FLOAT, also=(_INT,), converted=(_DECIMAL,)),
    FieldType((fields.DecimalField,), _DECIMAL, also=(_INT,), converted=(_FLOAT, _STR)),
    FieldType((fields.BooleanField,), "builtins.bool", is_complete=False),
    FieldType(_TEXTS, _STR, converted=(LAZY_TEXT,)),
    FieldType((fields.FilePathField,), _STR, converted=("pathlib.Path",), is_complete=False),
    FieldType((fields.GenericIPAddressField, FileField), _STR, is_complete=False),
    FieldType((fields.DateTimeField,), "datetime.datetime", converted=(_DATE, _STR)),
    FieldType((fields.DateField,), _DATE, converted=(_STR,)),
    FieldType((fields.TimeField,), "datetime.time", converted=(_STR,)),
    FieldType((fields.DurationField,), "datetime.timedelta"),
    FieldType((fields.UUIDField,), "uuid.UUID", converted=(_STR,)),
    FieldType((fields.BinaryField,), "builtins.bytes", converted=("builtins.bytearray", "builtins.memoryview")),
    FieldType((JSONField,), None, also=("builtins.dict", "builtins.list", _STR, _INT, _FLOAT)),
)
"""The table. Of several classes with the same values, the first is the one that Django gives a constant."""

BY_CLASS: Final[Mapping[type[Any], FieldType]] = {cls: each for each in FIELD_TYPES for cls in each.classes}
"""The table by the exact classes of fields."""


def field_type(cls: type[object]) -> FieldType | None:
    """Return the types of a class of fields, or of the nearest class that it inherits from."""
    return next((BY_CLASS[base] for base in cls.__mro__ if base in BY_CLASS), None)


@lru_cache(maxsize=256)
def field_class(value: str) -> type[Any] | None:
    """Return the class of fields that Django gives a constant of a type."""
    return next((each.classes[0] for each in FIELD_TYPES if each.value == value), None)
