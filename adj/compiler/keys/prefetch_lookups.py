"""Prefetch lookups by level: `author__publisher` has the levels `author` and `publisher`.

Django's `Prefetch` has two paths: `prefetch_through`, the relations to follow, and `prefetch_to`, the attributes that
hold the rows, which may end with `to_attr`. Lookups with the same `prefetch_to` up to a level are one branch.

Private Django API used here: `QuerySet._prefetch_related_lookups`, `QuerySet._chain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db.models import Prefetch
from django.db.models.constants import LOOKUP_SEP

from adj.django_types import AnyPrefetch, PrivateQuerySet
from adj.statement.clauses import DjangoQuerySet
from adj.statement.structure import StatementHolder

T = TypeVar("T")


def normalized(lookups: Iterable[str | AnyPrefetch], prefix: str | None = None) -> list[AnyPrefetch]:
    """Lookups as `Prefetch` objects, below a path."""
    return [_prefixed(lookup, prefix) for lookup in lookups]


def _prefixed(lookup: str | AnyPrefetch, prefix: str | None) -> AnyPrefetch:
    if not isinstance(lookup, Prefetch):
        prefetch: AnyPrefetch = Prefetch(lookup)
    else:
        prefetch = lookup if prefix is None else copied(lookup)
    if prefix is not None:
        prefetch.add_prefix(prefix)
    return prefetch


def copied(lookup: T, **changes: object) -> T:
    """A copy. Not by `copy.copy()`, since `Prefetch.__getstate__()` expects a QuerySet."""
    copy = object.__new__(type(lookup))
    copy.__dict__.update(lookup.__dict__, **changes)
    return copy


def overrides_its_query(lookup: AnyPrefetch) -> bool:
    """Whether a `Prefetch` is of a class of the project that chooses its query or its attribute itself."""
    lookup_class: type = type(lookup)
    return lookup_class is not Prefetch and _overrides_its_query(lookup_class)


@lru_cache(maxsize=256)
def _overrides_its_query(lookup_class: type) -> bool:
    own = (base for base in lookup_class.__mro__ if not base.__module__.startswith("django.") and base is not object)
    return any(not _READ_BY_DJANGO.isdisjoint(vars(base)) for base in own)


_READ_BY_DJANGO = frozenset(
    {
        *("get_current_queryset", "get_current_querysets", "get_current_to_attr", "get_current_prefetch_to"),
        *("queryset", "querysets", "to_attr", "prefetch_to", "prefetch_through", "__getattribute__"),
    }
)


def through(lookup: AnyPrefetch, level: int) -> str:
    """The relation that a lookup follows at a level."""
    return lookup.prefetch_through.split(LOOKUP_SEP)[level]


def holder(lookup: AnyPrefetch, level: int) -> str:
    """The attribute that holds the rows of a lookup at a level."""
    return lookup.prefetch_to.split(LOOKUP_SEP)[level]


def is_leaf(lookup: AnyPrefetch, level: int) -> bool:
    """Whether a lookup ends at a level."""
    return lookup.prefetch_through.count(LOOKUP_SEP) == level


def path(lookup: AnyPrefetch, level: int) -> str:
    """The path of the attributes that hold rows, up to a level."""
    return lookup.get_current_prefetch_to(level)


def branches(lookups: Iterable[AnyPrefetch], level: int) -> list[list[AnyPrefetch]]:
    """The lookups grouped by the attribute that holds their rows at a level, in order of first appearance."""
    by_attribute: dict[str, list[AnyPrefetch]] = {}
    for lookup in lookups:
        by_attribute.setdefault(holder(lookup, level), []).append(lookup)
    return list(by_attribute.values())


def deeper(lookups: Iterable[AnyPrefetch], level: int) -> list[AnyPrefetch]:
    """The lookups that do not end at a level."""
    return [lookup for lookup in lookups if not is_leaf(lookup, level)]


def length(lookup: AnyPrefetch) -> int:
    """How many levels a lookup has."""
    return lookup.prefetch_through.count(LOOKUP_SEP) + 1


def has_second_queryset(branch: Sequence[AnyPrefetch], level: int) -> bool:
    """Whether a lookup after the first one of a branch has a query for the branch's rows."""
    return any(lookup.queryset is not None and is_leaf(lookup, level) for lookup in branch[1:])


def refuse_second_queryset(lookup: AnyPrefetch) -> None:
    """Raise `ValueError` if a lookup with a query follows another one for the same rows."""
    if lookup.queryset is not None:
        raise ValueError(
            f"'{lookup.prefetch_to}' lookup was already seen with a different queryset. You may need to adjust "
            "the ordering of your lookups."
        )


def prefetch_lookup(lookup: Any) -> Any:
    """Replace each AsyncQuery in a lookup with its QuerySet, including nested ones."""
    changes: dict[str, object] = {}
    if (nested := getattr(lookup, "queryset", None)) is not None:
        changes["queryset"] = _djangos_queryset(lookup, nested)
    if (several := getattr(lookup, "querysets", None)) is not None:
        # A GenericPrefetch has one query for each model.
        changes["querysets"] = [_djangos_queryset(lookup, each) for each in several]
    return copied(lookup, **changes) if changes else lookup


def _djangos_queryset(lookup: AnyPrefetch, query: Any) -> DjangoQuerySet:
    if not isinstance(query, StatementHolder):
        return with_djangos_prefetches(query)
    queryset = query.queryset
    # The constructor checks the QuerySet, which Django could not do for an AsyncQuery.
    Prefetch(lookup.prefetch_through, queryset=queryset)
    return queryset


def with_djangos_prefetches(queryset: PrivateQuerySet) -> PrivateQuerySet:
    """The QuerySet with prefetches that Django can follow: without any AsyncQuery."""
    lookups = queryset._prefetch_related_lookups
    if lookups:
        queryset = queryset._chain()
        queryset._prefetch_related_lookups = tuple(map(prefetch_lookup, lookups))
    return queryset
