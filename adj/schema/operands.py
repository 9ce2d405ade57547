"""The Python types that a lookup always accepts.

Values of other types are checked by Django, which knows what it can convert.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.core.exceptions import FieldError
from django.db.models import Field, Model
from django.db.models.fields.json import JSONField
from django.utils.module_loading import import_string

from adj.errors import QueryError
from adj.schema.field_types import BY_CLASS
from adj.schema.paths import LONGEST_PATH, ResolvedPath, resolve

FIELD_TYPES: Mapping[type, frozenset[type]] = {
    cls: frozenset(map(import_string, each.unconverted)) for cls, each in BY_CLASS.items() if each.is_complete
}
"""The Python types whose every value is right for a field, by the exact class of the field."""

_TEXT = frozenset({str})
# Lookups that compare with a value of the field's own type, or with several of them.
_SAME_TYPE = frozenset({"exact", "gt", "gte", "lt", "lte", "in", "range"})
_TEXT_LOOKUPS = frozenset(
    {"iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex"}
)


def operand_types(model: type[Model], path: str) -> frozenset[type] | None:
    """The Python types that are always valid for a path; None if Django has to check."""
    # For the cache, as in `resolve()`.
    path = str.__str__(path)
    return _known_types(model, path) if len(path) <= LONGEST_PATH else _operand_types(model, path)


def _operand_types(model: type[Model], path: str) -> frozenset[type] | None:
    try:
        resolved = resolve(model, path)
    except QueryError:
        return None
    if resolved.lookup in _TEXT_LOOKUPS and not isinstance(resolved.output, JSONField):
        return _TEXT
    if resolved.lookup not in _SAME_TYPE:
        return None
    return _relation_types(resolved) if resolved.field.is_relation else FIELD_TYPES.get(type(resolved.output))


_known_types = lru_cache(maxsize=4_096)(_operand_types)


def _relation_types(resolved: ResolvedPath) -> frozenset[type] | None:
    """The types of a relation's key. Instances are checked one by one, since they must be saved."""
    target = key_field(resolved)
    return FIELD_TYPES.get(type(target)) if isinstance(target, Field) else None


def key_field(resolved: ResolvedPath) -> object:
    """The field whose values the key of a relation has; None if there is none, or after transforms."""
    related = resolved.field.related_model
    if resolved.transforms or related is None:
        return None
    target = _target_field(resolved.field) or related._meta.pk
    while getattr(target, "is_relation", False) and (further := _target_field(target)) is not None:
        target = further
    return target


def _target_field(relation: object) -> object:
    """The field that a relation refers to; None if its key has several columns."""
    try:
        return getattr(relation, "target_field", None)
    except FieldError:
        return None


def expected(model: type[Model], path: str) -> str:
    """The values that a path accepts, in words, for messages."""
    try:
        resolved = resolve(model, path)
    except QueryError:
        return "another kind of value"
    field = resolved.output
    field_type = type(field).__name__
    if resolved.field.is_relation and not resolved.transforms and resolved.field.related_model is not None:
        return f"a saved {resolved.field.related_model.__name__} or its key"
    names = operand_types(model, path) or FIELD_TYPES.get(type(field))
    words = " or ".join(sorted(value_type.__name__ for value_type in names)) if names else "a value"
    several = {"in": "an iterable of ", "range": "a pair of "}.get(resolved.lookup, "")
    return f"{several}{words} ({field_type})"
