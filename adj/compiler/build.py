"""A statement said to Django: the QuerySet it stands for, with the operands as they are or with slots in their place.

Private Django API used here: `QuerySet._iterable_class`, `QuerySet._query`, `QuerySet._result_cache`, `Manager._db`,
`Manager._hints`, `Manager._queryset_class`, and the methods named in `_CALLED`.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.db.models import Model, Prefetch, QuerySet
from django.db.models.manager import BaseManager
from django.db.models.query import ModelIterable

from adj import statement as ask
from adj.compiler.assign import assigned_slots
from adj.compiler.clauses import CLAUSES, DjangoQuerySet, Operands, with_djangos_prefetches
from adj.compiler.dialect import Bound
from adj.compiler.slots import Recording, Slot
from adj.compiler.slotted_query import slotted_query_class
from adj.compiler.structure import StatementHolder, Structure, Uncacheable
from adj.compiler.substitute import SlotWalk, Verbatim
from adj.shapes import Answer
from adj.statement import Finish, Statement

# Methods that adj calls while it builds or finishes a query. A class that has its own may look at operands.
_CALLED = [
    "filter",
    "exclude",
    "complex_filter",
    "annotate",
    "alias",
    "order_by",
    "reverse",
    "distinct",
    "values",
    "values_list",
    "dates",
    "datetimes",
    "only",
    "defer",
    "select_related",
    "select_for_update",
    "extra",
    "none",
    "union",
    "intersection",
    "difference",
    "get",
    "first",
    "last",
    "earliest",
    "latest",
    "count",
    "exists",
    "aggregate",
    "__and__",
    "__or__",
    "__xor__",
    "__getitem__",
    "__iter__",
    "iterator",
    "_filter_or_exclude",
    "_filter_or_exclude_inplace",
    "_annotate",
    "_values",
    "_combinator_query",
    "_fetch_all",
    "_iterator",
    "fetch_mode",
]


@lru_cache(maxsize=1_024)
def is_plain(queryset_class: type[DjangoQuerySet]) -> bool:
    """Whether a QuerySet class builds and finishes as Django's does; new methods of its own do no harm."""
    return all(getattr(queryset_class, name, None) is getattr(QuerySet, name, None) for name in _CALLED)


def has_instances(queryset: DjangoQuerySet) -> bool:
    """Whether the rows are instances of the model."""
    found: Any = queryset
    return found._iterable_class is ModelIterable


def has_plain_manager(model: type[Model]) -> bool:
    """Whether a model's default manager starts from every row, whenever it is asked."""
    return starts_plain(model._default_manager)


def starts_plain(manager: BaseManager[Any]) -> bool:
    """Whether a manager gives every row of the database that the router chooses, whenever it is asked."""
    found: Any = manager
    return (
        type(manager).get_queryset is BaseManager.get_queryset
        and found._db is None
        and not found._hints
        and _begins_plain(found._queryset_class)
    )


@lru_cache(maxsize=1_024)
def _begins_plain(queryset_class: type[DjangoQuerySet]) -> bool:
    """Whether a QuerySet of a class begins as Django's does."""
    # Compared as what the class has, which for a property is the property.
    own: Any = queryset_class
    return own.__init__ is QuerySet.__init__ and own.db is QuerySet.db and own.query is QuerySet.query


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
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, QuerySet):
            return _restored, (type(obj), {**obj.__dict__, "_result_cache": None})
        # Django's own way takes the QuerySet of a Prefetch for one of its own.
        return (_restored, (type(obj), obj.__dict__)) if isinstance(obj, Prefetch) else NotImplemented


def _restored(kind: Any, attributes: dict[str, Any]) -> Any:
    restored = kind.__new__(kind)
    restored.__dict__.update(attributes)
    return restored


def build(statement: Statement) -> DjangoQuerySet:
    """The QuerySet that says the same as a statement."""
    nested = _Nested()
    for holder in innermost_first(statement.clauses):
        nested.built[id(holder)] = _replay(holder.statement, base_of(holder.statement), nested)
    return _replay(statement, base_of(statement), nested)


class _Nested(Verbatim):
    """The operands as they are; a nested query becomes its QuerySet, which may be built already."""

    def __init__(self) -> None:
        self.built: dict[int, DjangoQuerySet] = {}

    def node(self, node: Any) -> Any:
        """One expression."""
        built = self.built.get(id(node)) if self.built else None
        return super().node(node) if built is None else built.all()


def innermost_first(
    clauses: Iterable[ask.AnyClause],
    clauses_of: Callable[[StatementHolder], Iterable[ask.AnyClause]] = lambda holder: holder.statement.clauses,
) -> list[StatementHolder]:
    """The queries that are combined in clauses, those that are combined in these before them.

    Without recursion: `one | (two | (three | ...))` may be as deep as Django allows.
    """
    found: dict[int, StatementHolder] = {}
    waiting = [(holder, False) for holder in _combined(clauses)]
    while waiting:
        holder, is_expanded = waiting.pop()
        if is_expanded:
            found[id(holder)] = holder
        elif id(holder) not in found:
            waiting.append((holder, True))
            waiting.extend([(inner, False) for inner in _combined(clauses_of(holder))])
    return list(found.values())


def _combined(clauses: Iterable[ask.AnyClause]) -> list[StatementHolder]:
    combined = [clause for clause in clauses if type(clause) is ask.Combine]
    return [other for clause in combined for other in clause.others if isinstance(other, StatementHolder)]


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


def base_of(statement: Statement) -> DjangoQuerySet:
    """The QuerySet that a statement starts from."""
    queryset: Any = statement.base
    if queryset is None:
        queryset = statement.model._default_manager.get_queryset()
    queryset = with_djangos_prefetches(queryset)
    return queryset if statement.alias is None else queryset.using(statement.alias)  # type: ignore[no-any-return]


def _slotted_base(statement: Statement, walk: SlotWalk) -> DjangoQuerySet:
    base = base_of(statement)
    if statement.base is not None:
        # The walk makes a query of it that takes slots.
        slotted: DjangoQuerySet = walk.of_clause().node(base)
        return slotted
    base = base.all()
    query: Any = base._query  # type: ignore[attr-defined]  # `query` would apply a deferred filter once more
    kind: Any = type(query)
    query.__class__ = slotted_query_class(kind)
    return base


def _replay(
    statement: Statement,
    queryset: DjangoQuerySet,
    operands: Operands,
    bounds: tuple[int | None, int | None] | None = None,
) -> DjangoQuerySet:
    for clause in statement.clauses:
        operands = operands.of_clause()
        if bounds is not None and type(clause) is ask.Slice:
            queryset = _sliced(queryset, bounds)
        else:
            queryset = build_clause(queryset, clause, operands)
    return queryset


def build_clause(queryset: DjangoQuerySet, clause: ask.AnyClause, operands: Operands) -> DjangoQuerySet:
    """A QuerySet with one more clause."""
    return CLAUSES[type(clause)][1](queryset, clause, operands)


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
