"""The operands of lookups: what each keyword of `filter()` accepts, by the rules of the mypy plugin."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import JSONField, fields

from adj.schema.field_types import field_type
from adj.stubgen.project import Project, reference
from adj.stubgen.types import is_file, operand_name

_TEXT: Final = frozenset(
    {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)
_BOUNDS: Final = frozenset({"gt", "gte", "lt", "lte"})
_KEYS: Final = frozenset({"has_keys", "has_any_keys"})

_FEW_OF_TEXT: Final = ("in", "icontains")
_COMMON_OF_TEXT: Final = ("in", "icontains", "contains", "startswith", "istartswith", "iexact")
_FEW_OF_ORDERED: Final = ("in", "gte", "lte")
_COMMON_OF_ORDERED: Final = ("in", "gt", "gte", "lt", "lte", "range")
_OF_JSON: Final = ("contains", "has_key", "has_keys")
_UNORDERED: Final = frozenset({"builtins.bool", "builtins.bytes", "uuid.UUID"})


def lookup_names(field: Any, level: str) -> list[str]:
    """Return the lookups of a field that are listed, apart from `exact`; `level` is "few", "common" or "all"."""
    if getattr(field, "is_relation", False):
        return ["in", "isnull"]
    if level == "all":
        return [name for name in sorted(field.get_lookups()) if name != "exact"]
    names = _names_of_column(field, is_common=level == "common")
    return [*names, "isnull"] if field.null else list(names)


def _names_of_column(field: Any, *, is_common: bool) -> tuple[str, ...]:
    if isinstance(field, JSONField):
        return _OF_JSON
    known = field_type(type(field))
    if known is None:
        # Lookups of other packages and of PostgreSQL: those that all fields have say nothing about it.
        extra = sorted({*field.get_lookups()} - {*fields.Field().get_lookups()})
        return ("in", *(name for name in extra if field.get_lookup(name) is not None))
    if isinstance(field, (fields.CharField, fields.TextField)):
        return _COMMON_OF_TEXT if is_common else _FEW_OF_TEXT
    if known.value in _UNORDERED:
        return () if isinstance(field, fields.BooleanField) else ("in",)
    if not is_common:
        return _FEW_OF_ORDERED
    dates = ("year",) if isinstance(field, fields.DateField) else ()
    return (*_COMMON_OF_ORDERED, *dates, *(("date",) if isinstance(field, fields.DateTimeField) else ()))


def operand_of(project: Project, field: Any, lookup: str, *, is_transformed: bool = False) -> str:
    """Return the type of the values that a lookup on a field accepts; `Any` where only Django knows.

    `field` is the last field of the path, or with `is_transformed` the output field of the path's transforms.
    """
    if lookup == "isnull":
        return "bool"
    if isinstance(field, JSONField):
        return "str" if lookup == "has_key" else "Iterable[str]" if lookup in _KEYS else "Any"
    if not is_transformed and getattr(field, "is_relation", False):
        return _of_relation(project, field, lookup)
    if lookup in _TEXT or lookup == "iexact":
        is_text = isinstance(field, (fields.CharField, fields.TextField)) and not is_file(field)
        known = "CharFieldValue" if is_text and operand_name(field) is not None else "Any"
        return f"{known} | None" if lookup == "iexact" and known != "Any" else known
    name = operand_name(field)
    return "Any" if name is None else _of_values(project, name, field, lookup)


def _of_values(project: Project, name: str, field: Any, lookup: str) -> str:
    if lookup == "exact":
        # Django reads `field=None` as `field__isnull=True`.
        return f"{name}Value | None"
    if lookup in _BOUNDS:
        return f"{name}Bound"
    if lookup == "in":
        return f"{name}Values"
    if lookup == "range":
        return f"{name}Pair"
    # A transform without a lookup compares its output.
    output = getattr(field.get_transform(lookup), "output_field", None)
    return operand_of(project, output, "exact", is_transformed=True) if isinstance(output, fields.Field) else "Any"


def _of_relation(project: Project, field: Any, lookup: str) -> str:
    target = field.related_model
    if lookup not in {"exact", "in"} or not isinstance(target, type):
        return "Any"
    key = operand_name(field)
    if key is None:
        return "Any"
    # Django compares keys, so that instances of parents and of proxies are accepted.
    family = [reference(base) for base in target.__mro__ if project.has(base)] or [reference(target)]
    value = " | ".join([*family, f"{key}Value", "None"])
    return value if lookup == "exact" else f"Iterable[{value}] | Expression"
