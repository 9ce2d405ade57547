"""Copies of operands as they are when a clause is written: the query may run later, and more than once.

An iterator would be empty at the second run; a list, a dict, a Q or an instance may change in between. Django makes
most of its copies at the same moment, when it resolves an operand; adj makes all copies there. Immutable operands are
not copied, and the user's objects are never changed.
"""

from __future__ import annotations

from collections.abc import (
    Mapping,
)
from typing import Any

from django.db.models import Prefetch

from adj.compiler.keys.operand_copies import STEADY_TYPES, Snapshot, is_steady
from adj.compiler.keys.prefetch_lookups import copied
from adj.statement.structure import HasStatement


def snapshot_conditions(
    source: HasStatement, args: tuple[object, ...], lookups: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """The arguments of `filter()`: Qs, other conditional expressions, pairs and `path=operand` lookups."""
    if not args and STEADY_TYPES.issuperset(map(type, lookups.values())):
        return args, lookups
    snapshot = Snapshot(source)
    if args:
        args = tuple([snapshot.argument(argument) for argument in args])
    return args, snapshot.lookups(lookups)


def snapshot_condition(source: HasStatement, condition: object) -> object:
    """The argument of `complex_filter()`: a Q or a dict."""
    snapshot = Snapshot(source)
    # `**` reads a subclass of dict as Django does when it calls Q().
    return snapshot.lookups(dict(**condition)) if isinstance(condition, Mapping) else snapshot.value(condition)


def snapshot_value(value: object) -> Any:
    """A value that is not part of a clause, such as the parameters of `raw()`."""
    return Snapshot(None).value(value)


def snapshot_values(source: HasStatement, values: tuple[object, ...]) -> tuple[Any, ...]:
    """Names and expressions, as in `order_by()`; or the queries of `union()`."""
    for value in values:
        if type(value) not in STEADY_TYPES and not is_steady(value):
            return tuple(map(Snapshot(source).value, values))
    return values


def snapshot_expressions(
    source: HasStatement, args: tuple[object, ...], named: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Positional and named expressions, as in `annotate()`, or what `aupdate()` sets."""
    if all(map(is_steady, named.values())) and (not args or all(map(is_steady, args))):
        return args, named
    snapshot = Snapshot(source)
    return tuple(map(snapshot.value, args)), {name: snapshot.value(value) for name, value in named.items()}


def snapshot_prefetches(lookups: tuple[object, ...]) -> tuple[Any, ...]:
    """The lookups of `prefetch_related()`: each `Prefetch` with its query."""
    if STEADY_TYPES.issuperset(map(type, lookups)):
        return lookups
    return tuple([_prefetch(lookup) if isinstance(lookup, Prefetch) else lookup for lookup in lookups])


def _prefetch(lookup: Any) -> Any:
    queryset = lookup.queryset
    taken = snapshot_value(queryset)
    return lookup if taken is queryset else copied(lookup, queryset=taken)
