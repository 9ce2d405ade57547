"""The chain that made a QuerySet: a manager or QuerySet that it began with, its steps, and adj's query of the same.

adj's query takes each step right after Django does, so that both have seen the same operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import QuerySet

# QuerySets of any model, managers of any class: what they ask is compared, not what they are.
DjangoQuerySet = QuerySet[Any, Any]


class Again:
    """An iterator among the operands, which two sides shall read."""

    def __init__(self, items: Iterator[Any]) -> None:
        self.items = tuple(items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Step:
    """One call in a chain, by the method's name."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Step:
        """A call whose iterators can be read more than once."""
        return cls(name, tuple(map(_readable, args)), {key: _readable(value) for key, value in kwargs.items()})

    def taken(self, source: Any) -> Any:
        """What the step makes of a query, of either side."""
        return self.call(getattr(source, self.name))

    def call(self, method: Callable[..., Any]) -> Any:
        """Call a method with the operands."""
        kwargs = {key: _read(value) for key, value in self.kwargs.items()}
        return method(*map(_read, self.args), **kwargs)


def _readable(operand: Any) -> Any:
    return Again(operand) if isinstance(operand, Iterator) else operand


def _read(operand: Any) -> Any:
    return iter(operand) if isinstance(operand, Again) else operand


@dataclass(frozen=True, slots=True)
class State:
    """What a QuerySet asked at some time; `deferred` is a last filter that it has not applied yet."""

    model: Any
    query: Any
    deferred: Any
    shape: tuple[Any, ...]
    alias: str

    @classmethod
    def of(cls, queryset: Any) -> State:
        """What a QuerySet asks now."""
        query = queryset._query.clone()
        return cls(queryset.model, query, queryset._deferred_filter, shape_of(queryset), queryset.db)

    def asks(self, other: State) -> bool:
        """Whether both ask the same."""
        return self.shape == other.shape and self._compiled() == other._compiled()

    def _compiled(self) -> str:
        try:
            queryset: Any = QuerySet(self.model, self.query.clone())
            queryset._deferred_filter = self.deferred
            return repr(queryset.query.get_compiler(self.alias).as_sql())
        except Exception as error:  # noqa: BLE001  # it cannot be compiled, then as now
            return repr(error)


def shape_of(queryset: Any) -> tuple[Any, ...]:
    """What somebody may have set in a QuerySet, beside what its query says."""
    known = {id(field): list(map(id, objects.values())) for field, objects in queryset._known_related_objects.items()}
    return queryset._iterable_class, queryset._fields, queryset._db, queryset._for_write, queryset._sticky_filter, known


class Record:
    """A chain. `states` are pairs of what a QuerySet was after a step, and before the next one."""

    def __init__(self, root: Any, state: State, steps: tuple[Step, ...] = ()) -> None:
        self.root, self.state, self.steps = root, state, steps
        self.states: tuple[tuple[State, State], ...] = ()
        self._query: Any = None

    def query(self) -> Any:
        """Adj's query. Raises what adj raised when the chain was written."""
        if self._query is None:
            self._query = started(self.root)
        if isinstance(self._query, Exception):
            raise self._query
        return self._query

    def extended(self, step: Step, before: State, result: DjangoQuerySet) -> Record:
        """The same with one more step, which made a QuerySet of what there was before."""
        record = Record(self.root, State.of(result), (*self.steps, step))
        record.states = (*self.states, (self.state, before))
        record._query = self._after(step)
        return record

    def _after(self, step: Step) -> Any:
        try:
            return step.taken(self.query())
        except Exception as error:  # noqa: BLE001  # whatever it is, the comparison tells of it
            return error

    def was_changed(self, queryset: DjangoQuerySet) -> bool:
        """Whether somebody has changed the QuerySet in place, after its last step or between two."""
        states = (*self.states, (self.state, State.of(queryset)))
        return any(not after.asks(before) for after, before in states)


def started(root: Any) -> Any:
    """Adj's query of a manager or a QuerySet; of the model, where the manager is its default one."""
    # After the settings are named: it imports Django's models.
    from adj import q

    is_default = not isinstance(root, QuerySet) and root.model is not None and root is root.model._default_manager
    source: Any = root.model if is_default else root
    return q(source)


def replayed(root: Any, steps: tuple[Step, ...]) -> DjangoQuerySet:
    """Django's QuerySet of a chain."""
    queryset: DjangoQuerySet = root if isinstance(root, QuerySet) else root.get_queryset()
    for step in steps:
        queryset = step.taken(queryset)
    return queryset


_records: WeakKeyDictionary[DjangoQuerySet, Record] = WeakKeyDictionary()


def record_of(queryset: DjangoQuerySet) -> Record | None:
    """The chain that built a QuerySet, if it is known and the QuerySet was not changed since."""
    record = _records.get(queryset)
    if record is None or record.state.shape == shape_of(queryset):
        return record
    return None


def keep(queryset: DjangoQuerySet, record: Record) -> None:
    """Remember the chain that built a QuerySet, for its lifetime."""
    _records[queryset] = record
