"""What every clause says of itself, and what it is given to say it with."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, Protocol, TypeAlias

from django.db.models import Q, QuerySet
from typing_extensions import override

# Django's QuerySet is generic in what adj does not follow while it builds.
DjangoQuerySet: TypeAlias = QuerySet[Any, Any]
Names: TypeAlias = tuple[object, ...]
Named: TypeAlias = Mapping[str, object]
Pair: TypeAlias = tuple[str, object]


class Role(enum.Enum):
    """What the names of a clause stand for, where Django looks at them only when the query runs."""

    COLUMN = "column"
    PATH = "path"
    RELATION = "relation"
    PREFETCH = "prefetch"


class Keys(Protocol):
    """Makes keys of a clause's operands, and collects the values that fill a plan."""

    def node(self, node: Any) -> Hashable:
        """The key of an expression."""
        ...

    def pairs(self, pairs: Named) -> Hashable:
        """The key of `path=operand` pairs."""
        ...

    def mapping(self, named: Named) -> Hashable:
        """The key of named expressions."""
        ...

    def name(self, name: Any) -> Hashable:
        """The key of a name, or of an expression in its place."""
        ...

    def names(self, names: Iterable[Any]) -> tuple[Hashable, ...]:
        """The keys of names that are only names."""
        ...

    def constant(self, value: Any) -> Hashable:
        """The key of a value that decides about the SQL."""
        ...

    def slot(self, value: object) -> Hashable:
        """The key of a value that may be another one at the next run."""
        ...

    def local(self) -> None:
        """Note that the SQL depends on the current time zone and language."""
        ...

    def refuse(self, reason: str) -> NoReturn:
        """Say that the clause has no key, so that Django compiles its query at every run."""
        ...


class Operands(Protocol):
    """Gives Django the operands of a clause: as they are, or with slots in the places of their values."""

    def node(self, node: Any) -> Any:
        """An expression, a name or a query."""
        ...

    def operand(self, path: str | None, value: Any) -> Any:
        """The operand of one lookup."""
        ...

    def given(self, pairs: Named) -> dict[str, Any]:
        """`path=operand` pairs."""
        ...

    def prefetch(self, lookup: Any) -> Any:
        """A lookup of `prefetch_related()`."""
        ...


class Words(Protocol):
    """Writes operands as a person would; values only where they may be shown."""

    def call(self, name: str, args: Iterable[object] = (), kwargs: Iterable[Pair] = ()) -> str:
        """`.name(args, key=value)`."""
        ...

    def value(self, value: object) -> str:
        """A single operand."""
        ...


class Clause:
    """One operation of the chain, with the user's operands as they were given.

    A subclass says all there is to know about its operation, and has its place in `CLAUSES`. What it does not say is
    said here, and means that there is nothing to say.
    """

    __slots__ = ()

    word: ClassVar[str] = ""
    has_conditions: ClassVar[bool] = False
    role: ClassVar[Role | None] = None
    """What Django takes the names for when the query runs; None where it has looked at them when they are given."""

    @property
    def method(self) -> str | None:
        """The method of QuerySets and managers that takes the clause; a slice, an operator and adj's own have none."""
        return self.word or None

    def key(self, keys: Keys) -> Hashable:
        """All of it that may change the SQL, None where nothing does; its operands come in the order of `applied()`."""
        raise TypeError(f"{type(self).__name__} has no key")

    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        """The QuerySet with the clause."""
        raise TypeError(f"{type(self).__name__} cannot be applied")

    def text(self, words: Words) -> str:
        """The call as a person would write it."""
        raise TypeError(f"{type(self).__name__} has no text")

    def all_names(self) -> Names:
        """The names of columns and relations in it, and expressions that stand in their places."""
        return ()

    def takes(self, name: Any) -> bool:
        """Whether something may stand where a name belongs."""
        return True

    def conditions(self) -> Iterator[Pair]:
        """The `(path, operand)` pairs of its conditions, whose operands have to fit."""
        return iter(())

    def all_expressions(self) -> Iterable[object]:
        """Expressions in it, which may name columns as well."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class NamesClause(Clause):
    """A clause of names alone, as `only(*names)`."""

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
    def takes(self, name: Any) -> bool:
        return isinstance(name, str)


class PathsClause(NamesClause):
    """A clause of names in whose places expressions may stand, as `order_by(*names)`."""

    __slots__ = ()

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, tuple([keys.name(name) for name in self.names]))

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        method: Callable[..., DjangoQuerySet] = getattr(queryset, self.word)
        return method(*[operands.node(name) for name in self.names])


class BareClause(Clause):
    """A clause without operands, as `reverse()`."""

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


def is_name_or_expression(name: Any) -> bool:
    """Whether something is a name, or an expression in its place."""
    return isinstance(name, str) or hasattr(name, "resolve_expression")


def conditions_of(node: Any) -> Iterator[Pair]:
    """The `(path, operand)` pairs of a Q, in order."""
    # Not by recursion: a Q may be nested as deeply as Django allows.
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple) and len(found) == 2:
            yield found
        elif isinstance(found, Q):
            waiting.extend(reversed(found.children))
