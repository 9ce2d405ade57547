"""Clauses that choose rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from typing_extensions import override

from adj.statement.clauses.clause import (
    BareClause,
    Clause,
    DjangoQuerySet,
    Keys,
    Named,
    Operands,
    Pair,
    PathsClause,
    Role,
    Words,
    conditions_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class Filter(Clause):
    """`filter(*args, **kwargs)`; `exclude()` when negated."""

    args: tuple[object, ...]
    kwargs: Named
    negated: bool = False

    has_conditions = True

    @property
    @override
    def method(self) -> str:
        return "exclude" if self.negated else "filter"

    @override
    def key(self, keys: Keys) -> Hashable:
        word = "exclude" if self.negated else "filter"
        return (word, tuple([keys.node(condition) for condition in self.args]), keys.pairs(self.kwargs))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        conditions = [operands.node(condition) for condition in self.args]
        method = queryset.exclude if self.negated else queryset.filter
        return method(*conditions, **operands.keywords(self.kwargs))

    @override
    def text(self, words: Words) -> str:
        return words.call(self.method, self.args, self.kwargs.items())

    @override
    def conditions(self) -> Iterator[Pair]:
        for argument in self.args:
            yield from conditions_of(argument)
        yield from sorted(self.kwargs.items())

    @override
    def all_expressions(self) -> Iterable[object]:
        return self.args


@dataclass(frozen=True, slots=True, eq=False)
class ComplexFilter(Clause):
    """`complex_filter(Q or dict)`."""

    condition: object

    word = "complex_filter"
    has_conditions = True

    @override
    def key(self, keys: Keys) -> Hashable:
        if isinstance(self.condition, dict):
            return (self.word, keys.pairs(self.condition))
        return (self.word, keys.node(self.condition))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        condition: Any = self.condition
        is_mapping = isinstance(condition, dict)
        return queryset.complex_filter(operands.keywords(condition) if is_mapping else operands.node(condition))

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word, (self.condition,))

    @override
    def conditions(self) -> Iterator[Pair]:
        condition: Any = self.condition
        yield from condition.items() if isinstance(condition, dict) else conditions_of(condition)


class KeyedRelation(Protocol):
    """A relation whose rows are selected by keys; see `adj/compiler/relations/relation.py`."""

    @property
    def lookup(self) -> str:
        """The lookup that selects them."""
        ...

    def narrowed(self, queryset: DjangoQuerySet, keys: object) -> DjangoQuerySet:
        """A QuerySet's rows that belong to the keys."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Among(Clause):
    """The rows of a relation with these keys; adj adds this clause itself."""

    relation: KeyedRelation
    keys: tuple[object, ...]

    @override
    def key(self, keys: Keys) -> Hashable:
        # The keys are a single operand.
        _ = keys.slot(self.keys)
        return among_key(self.relation)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return self.relation.narrowed(queryset, operands.operand(self.relation.lookup, self.keys))

    @override
    def text(self, words: Words) -> str:
        return words.call("filter", (), [(self.relation.lookup, list(self.keys))])


def among_key(relation: KeyedRelation) -> Hashable:
    """The key of the clause that selects the rows of a relation."""
    return ("among", relation)


@dataclass(frozen=True, slots=True, eq=False)
class Nothing(BareClause):
    """`none()`."""

    word = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Distinct(PathsClause):
    """`distinct(*names)`."""

    word = "distinct"
    role = Role.PATH


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Clause):
    """`query[start:stop]`."""

    start: int | None
    stop: int | None

    @property
    def bounds(self) -> tuple[int, int | None]:
        """The limits, which fill a plan."""
        return self.start or 0, self.stop

    @override
    def key(self, keys: Keys) -> Hashable:
        # Structure: which limits are set, and whether the slice is empty. Their values are not.
        start, stop = self.start or 0, self.stop
        return ("slice", start > 0, stop is not None, stop is not None and stop <= start)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return queryset[self.start : self.stop]

    @override
    def text(self, words: Words) -> str:
        return f"[{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}]"


@dataclass(frozen=True, slots=True, eq=False)
class Lock(Clause):
    """`select_for_update(nowait, skip_locked, of, no_key)`."""

    nowait: bool
    skip_locked: bool
    of: tuple[str, ...]
    no_key: bool

    word = "select_for_update"

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, self.nowait, self.skip_locked, keys.names(self.of), self.no_key)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return queryset.select_for_update(
            nowait=self.nowait, skip_locked=self.skip_locked, of=self.of, no_key=self.no_key
        )

    @override
    def text(self, words: Words) -> str:
        options = {"nowait": self.nowait, "skip_locked": self.skip_locked, "of": self.of, "no_key": self.no_key}
        return words.call(self.word, (), [(name, value) for name, value in options.items() if value])


@dataclass(frozen=True, slots=True, eq=False)
class Extra(Clause):
    """`extra(...)`."""

    select: Mapping[str, str] | None
    where: tuple[str, ...] | None
    params: tuple[object, ...] | None
    tables: tuple[str, ...] | None
    order_by: tuple[str, ...] | None
    select_params: tuple[object, ...] | None

    word = "extra"

    @override
    def key(self, keys: Keys) -> Hashable:
        if self.params or self.select_params:
            keys.refuse("extra() with parameters")
        select = tuple([keys.names(item) for item in self.select.items()]) if self.select else None
        return (self.word, select, *(part and keys.names(part) for part in (self.where, self.tables, self.order_by)))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return queryset.extra(
            select=dict(self.select) if self.select else None,
            where=list(self.where) if self.where else None,
            params=list(self.params) if self.params else None,
            tables=list(self.tables) if self.tables else None,
            order_by=list(self.order_by) if self.order_by else None,
            select_params=list(self.select_params) if self.select_params else None,
        )

    @override
    def text(self, words: Words) -> str:
        return ".extra(...)"


@dataclass(frozen=True, slots=True, eq=False)
class Combine(Clause):
    """`union intersection difference` of queries, and `& | ^` of their conditions."""

    operation: Literal["union", "intersection", "difference", "and", "or", "xor"]
    others: tuple[object, ...]
    all: bool = False

    @property
    @override
    def method(self) -> str | None:
        return None if self.operation in _SIGNS else self.operation

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.operation, self.all, tuple([keys.node(other) for other in self.others]))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        others = [operands.node(other) for other in self.others]
        combined: DjangoQuerySet
        match self.operation:
            case "union":
                combined = queryset.union(*others, all=self.all)
            case "intersection":
                combined = queryset.intersection(*others)
            case "difference":
                combined = queryset.difference(*others)
            case "and":
                combined = queryset & others[0]
            case "or":
                combined = queryset | others[0]
            case "xor":
                combined = queryset ^ others[0]
        return combined

    @override
    def text(self, words: Words) -> str:
        sign = _SIGNS.get(self.operation)
        if sign is None:
            return words.call(self.operation, self.others, [("all", True)] if self.all else [])
        return "".join([f" {sign} {words.value(other)}" for other in self.others])


_SIGNS = {"and": "&", "or": "|", "xor": "^"}
