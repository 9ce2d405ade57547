"""A statement said to Django: the QuerySet it stands for, with the operands as they are or with slots in their place.

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
from adj.compiler.django.dialect import Bound
from adj.compiler.django.substitute import SlotWalk, Verbatim, WithBuiltQueries
from adj.compiler.keys.prefetch_lookups import prefetch_lookup
from adj.compiler.slots.slots import Recording, Slot
from adj.compiler.slots.slotted_query import slotted_query_class
from adj.django_types import PrivateQuerySet
from adj.statement import clauses as ask
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer
from adj.statement.statement import Finish, Statement
from adj.statement.structure import StatementHolder, Structure, Uncacheable


def has_instances(queryset: DjangoQuerySet) -> bool:
    """Whether the rows are instances of the model."""
    return queryset._iterable_class is ModelIterable


def kept(queryset: DjangoQuerySet) -> PrivateQuerySet:
    """A copy without cached rows, from which the next method starts as it would have started from the original.

    Django's own copy is a step of its own: after it a related manager's first `filter()` no longer uses the manager's
    join, and attributes of the QuerySet itself are gone.
    """
    copied: Any = object.__new__(type(queryset))
    copied.__dict__.update(queryset.__dict__, _result_cache=None, _prefetch_done=False)
    copied._query = query = copied._query.clone()
    # Not in every supported Django is it copied with the rest, and the first filter adds to it.
    query.used_aliases = set(query.used_aliases)
    # Applies a filter that waits, which would change the QuerySet in the middle of its first use.
    _ = copied.query
    return cast("PrivateQuerySet", copied)


def pickled(statement: Statement) -> bytes:
    """A statement for `pickle`, which would run each QuerySet in it to send its rows along."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(statement)
    return file.getvalue()


def unpickled(data: bytes) -> Statement:
    """The statement that was pickled."""
    statement: Statement = pickle.loads(data)  # noqa: S301  # part of what the user chose to unpickle
    return statement


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, QuerySet):
            return _restored, (type(obj), {**obj.__dict__, "_result_cache": None})
        # Django's own way takes the QuerySet of a Prefetch for one of its own.
        return (_restored, (type(obj), obj.__dict__)) if isinstance(obj, Prefetch) else NotImplemented


def _restored(restored_class: type[object], attributes: dict[str, object]) -> object:
    restored: object = restored_class.__new__(restored_class)
    restored.__dict__.update(attributes)
    return restored


def build(statement: Statement) -> DjangoQuerySet:
    """The QuerySet that says the same as a statement; the caller's own."""
    built: dict[int, DjangoQuerySet] = {}
    operands = WithBuiltQueries(lambda holder: built.get(id(holder)))
    for holder in innermost_first(statement.clauses):
        built[id(holder)] = _replay(holder.statement, base_of(holder.statement), operands)
    return _replay(statement, base_of(statement), operands)


def innermost_first(
    clauses: Iterable[ask.Clause],
    clauses_of: Callable[[StatementHolder], Iterable[ask.Clause]] = lambda holder: holder.statement.clauses,
) -> list[StatementHolder]:
    """The queries that are combined in clauses, those that are combined in these before them.

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
    """The same, for a database that is known."""
    queryset = cast("PrivateQuerySet", build(statement))
    # Not by using(), which is one more step.
    queryset._db = alias
    return queryset


def build_with_slots(
    statement: Statement, finish: Finish, structure: Structure, recording: Recording
) -> tuple[DjangoQuerySet, Finish]:
    """The QuerySet of a statement, and its ending, with a slot for each of their values.

    Raises `Uncacheable` when the operands did not take every slot, so that no value can end up in another's place.
    """
    slots: Iterator[Slot] = iter([recording.slot(index) for index in range(len(structure.values))])
    walk = SlotWalk(statement.model, slots, _build_nested)
    try:
        base = _slotted_base(statement, walk)
        queryset = _replay(statement, base, walk, bounds=structure.bounds)
        finish = _finish_with(statement.model, finish, walk.of_clause())
    except StopIteration:
        raise Uncacheable("an operand found no slot") from None
    if next(slots, None) is not None:
        raise Uncacheable("an operand lost its slot")
    return queryset, finish


def _finish_with(model: type[Model], finish: Finish, operands: SlotWalk) -> Finish:
    """An ending with slots in its operands."""
    if finish.answer is Answer.UPDATE:
        return replace(finish, kwargs=assigned_slots(model, finish.kwargs, operands))
    args = tuple(operands.node(arg) for arg in finish.args)
    return replace(finish, args=args, kwargs={name: operands.node(value) for name, value in finish.kwargs.items()})


def _build_nested(statement: Statement, walk: SlotWalk) -> DjangoQuerySet:
    nested = walk.of_model(statement.model)
    return _replay(statement, _slotted_base(statement, nested), nested)


def base_of(statement: Statement) -> PrivateQuerySet:
    """The QuerySet that a statement starts from; the caller's own, as its owner made it."""
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
        # The walk makes a query of it that takes slots.
        return cast("DjangoQuerySet", walk.of_clause().node(base))
    # `query` would apply a deferred filter once more.
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
    """A slice whose limits are filled in at run time."""
    start, stop = bounds
    sliced = queryset.all()
    if sliced.query.is_sliced:
        # Django adds the bounds of the two up.
        raise Uncacheable("a slice of a slice")
    # Not through __getitem__, which makes plain integers of the bounds.
    sliced.query.set_limits(Bound(start) if start else None, None if stop is None else Bound(stop))
    return sliced
