"""The base class of clauses, and the protocols of the visitors that its methods get."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Protocol, TypeAlias

from django.db.models import Q, QuerySet
from typing_extensions import override

# Any: while building, adj does not track the types of a QuerySet's model and rows.
DjangoQuerySet: TypeAlias = QuerySet[Any, Any]
Names: TypeAlias = tuple[object, ...]
Named: TypeAlias = Mapping[str, object]
Pair: TypeAlias = tuple[str, object]


class Role(enum.Enum):
    """What the names of a clause refer to, if Django checks them only when the query runs."""

    COLUMN = "column"
    PATH = "path"
    RELATION = "relation"
    PREFETCH = "prefetch"


class Keys(Protocol):
    """Creates keys of a clause's operands, and collects the values that fill a plan."""

    def node(self, node: object) -> Hashable:
        """The key of an expression."""
        ...

    def pairs(self, pairs: Named) -> Hashable:
        """The key of `path=operand` pairs."""
        ...

    def mapping(self, named: Named) -> Hashable:
        """The key of named expressions."""
        ...

    def name(self, name: object) -> Hashable:
        """The key of a name, or of an expression used as one."""
        ...

    def names(self, names: Iterable[object]) -> tuple[Hashable, ...]:
        """The keys of names that cannot be expressions."""
        ...

    def constant(self, value: object) -> Hashable:
        """The key of a value that changes the SQL."""
        ...

    def slot(self, value: object) -> Hashable:
        """The key of a value that may differ in the next run."""
        ...

    def local(self) -> None:
        """Note that the SQL depends on the current time zone and language."""
        ...

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error of a clause without a key, whose query Django compiles at every run."""
        ...


class Operands(Protocol):
    """The operands of a clause for Django: unchanged, or with slots instead of their values."""

    def node(self, node: object) -> Any:
        """An expression, a name or a query."""
        ...

    def operand(self, path: str | None, value: object) -> Any:
        """The operand of one lookup."""
        ...

    def keywords(self, pairs: Named) -> dict[str, Any]:
        """`path=operand` pairs."""
        ...

    def prefetch(self, lookup: object) -> Any:
        """A lookup of `prefetch_related()`."""
        ...


class Words(Protocol):
    """Writes operands as Python code; values only if they may be shown."""

    def call(self, name: str, args: Iterable[object] = (), kwargs: Iterable[Pair] = ()) -> str:
        """`.name(args, key=value)`."""
        ...

    def value(self, value: object) -> str:
        """A single operand."""
        ...


class Clause:
    """A query method's operation, with the user's operands.

    Subclasses are listed in `CLAUSES`. The defaults here mean that a clause has no names, conditions or expressions.
    """

    __slots__ = ()

    word: ClassVar[str] = ""
    has_conditions: ClassVar[bool] = False
    role: ClassVar[Role | None] = None
    """What the names refer to, if Django checks them only when the query runs; otherwise None."""

    @property
    def method(self) -> str | None:
        """The QuerySet method of the clause; None for slices, operators and adj's own clauses."""
        return self.word or None

    def key(self, keys: Keys) -> Hashable:
        """Everything in it that may change the SQL, or None; visits the operands in the order of `applied()`."""
        raise TypeError(f"{type(self).__name__} has no key")

    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        """The QuerySet with the clause."""
        raise TypeError(f"{type(self).__name__} cannot be applied")

    def text(self, words: Words) -> str:
        """The call as Python code."""
        raise TypeError(f"{type(self).__name__} has no text")

    def all_names(self) -> Names:
        """The names of columns and relations in it, and expressions used as names."""
        return ()

    def takes(self, name: object) -> bool:
        """Whether it accepts a value as a name."""
        return True

    def conditions(self) -> Iterator[Pair]:
        """The `(path, operand)` pairs of its conditions, whose operands are checked."""
        return iter(())

    def all_expressions(self) -> Iterable[object]:
        """The expressions in it, which may refer to columns as well."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class NamesClause(Clause):
    """A clause of names, such as `only(*names)`."""

    names: Names

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, keys.names(self.names))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        method: Callable[..., DjangoQuerySet] = getattr(queryset, self.word)
        return method(*self.names)

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word, self.names)

    @override
    def all_names(self) -> Names:
        return self.names

    @override
    def takes(self, name: object) -> bool:
        return isinstance(name, str)


class PathsClause(NamesClause):
    """A clause of names and expressions, such as `order_by(*names)`."""

    __slots__ = ()

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, tuple([keys.name(name) for name in self.names]))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        method: Callable[..., DjangoQuerySet] = getattr(queryset, self.word)
        return method(*[operands.node(name) for name in self.names])


class BareClause(Clause):
    """A clause without operands, such as `reverse()`."""

    __slots__ = ()

    @override
    def key(self, keys: Keys) -> Hashable:
        return self.word

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        method: Callable[[], DjangoQuerySet] = getattr(queryset, self.word)
        return method()

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word)


def is_name_or_expression(name: object) -> bool:
    """Whether a value is a name or an expression."""
    return isinstance(name, str) or hasattr(name, "resolve_expression")


def conditions_of(node: object) -> Iterator[Pair]:
    """The `(path, operand)` pairs of a Q, in order."""
    # Iterative, since a Q may be nested as deeply as Django allows.
    waiting = [node]
    while waiting:
        child = waiting.pop()
        if isinstance(child, tuple) and len(child) == 2:
            yield child
        elif isinstance(child, Q):
            waiting.extend(reversed(child.children))
