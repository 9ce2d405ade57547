"""Conditions as they were on the line that wrote them: a query runs more than once, and later than that line.

An iterator would be empty at the second run, a list may have changed, and so may the key of an instance. Django takes
its copies at the same moment, when it makes a lookup of an operand.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from django.db.models import Model, Q

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
    return isinstance(operand, (Model, list, tuple, set, frozenset, KeysView, ValuesView, ItemsView, Iterator))


def _snapshot(operand: Any) -> Any:
    if isinstance(operand, Model):
        return _snapshot_instance(operand)
    if not _changes(operand):
        return operand
    items = operand if isinstance(operand, (list, tuple, set, frozenset)) else list(operand)
    if _holds_instances(items):
        return [_snapshot_instance(item) if isinstance(item, Model) else item for item in items]
    if isinstance(items, (tuple, frozenset)) or items is not operand:
        return items
    return type(items)(items) if type(items) in (list, set) else list(items)


def _holds_instances(items: Collection[object]) -> bool:
    # Keys are many, and are not looked at one by one: a list that begins with one has no instances.
    if type(next(iter(items), 0)) in PLAIN_TYPES:
        return False
    return any(isinstance(item, Model) for item in items)


def _snapshot_instance(instance: Model) -> Any:
    """An instance whose attributes are those of another one now: which of them is asked for, the lookup knows."""
    copied: Any = object.__new__(type(instance))
    copied.__dict__ = instance.__dict__.copy()
    return copied
