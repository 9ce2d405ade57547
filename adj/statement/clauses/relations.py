"""Clauses that load relations, and that set how unloaded attributes are fetched."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch as DjangoPrefetch
from typing_extensions import override

from adj.statement.clauses.clause import Clause, DjangoQuerySet, Keys, Names, NamesClause, Operands, Role, Words


@dataclass(frozen=True, slots=True, eq=False)
class SelectRelated(NamesClause):
    """`select_related(*names)`; `(None,)` clears."""

    word = "select_related"
    role = Role.RELATION


@dataclass(frozen=True, slots=True, eq=False)
class Prefetch(Clause):
    """`prefetch_related(*lookups)`: paths or Django's `Prefetch` objects; `(None,)` clears."""

    lookups: tuple[Any, ...]

    word = "prefetch_related"
    role = Role.PREFETCH

    @override
    def key(self, keys: Keys) -> Hashable:
        # Prefetches run after the query and do not change its SQL.
        return None

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        return queryset.prefetch_related(*[operands.prefetch(lookup) for lookup in self.lookups])

    @override
    def text(self, words: Words) -> str:
        return words.call(self.word, [getattr(lookup, "prefetch_to", lookup) for lookup in self.lookups])

    @override
    def all_names(self) -> Names:
        return self.lookups

    @override
    def takes(self, name: object) -> bool:
        return isinstance(name, (str, DjangoPrefetch))


@dataclass(frozen=True, slots=True, eq=False)
class Fetching(Clause):
    """`fetch_mode(mode)`; requires Django 6.1."""

    mode: object

    word = "fetch_mode"

    @override
    def key(self, keys: Keys) -> Hashable:
        return (self.word, self.mode)

    @override
    def applied(self, queryset: DjangoQuerySet, operands: Operands) -> DjangoQuerySet:
        mode: Any = self.mode
        return queryset.fetch_mode(mode)

    @override
    def text(self, words: Words) -> str:
        return f".fetch_mode({type(self.mode).__name__})"
