"""The Python types of fields, by the table that the runtime and the mypy plugin use: `adj/schema/field_types.py`.

Types are text. None stands for a type that only the project's source tells; a stub leaves it to the checker, or says
`Any`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db.models import CompositePrimaryKey, Field, GeneratedField, Model

from adj.schema.field_types import BY_CLASS, FIELD_TYPES, LAZY_TEXT, FieldType, field_type

BUILTINS: Final = frozenset(
    {"bool", "bytearray", "bytes", "dict", "float", "int", "list", "memoryview", "str", "tuple"}
)
"""The types that stubs name without a module. In a class with an attribute of this name they need the module."""

# Imported by every stub under these names, which no field can have.
_ALIASES: Final[Mapping[str, str]] = {
    LAZY_TEXT: "Promise",
    "datetime": "datetime_",
    "decimal": "decimal_",
    "pathlib": "pathlib_",
    "uuid": "uuid_",
}
STANDARD_IMPORTS: Final = tuple(
    f"import {module} as {alias}" for module, alias in _ALIASES.items() if module != LAZY_TEXT
)


def type_text(name: str) -> str:
    """Return a type of the table, as a stub writes it."""
    if name in _ALIASES:
        # Only django-stubs has the class of lazy texts; its base exists everywhere.
        return _ALIASES[name]
    module, _, rest = name.rpartition(".")
    return rest if module == "builtins" else f"{_ALIASES[module]}.{rest}"


def optional(text: str, is_nullable: bool) -> str:
    """Return a type, or with None."""
    return f"{text} | None" if is_nullable and text != "Any" else text


# -- columns -----------------------------------------------------------------------------------------------------------


def key_of(field: Any) -> Any:
    """Return the column that a field stores: its own, or for a relation the column that the relation refers to."""
    seen = 0
    while getattr(field, "is_relation", False):
        target = _target(field)
        # Relations of several columns have no single target; models may refer to each other's keys in a circle.
        if target is None or seen > len(FIELD_TYPES):
            return None
        field, seen = target, seen + 1
    return field


def _target(relation: Any) -> Any:
    try:
        target = getattr(relation, "target_field", None)
    except FieldError:
        return None
    related = relation.related_model
    return target or (related._meta.pk if isinstance(related, type) and issubclass(related, Model) else None)


@lru_cache(maxsize=16_384)
def column_type(field: Any) -> str | None:
    """Return the type of a column's values, without the None of a nullable column."""
    column = key_of(field)
    if isinstance(column, CompositePrimaryKey):
        parts = [column_type(part) or "Any" for part in column.fields]
        return f"tuple[{', '.join(parts)}]"
    if isinstance(column, GeneratedField):
        return column_type(column.output_field)
    if not isinstance(column, Field) or _converts(column):
        return None
    if column.get_internal_type() == "ArrayField":
        base: Any = column.base_field  # type: ignore[attr-defined]  # PostgreSQL's ArrayField, which needs a driver
        item = column_type(base)
        return None if item is None else f"list[{optional(item, base.null)}]"
    known = field_type(type(column))
    if known is None or known.value is None:
        return None
    text = type_text(known.value)
    return text if _agrees(column, text) else None


def _converts(field: Any) -> bool:
    """Whether a project's field class converts the values of the database."""
    owner = next((base for base in type(field).__mro__ if "from_db_value" in vars(base)), None)
    return owner is not None and not owner.__module__.startswith("django.")


# -- declarations ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1_024)
def annotations_of(model: Any) -> dict[str, str]:
    """Return the annotations of a model and its bases, as text."""
    return {name: text for base in reversed(model.__mro__) for name, text in _own_annotations(base)}


def _own_annotations(cls: type[Any]) -> Iterator[tuple[str, str]]:
    if cls.__module__.startswith("django.db.models"):
        return
    if sys.version_info >= (3, 14):
        # Its values may name what is imported for type checkers only.
        from annotationlib import Format, get_annotations  # not in older versions

        annotations: Mapping[str, Any] = get_annotations(cls, format=Format.STRING)
    else:
        annotations = vars(cls).get("__annotations__", {})
    for name, value in annotations.items():
        yield name, value if isinstance(value, str) else str(value)


def _agrees(field: Any, text: str) -> bool:
    """Whether the source does not declare another type for a field: `models.CharField[Status, Status]`."""
    model = getattr(field, "model", None)
    declared = None if model is None else annotations_of(model).get(field.name)
    if declared is None:
        return True
    try:
        expression = ast.parse(declared, mode="eval").body
    except SyntaxError:
        return False
    arguments = expression.slice if isinstance(expression, ast.Subscript) else None
    read = arguments.elts[-1] if isinstance(arguments, ast.Tuple) and arguments.elts else None
    return read is not None and _short(ast.unparse(read)) == _short(text)


def _short(text: str) -> str:
    return text.removesuffix(" | None").rpartition(".")[2]


# -- operands ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)
def operand_name(field: Any) -> str | None:
    """Return the name of the alias with the values that a column accepts; None if only Django knows them."""
    column = key_of(field)
    if isinstance(column, GeneratedField):
        return operand_name(column.output_field)
    kind = type(column)
    if column is None or not kind.__module__.startswith("django.db.") or (known := field_type(kind)) is None:
        return None
    text = None if known.value is None else type_text(known.value)
    return None if text is None or is_file(column) or not _agrees(column, text) else alias_of(known)


def is_file(field: Any) -> bool:
    """Whether a field's attribute is a file, and not the column's value."""
    return hasattr(field, "attr_class") and hasattr(field, "upload_to")


def alias_of(known: FieldType) -> str:
    """Return the name of the alias for a row of the table, after its first class of fields."""
    return known.classes[0].__name__


def operand_aliases() -> Iterator[str]:
    """Yield the lines that define the operands of each row of the table.

    `Value` is what `exact` accepts, `Bound` what comparisons do, `Values` what `in` does, and `Pair` what `range` does.
    """
    for known in FIELD_TYPES:
        if known.value is not None:
            name = alias_of(known)
            accepted = dict.fromkeys((known.value, *known.also, *known.converted))
            types = " | ".join(map(type_text, accepted))
            # As the plugin's table: a number of pages may be compared with an average.
            is_whole = known is BY_CLASS[FIELD_TYPES[0].classes[0]]
            yield f"{name}Value: TypeAlias = {types} | Expression"
            yield f"{name}Bound: TypeAlias = {name}Value{' | float' if is_whole else ''}"
            yield f"{name}Values: TypeAlias = Iterable[{name}Value | None] | Expression"
            yield f"{name}Pair: TypeAlias = Sequence[{name}Bound]"
