"""Builds the QuerySet of a statement, with the operands unchanged or replaced by slots.

Private Django API used here: `QuerySet._db`, `QuerySet._iterable_class`, `QuerySet._prefetch_done`,
`QuerySet._prefetch_related_lookups`, `QuerySet._query`, `QuerySet._result_cache`, `Query.used_aliases`.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

from django.db.models import Model, Prefetch, QuerySet
from django.db.models.query import ModelIterable

from adj.compiler.django.assign import assigned_slots
from adj.compiler.django.limits import Bound
from adj.compiler.django.substitute import SlotWalk, Verbatim, WithBuiltQueries
from adj.compiler.keys.prefetch_lookups import prefetch_lookup
from adj.compiler.slots.slots import Recording, Slot
from adj.compiler.slots.slotted_query import slotted_query_class
from adj.django_types import PrivateQuerySet
from adj.statement import clauses as ask
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer
from adj.statement.statement import Statement, TerminalCall
from adj.statement.structure import StatementHolder, Structure, Uncacheable


def has_instances(queryset: DjangoQuerySet) -> bool:
    """Whether the rows are instances of the model."""
    return queryset._iterable_class is ModelIterable


def kept(queryset: DjangoQuerySet) -> PrivateQuerySet:
    """A copy without cached rows, on which the next method call has the same effect as on the original.

    Not by Django's `_chain()`: after that, a related manager's first `filter()` no longer uses the manager's join, and
    attributes set on the QuerySet instance are gone.
    """
    copied: Any = object.__new__(type(queryset))
    copied.__dict__.update(queryset.__dict__, _result_cache=None, _prefetch_done=False)
    copied._query = query = copied._query.clone()
    # Some supported versions of Django do not copy this set, and the first filter adds to it.
    query.used_aliases = set(query.used_aliases)
    # Reading `query` applies a deferred filter, which would otherwise change the QuerySet during its first use.
    _ = copied.query
    return cast("PrivateQuerySet", copied)


def pickled(statement: Statement) -> bytes:
    """Pickle a statement without running its QuerySets, whose rows `pickle` would include."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(statement)
    return file.getvalue()


def unpickled(data: bytes) -> Statement:
    """The statement in pickled data."""
    statement: Statement = pickle.loads(data)  # noqa: S301  # part of what the user chose to unpickle
    return statement


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, QuerySet):
            return _restored, (type(obj), {**obj.__dict__, "_result_cache": None})
        # Prefetch.__getstate__() expects the query of a Prefetch to be a QuerySet.
        return (_restored, (type(obj), obj.__dict__)) if isinstance(obj, Prefetch) else NotImplemented


def _restored(restored_class: type[object], attributes: dict[str, object]) -> object:
    restored: object = restored_class.__new__(restored_class)
    restored.__dict__.update(attributes)
    return restored


def build(statement: Statement) -> DjangoQuerySet:
    """Build a new QuerySet for a statement."""
    built: dict[int, DjangoQuerySet] = {}
    operands = WithBuiltQueries(lambda holder: built.get(id(holder)))
    for holder in innermost_first(statement.clauses):
        built[id(holder)] = _replay(holder.statement, base_of(holder.statement), operands)
    return _replay(statement, base_of(statement), operands)


def innermost_first(
    clauses: Iterable[ask.Clause],
    clauses_of: Callable[[StatementHolder], Iterable[ask.Clause]] = lambda holder: holder.statement.clauses,
) -> list[StatementHolder]:
    """The queries that clauses combine, the innermost first.

    Without recursion: `one | (two | (three | ...))` may be as deep as Django allows.
    """
    ordered: dict[int, StatementHolder] = {}
    waiting = [(holder, False) for holder in _combined(clauses)]
    while waiting:
        holder, is_expanded = waiting.pop()
        if is_expanded:
            ordered[id(holder)] = holder
        elif id(holder) not in ordered:
            waiting.append((holder, True))
            waiting.extend([(inner, False) for inner in _combined(clauses_of(holder))])
    return list(ordered.values())


def _combined(clauses: Iterable[ask.Clause]) -> list[StatementHolder]:
    combined = [clause for clause in clauses if type(clause) is ask.Combine]
    return [other for clause in combined for other in clause.others if isinstance(other, StatementHolder)]


def build_on(statement: Statement, alias: str) -> DjangoQuerySet:
    """Build a QuerySet for a statement on a given database."""
    queryset = cast("PrivateQuerySet", build(statement))
    # Not by using(), which would count as a query method.
    queryset._db = alias
    return queryset


def build_with_slots(
    statement: Statement, terminal: TerminalCall, structure: Structure, recording: Recording
) -> tuple[DjangoQuerySet, TerminalCall]:
    """The QuerySet of a statement and its terminal method, with a slot for each of their values.

    Raises `Uncacheable` unless the operands took every slot, so that no value can end up in another's place.
    """
    slots: Iterator[Slot] = iter([recording.slot(index) for index in range(len(structure.values))])
    walk = SlotWalk(statement.model, slots, _build_nested)
    try:
        base = _slotted_base(statement, walk)
        queryset = _replay(statement, base, walk, bounds=structure.bounds)
        terminal = _finish_with(statement.model, terminal, walk.of_clause())
    except StopIteration:
        raise Uncacheable("an operand found no slot") from None
    if next(slots, None) is not None:
        raise Uncacheable("an operand lost its slot")
    return queryset, terminal


def _finish_with(model: type[Model], terminal: TerminalCall, operands: SlotWalk) -> TerminalCall:
    """A terminal method with slots in its operands."""
    if terminal.answer is Answer.UPDATE:
        return replace(terminal, kwargs=assigned_slots(model, terminal.kwargs, operands))
    args = tuple(operands.node(arg) for arg in terminal.args)
    return replace(terminal, args=args, kwargs={name: operands.node(value) for name, value in terminal.kwargs.items()})


def _build_nested(statement: Statement, walk: SlotWalk) -> DjangoQuerySet:
    nested = walk.of_model(statement.model)
    return _replay(statement, _slotted_base(statement, nested), nested)


def base_of(statement: Statement) -> PrivateQuerySet:
    """A copy of the QuerySet that a statement starts from."""
    base = statement.base
    queryset = cast("PrivateQuerySet", statement.model._default_manager.get_queryset()) if base is None else kept(base)
    if queryset._prefetch_related_lookups:
        queryset._prefetch_related_lookups = tuple(map(prefetch_lookup, queryset._prefetch_related_lookups))
    if statement.alias is not None:
        queryset._db = statement.alias
    return queryset


def _slotted_base(statement: Statement, walk: SlotWalk) -> DjangoQuerySet:
    base = base_of(statement)
    if statement.base is not None:
        # The walk gives it a Query that takes slots.
        return cast("DjangoQuerySet", walk.of_clause().node(base))
    # Reading `query` would apply a deferred filter again.
    query = base._query
    query_class: type = type(query)
    query.__class__ = slotted_query_class(query_class)
    return base


def _replay(
    statement: Statement,
    queryset: DjangoQuerySet,
    operands: Verbatim | SlotWalk,
    bounds: tuple[int | None, int | None] | None = None,
) -> DjangoQuerySet:
    for clause in statement.clauses:
        operands = operands.of_clause()
        if bounds is not None and type(clause) is ask.Slice:
            queryset = _sliced(queryset, bounds)
        else:
            queryset = clause.applied(queryset, operands)
    return queryset


def _sliced(queryset: DjangoQuerySet, bounds: tuple[int | None, int | None]) -> DjangoQuerySet:
    """A slice whose limits are inserted at run time."""
    start, stop = bounds
    sliced = queryset.all()
    if sliced.query.is_sliced:
        # Django combines the bounds of both slices.
        raise Uncacheable("a slice of a slice")
    # Not by __getitem__(), which converts the bounds to plain integers.
    sliced.query.set_limits(Bound(start) if start else None, None if stop is None else Bound(stop))
    return sliced
