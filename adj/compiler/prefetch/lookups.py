"""The lookups of a prefetch, taken apart by levels: `author__publisher` has the levels `author` and `publisher`.

Django's `Prefetch` has two paths: the one to go through, and the one of the attributes that hold the rows, which ends
with `to_attr`. Lookups that agree in the second one, up to a level, are one branch there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Prefetch
from django.db.models.constants import LOOKUP_SEP


def normalized(lookups: Iterable[Any], prefix: str | None = None) -> list[Any]:
    """Lookups as `Prefetch` objects, below a path."""
    return [_prefixed(lookup, prefix) for lookup in lookups]


def _prefixed(lookup: Any, prefix: str | None) -> Any:
    if not isinstance(lookup, Prefetch):
        lookup = Prefetch(lookup)
    elif prefix is not None:
        lookup = copied(lookup)
    if prefix is not None:
        lookup.add_prefix(prefix)
    return lookup


def copied(lookup: Any, **changes: object) -> Any:
    """A copy; not by `copy.copy()`, for which a Prefetch asks its QuerySet for a state that can be pickled."""
    copy = object.__new__(type(lookup))
    copy.__dict__.update(lookup.__dict__, **changes)
    return copy


def through(lookup: Any, level: int) -> str:
    """The attribute that a lookup goes through at a level."""
    name: str = lookup.prefetch_through.split(LOOKUP_SEP)[level]
    return name


def holder(lookup: Any, level: int) -> str:
    """The attribute that holds the rows of a lookup at a level."""
    name: str = lookup.prefetch_to.split(LOOKUP_SEP)[level]
    return name


def is_leaf(lookup: Any, level: int) -> bool:
    """Whether a lookup ends at a level."""
    return bool(lookup.prefetch_through.count(LOOKUP_SEP) == level)


def path(lookup: Any, level: int) -> str:
    """The path of the attributes that hold rows, up to a level."""
    whole: str = lookup.get_current_prefetch_to(level)
    return whole


def branches(lookups: Iterable[Any], level: int) -> list[list[Any]]:
    """The lookups by the attribute that holds their rows at a level, in the order in which each is met first."""
    found: dict[str, list[Any]] = {}
    for lookup in lookups:
        found.setdefault(holder(lookup, level), []).append(lookup)
    return list(found.values())


def deeper(lookups: Iterable[Any], level: int) -> list[Any]:
    """The lookups that do not end at a level."""
    return [lookup for lookup in lookups if not is_leaf(lookup, level)]


def length(lookup: Any) -> int:
    """How many levels a lookup has."""
    count: int = lookup.prefetch_through.count(LOOKUP_SEP)
    return count + 1


def has_second_queryset(branch: Sequence[Any], level: int) -> bool:
    """Whether a lookup after the first one of a branch has a query for the branch's rows."""
    return any(lookup.queryset is not None and is_leaf(lookup, level) for lookup in branch[1:])


def refuse_second_queryset(lookup: Any) -> None:
    """Rows that one lookup has fetched cannot be those of another one's query."""
    if lookup.queryset is not None:
        raise ValueError(
            f"'{lookup.prefetch_to}' lookup was already seen with a different queryset. You may need to adjust "
            "the ordering of your lookups."
        )
