"""How the value of an order key is fetched from each database and compared there again, without loss.

The Python value may differ from the database's: `Avg()` is a numeric in PostgreSQL and a float in Python, MySQL prints
six digits of a FLOAT, `TruncDay()` is converted to another time zone. So a key is fetched with its row in a lossless
form, without Django's converters, and compared in that form.

- PostgreSQL: every type can be converted to text and back. A text literal of unknown type takes the type of the
  expression that it is compared with.
- SQLite: each value has its own storage class, which the driver keeps. A unary plus hides the declared type of a column
  from the driver, which would call Django's converter for it.
- MySQL and MariaDB: the Python type that the driver returns tells which literal to write. Floats are fetched as DOUBLE.
  Dates and times are fetched as text, since the driver returns None for dates that Python cannot represent. ORDER BY
  uses only the first `max_sort_length` bytes of a text, while a comparison uses the whole text.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    DateField,
    DateTimeField,
    Expression,
    F,
    Field,
    FloatField,
    Func,
    TextField,
    TimeField,
    UUIDField,
    Value,
)

from adj.compiler.pages.page_cursor import Place, Plain
from adj.django_types import AnyField


class Incomparable(Exception):
    """The database compares a key or a value differently than it sorts it; the message says why."""


class Comparable(Protocol):
    """One key on one database."""

    width: int
    """How many columns the key takes."""

    def columns(self, name: str) -> Sequence[Expression]:
        """The expressions to fetch with a row for the key with this annotation name."""
        ...

    def place(self, fetched: Sequence[object]) -> Place:
        """The value of the key in these columns. Raises `Incomparable`."""
        ...

    def operand(self, place: Plain | tuple[str, str]) -> object:
        """The value as the right side of a lookup."""
        ...


def comparable_key(output_field: AnyField | None, wrapper: BaseDatabaseWrapper) -> Comparable:
    """How a key of a type is compared on a database. Raises `Incomparable`."""
    match wrapper.vendor:
        case "postgresql":
            return _Text()
        case "sqlite":
            return _Stored()
        case "mysql":
            return _mysql_key(output_field, wrapper)
        case other:
            raise Incomparable(f"page() does not know how {other} compares values.")


def _form(template: str, name: str, output_field: AnyField | None) -> Expression:
    return Func(F(name), template=template, output_field=output_field)


class _Text:
    """A key of PostgreSQL."""

    width = 1

    def columns(self, name: str) -> Sequence[Expression]:
        return [_form("(%(expressions)s)::text", name, TextField())]

    def place(self, fetched: Sequence[Any]) -> Place:
        text: str | None = fetched[0]
        return text

    def operand(self, place: Plain | tuple[str, str]) -> object:
        return place


class _Stored:
    """A key of SQLite."""

    width = 1

    def columns(self, name: str) -> Sequence[Expression]:
        return [_form("+(%(expressions)s)", name, Field())]

    def place(self, fetched: Sequence[Any]) -> Place:
        value: Plain | None = fetched[0]
        return value

    def operand(self, place: Plain | tuple[str, str]) -> object:
        return place


# -- MySQL -------------------------------------------------------------------------------------------------------------

_MOMENTS: dict[type, str] = {DateTimeField: "DATETIME(6)", DateField: "DATE", TimeField: "TIME(6)"}


def _mysql_key(output_field: AnyField | None, wrapper: BaseDatabaseWrapper) -> Comparable:
    declared = str((output_field and output_field.db_type(wrapper)) or "").lower()
    if declared.startswith(("enum", "set(", "bit")):
        raise Incomparable(f"MySQL sorts {declared} by number and compares it as text.")
    moment = next((sql for field, sql in _MOMENTS.items() if isinstance(output_field, field)), None)
    if moment is not None:
        return _Driver(_as_text, moment)
    if isinstance(output_field, FloatField):
        return _Driver(_as_double)
    has_uuid = isinstance(output_field, UUIDField) and wrapper.features.has_native_uuid_field
    return _Driver(_is_too_long, "UUID" if has_uuid else None)


def _as_text(name: str) -> Expression:
    return _form("CAST(%(expressions)s AS CHAR)", name, TextField())


def _as_double(name: str) -> Expression:
    return _form("(%(expressions)s) + 0e0", name, Field())


def _is_too_long(name: str) -> Expression:
    """Whether a text does not fit into a sort key.

    The sort key contains `max_sort_length` bytes of weights, but at most a quarter as many characters.
    """
    weights = _form("LENGTH(WEIGHT_STRING(%(expressions)s))", name, Field())
    characters = _form("4 * CHAR_LENGTH(%(expressions)s)", name, Field())
    return Func(weights, characters, template="GREATEST(%(expressions)s) >= @@max_sort_length", output_field=Field())


class _Driver:
    """A key of MySQL or MariaDB: the driver's value, and a column that completes it."""

    width = 2

    def __init__(self, complete: Callable[[str], Expression], cast: str | None = None) -> None:
        self.complete, self.cast = complete, cast

    def columns(self, name: str) -> Sequence[Expression]:
        return [_form("(%(expressions)s)", name, Field()), self.complete(name)]

    def place(self, fetched: Sequence[Any]) -> Place:
        value, other = fetched
        match value:
            case None if not isinstance(other, str):
                return None
            case None | datetime.date() | datetime.time() | datetime.timedelta():
                return self._moment(value, other)
            case float():
                # Not for a FloatField on a DECIMAL column.
                return float(other)
            case decimal.Decimal():
                scale = max(0, -int(value.as_tuple().exponent))
                return f"DECIMAL(65, {scale})", f"{value:f}"
            case str() if self.cast == "UUID":
                return "UUID", value
            case str() | bytes() if self.cast is not None:
                raise Incomparable(f"{other} is text to the database, and a date to Django.")
            case str() | bytes() if other:
                raise Incomparable("MySQL sorts by the first bytes of a long value only (max_sort_length).")
            case int() | str() | bytes():
                return value
            case _:
                raise Incomparable(f"A cursor cannot hold a {type(value).__name__}.")

    def _moment(self, value: object, text: object) -> Place:
        """A date or a time as text. The driver returns None for `0000-00-00`, which CAST does not accept."""
        if value is None or self.cast is None or not isinstance(text, str):
            raise Incomparable(f"{text} cannot be compared with other dates.")
        return self.cast, text

    def operand(self, place: Plain | tuple[str, str]) -> object:
        match place:
            case (cast, text):
                template = f"CAST(%(expressions)s AS {cast})"
                return Func(Value(text, output_field=TextField()), template=template, output_field=Field())
            case bytes():
                # With a field, the driver would send text in the connection's character set.
                return Value(place)
            case _:
                return place
