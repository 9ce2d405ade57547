"""Conditions as they were on the line that wrote them: a query runs more than once, and later than that line.

An iterator would be empty at the second run, and a list may have changed. Django takes its copies at the same moment,
when it makes a lookup of an operand.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from django.db.models import Q

from adj.compiler.structure import PLAIN_TYPES


def snapshot_arguments(args: tuple[object, ...]) -> tuple[object, ...]:
    """The positional arguments of `filter()`, with the operands in their Qs as they are now.

    A `(path, operand)` pair, which Django takes as well, becomes a Q.
    """
    return tuple([_snapshot_argument(arg) for arg in args]) if args else args


def _snapshot_argument(argument: object) -> object:
    if isinstance(argument, Q):
        return _snapshot_q(argument)
    is_pair = isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[0], str)
    return Q(_snapshot_child(argument)) if is_pair else argument


def snapshot_lookups(lookups: dict[str, object]) -> dict[str, object]:
    """The `path=operand` pairs of `filter()`, with the operands as they are now."""
    if any(_changes(operand) for operand in lookups.values()):
        return {path: _snapshot(operand) for path, operand in lookups.items()}
    return lookups


def snapshot_condition(condition: object) -> object:
    """The argument of `complex_filter()`, a Q or a dict, as it is now."""
    if isinstance(condition, Mapping):
        return {path: _snapshot(operand) for path, operand in condition.items()}
    return _snapshot_q(condition) if isinstance(condition, Q) else condition


def _snapshot_q(condition: Q) -> Q:
    # Always a copy: `condition.add(...)` changes a Q, whose structure is in the key of a plan by then.
    children = [_snapshot_child(child) for child in condition.children]
    return type(condition).create(children=children, connector=condition.connector, negated=condition.negated)


def _snapshot_child(child: Any) -> Any:
    if isinstance(child, Q):
        return _snapshot_q(child)
    return (child[0], _snapshot(child[1])) if isinstance(child, tuple) else child


def _changes(operand: object) -> bool:
    """Whether a later look at an operand may see something else."""
    if type(operand) in PLAIN_TYPES:
        return False
    return isinstance(operand, (list, set, KeysView, ValuesView, ItemsView, Iterator))


def _snapshot(operand: Any) -> Any:
    if not _changes(operand):
        return operand
    return type(operand)(operand) if type(operand) in (list, set) else list(operand)
