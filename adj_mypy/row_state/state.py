"""What is known of a row: the relations, annotations and columns that it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mypy.types import Type

from adj_mypy.expressions.names import NO_NAMES, Names
from adj_mypy.row_state.clauses import NO_CLAUSES, Clauses


@dataclass(frozen=True, slots=True)
class State:
    """What the rows of a query have: relations with their rows' types, annotations, and which columns are deferred.

    In the type of a query's model, `aliases` are the annotations that only later clauses may name, and `clauses` are
    the earlier ones. After loading, a row may forget relations (`forgotten`), and load deferred columns or forgotten
    relations (`regained`). With `is_unknown` its state is known only at run time.
    """

    loaded: Mapping[str, Type] = field(default_factory=dict[str, Type])
    annotations: Names = NO_NAMES
    deferred: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    regained: frozenset[str] = frozenset()
    is_unknown: bool = False
    clauses: Clauses = NO_CLAUSES

    @property
    def is_open(self) -> bool:
        """Whether there may be annotations whose names are not known."""
        return self.annotations.is_open

    @property
    def selected(self) -> Mapping[str, Type]:
        """The annotations that rows have."""
        return {name: typ for name, typ in self.annotations.items() if name not in self.aliases}

    def has(self, name: str) -> bool:
        """Return whether a relation is loaded."""
        return name in self.loaded and (name not in self.forgotten or name in self.regained)

    def lacks(self, name: str) -> bool:
        """Return whether a column is deferred."""
        return name in self.deferred and name not in self.regained

    def gaining(self, names: Iterable[str]) -> State:
        """Return the state after loading these deferred columns and forgotten relations."""
        gained = {name for name in names if name in self.deferred or name in self.forgotten}
        return replace(self, regained=self.regained | gained)

    def losing(self, names: Iterable[str]) -> State:
        """Return the state after forgetting these relations."""
        lost = {name for name in names if self.has(name)}
        if lost & self.regained:
            return self.unknown()
        return replace(self, forgotten=self.forgotten | lost)

    def unknown(self) -> State:
        """Return a state that is known only at run time."""
        return replace(self, is_unknown=True)

    def without(self, names: Iterable[str]) -> State:
        """Return the state without these relations."""
        gone = frozenset(names)
        return replace(self, loaded={name: row for name, row in self.loaded.items() if name not in gone})

    def with_loaded(self, name: str, row: Type) -> State:
        """Return the state with one more relation."""
        return replace(self, loaded={**self.loaded, name: row})

    def with_annotations(self, annotations: Mapping[str, Type]) -> State:
        """Return the state with more annotations."""
        if not annotations:
            return self
        aliases = self.aliases - annotations.keys()
        return replace(self, annotations=self.annotations.adding(annotations), aliases=aliases)

    def with_aliases(self, annotations: Mapping[str, Type]) -> State:
        """Return the state with more annotations that rows do not have."""
        named = self.annotations.adding(annotations)
        return replace(self, annotations=named, aliases=self.aliases | annotations.keys())

    def selecting(self, names: Collection[str]) -> State:
        """Return the state where rows have these annotations and no others."""
        if not self.annotations:
            return self
        return replace(self, aliases=frozenset(self.annotations) - set(names))

    def with_deferred(self, names: frozenset[str]) -> State:
        """Return the state where these columns are deferred, and no others."""
        return self if names == self.deferred else replace(self, deferred=names)

    def with_clauses(self, clauses: Clauses) -> State:
        """Return the state with these clauses instead."""
        return replace(self, clauses=clauses)


NOTHING: Final = State()
"""Rows with all columns and nothing else."""
