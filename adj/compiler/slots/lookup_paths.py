"""Facts about the operand of a lookup path, without building a query."""

from __future__ import annotations

from functools import cache, lru_cache

from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Model, Transform
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.lookups import In

from adj.compiler.slots.passing import COMPARISONS
from adj.django_types import PathField
from adj.schema.paths import LONGEST_PATH

MEMBERSHIPS: frozenset[type] = frozenset({In, RelatedIn})
"""Lookups whose SQL depends on the length of the list only in its placeholders; not those of JSON and arrays."""

_NAMES = frozenset({"exact", "gt", "gte", "lt", "lte"})


def compares_plainly(model: type[Model] | None, path: str | None) -> bool:
    """Whether a path is a plain comparison with a column of a Django field, which passes on parameters unchanged."""
    return path is not None and len(path) <= LONGEST_PATH and _compares_plainly(model, path)


@lru_cache(maxsize=4_096)
def _compares_plainly(model: type[Model] | None, path: str) -> bool:
    *names, last = path.split(LOOKUP_SEP)
    if last in _NAMES and names:
        field, lookup = _field(model, names), last
    else:
        field, lookup = _field(model, [*names, last]), "exact"
    if field is None or getattr(field, "is_relation", True) or not type(field).__module__.startswith("django."):
        return False
    return field.get_lookup(lookup) in COMPARISONS


def takes_any_length(model: type[Model] | None, path: str | None) -> bool:
    """Whether a path is an `in` lookup of one column whose list may have any length."""
    return path is not None and path.endswith("__in") and len(path) <= LONGEST_PATH and _takes_any_length(model, path)


@lru_cache(maxsize=4_096)
def _takes_any_length(model: type[Model] | None, path: str) -> bool:
    field = _field(model, path.split(LOOKUP_SEP)[:-1])
    if field is None or not hasattr(field, "get_lookup") or len(getattr(field, "foreign_related_fields", ())) > 1:
        return False
    return field.get_lookup("in") in MEMBERSHIPS


def _field(model: type[Model] | None, names: list[str]) -> PathField | None:
    """The field at the end of a path; None if there is none."""
    field: PathField | None = None
    for name in names:
        if model is None:
            return None
        try:
            field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        model = getattr(field, "related_model", None)
    return field


def is_local_path(path: str) -> bool:
    """Whether a lookup path may truncate or extract in the current time zone."""
    if LOOKUP_SEP not in path:
        return False
    return _is_local_path(path) if len(path) <= LONGEST_PATH else _is_local_path.__wrapped__(path)


@lru_cache(maxsize=4_096)
def _is_local_path(path: str) -> bool:
    return not _local_transforms().isdisjoint(path.split(LOOKUP_SEP)[1:])


@cache
def _local_transforms() -> frozenset[str]:
    lookups = DateTimeField().get_lookups().items()
    return frozenset(name for name, lookup in lookups if issubclass(lookup, Transform)) | {
        name for name, lookup in lookups if not lookup.__module__.startswith("django.")
    }
