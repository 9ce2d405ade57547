"""Clauses that choose the columns of rows, and their order."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from django.db.models import FilteredRelation
from typing_extensions import override

from adj.statement.clauses.clause import (
    BareClause,
    Clause,
    DjangoQuerySet,
    Keys,
    Named,
    Names,
    NamesClause,
    Operands,
    PathsClause,
    Role,
    Words,
    is_name_or_expression,
)
from adj.statement.row_class import RowClass


@dataclass(frozen=True, slots=True, eq=False)
class Annotate(Clause):
    """`annotate(*args, **kwargs)`; `alias()` when not selected."""

    args: tuple[object, ...]
    kwargs: Named
    selected: bool = True

    @property
    @override
    def method(self) -> str:
        return "annotate" if self.selected else "alias"

    @override
    def key(self, keys: Keys) -> Hashable:
        word = "annotate" if self.selected else "alias"
        return (word, tuple([keys.node(expression) for expression in self.args]), keys.mapping(self.kwargs))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        expressions = [operands.node(expression) for expression in self.args]
        named = {name: _reusable(operands.node(expression)) for name, expression in self.kwargs.items()}
        method = queryset.annotate if self.selected else queryset.alias
        return method(*expressions, **named)

    @override
    def text(self, words: Words) -> str:
        return words.call(self.method, self.args, self.kwargs.items())

    @override
    def all_expressions(self) -> Iterable[object]:
        return (*self.args, *self.kwargs.values())


def _reusable(expression: object) -> Any:
    """The expression, or a copy of a FilteredRelation, since Django sets its alias and rewrites its condition."""
    return copy.copy(expression) if isinstance(expression, FilteredRelation) else expression


@dataclass(frozen=True, slots=True, eq=False)
class Values(Clause):
    """`values(*names, **expressions)`: a row is a dict."""

    names: Names
    expressions: Named

    word = "values"

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, tuple([keys.name(name) for name in self.names]), keys.mapping(self.expressions))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        names = [operands.node(name) for name in self.names]
        return queryset.values(*names, **{name: operands.node(node) for name, node in self.expressions.items()})

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word, self.names, self.expressions.items())

    @override
    def all_names(self) -> Names:
        return self.names

    @override
    def takes(self, name: object) -> bool:
        return is_name_or_expression(name)

    @override
    def all_expressions(self) -> Iterable[object]:
        return self.expressions.values()


@dataclass(frozen=True, slots=True, eq=False)
class ValuesList(Clause):
    """`values_list(*names, flat, named)`: a row is a tuple, a scalar or a named tuple."""

    names: Names
    flat: bool = False
    named: bool = False

    word = "values_list"

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, tuple([keys.name(name) for name in self.names]), self.flat, self.named)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        names: list[Any] = [operands.node(name) for name in self.names]
        return queryset.values_list(*names, flat=self.flat, named=self.named)

    @override
    def text(self, words: Words) -> str:
        options = {"flat": self.flat, "named": self.named}
        return words.call(self.word, self.names, [(name, True) for name, is_on in options.items() if is_on])

    @override
    def all_names(self) -> Names:
        return self.names

    @override
    def takes(self, name: object) -> bool:
        return is_name_or_expression(name)


class ObjectRows(Protocol):
    """The rows of `into()`; see `adj/compiler/django/object_rows.py`. Equal ones choose the same columns."""

    @property
    def row_class(self) -> RowClass:
        """The class of a row."""
        ...

    @property
    def paths(self) -> tuple[tuple[str, str], ...]:
        """The paths of fields that are not named after theirs."""
        ...

    def chosen(self, queryset: DjangoQuerySet) -> DjangoQuerySet:
        """A QuerySet with these rows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Into(Clause):
    """`into(row_class, **paths)`: a row is an object of a class."""

    rows: ObjectRows

    @property
    @override
    def method(self) -> str:
        # What it calls on a project's manager or QuerySet.
        return "values_list"

    @override
    def key(self, keys: Keys) -> Hashable:
        return ("into", self.rows)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return self.rows.chosen(queryset)

    @override
    def text(self, words: Words) -> str:
        call = words.call("into", (), self.rows.paths)
        row_class: object = self.rows.row_class
        start = f".into({row_class.__name__ if isinstance(row_class, type) else words.value(row_class)}"
        return f"{start})" if not self.rows.paths else f"{start}, {call.removeprefix('.into(')}"


@dataclass(frozen=True, slots=True, eq=False)
class _TruncatedClause(Clause):
    """A clause of a column whose values are truncated."""

    name: str
    kind: str
    order: str

    @override
    def key(self, keys: Keys) -> Hashable:
        keys.local()
        return (self.word, *keys.names((self.name, self.kind, self.order)))

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word, (self.name, self.kind), [("order", self.order)] if self.order != "ASC" else [])

    @override
    def all_names(self) -> Names:
        return (self.name,)

    @override
    def takes(self, name: object) -> bool:
        return isinstance(name, str)


@dataclass(frozen=True, slots=True, eq=False)
class Dates(_TruncatedClause):
    """`dates(name, kind, order)`."""

    word = "dates"

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        # Any: the stubs expect literals; Django checks the values.
        words: Any = (self.kind, self.order)
        return queryset.dates(self.name, *words)


@dataclass(frozen=True, slots=True, eq=False)
class Datetimes(_TruncatedClause):
    """`datetimes(name, kind, order, tzinfo)`."""

    tzinfo: tzinfo | None

    word = "datetimes"

    @override
    def key(self, keys: Keys) -> Hashable:
        keys.local()
        # The key includes the zone's name, which is in the SQL: zones with the same offset are equal.
        return (self.word, *keys.names((self.name, self.kind, self.order)), keys.constant(self.tzinfo))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        # Any: the stubs expect literals; Django checks the values.
        words: Any = (self.kind, self.order, self.tzinfo)
        return queryset.datetimes(self.name, *words)


@dataclass(frozen=True, slots=True, eq=False)
class Only(NamesClause):
    """`only(*names)`."""

    word = "only"
    role = Role.COLUMN


@dataclass(frozen=True, slots=True, eq=False)
class Defer(NamesClause):
    """`defer(*names)`; `(None,)` clears."""

    word = "defer"
    role = Role.COLUMN


@dataclass(frozen=True, slots=True, eq=False)
class OrderBy(PathsClause):
    """`order_by(*names)`; names are paths, `?` or expressions."""

    word = "order_by"
    role = Role.PATH

    @override
    def takes(self, name: object) -> bool:
        # Values are checked only if Django refuses one.
        return True


@dataclass(frozen=True, slots=True, eq=False)
class Reverse(BareClause):
    """`reverse()`."""

    word = "reverse"
