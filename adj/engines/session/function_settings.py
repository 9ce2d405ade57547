"""The settings that functions of a PostgreSQL database change when they are called, by their source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Protocol

from adj.abc import DatabaseRow
from adj.engines.session.known_functions import SELECT_FUNCTIONS
from adj.engines.session.settings_in_sql import SettingChange, changes_of_body
from adj.engines.session.sql_effects import session_effects


class FetchRows(Protocol):
    """A function that runs a query in a database."""

    def __call__(self, sql: str, params: tuple[object, ...], /) -> Iterable[DatabaseRow]:
        """The rows of the query."""
        ...


class FunctionSettings:
    """What is known about the functions of one database, by name. The server is asked once for each name."""

    def __init__(self) -> None:
        self._changes: dict[str, tuple[SettingChange, ...]] = {}
        self._calls: dict[str, frozenset[str]] = {}

    def changes(self, names: AbstractSet[str], fetch: FetchRows) -> Iterator[SettingChange]:
        """The settings that functions change for longer than their transaction, those that they call included."""
        pending, seen = set(names), set[str]()
        while pending:
            self._learn(pending, fetch)
            for name in pending:
                yield from self._changes[name]
            seen |= pending
            pending = {called for name in pending for called in self._calls[name]} - seen

    def _learn(self, names: AbstractSet[str], fetch: FetchRows) -> None:
        unknown = sorted(names - self._changes.keys())
        if not unknown:
            return
        # A name that is not a function of the project is that of a table, of a type or of PostgreSQL itself.
        self._changes.update(dict.fromkeys(unknown, ()))
        self._calls.update(dict.fromkeys(unknown, frozenset()))
        for function, _, body in fetch(SELECT_FUNCTIONS, (unknown,)):
            name, source = str(function), str(body or "")
            # Functions that share a name are not told apart.
            self._changes[name] += tuple(changes_of_body(source))
            self._calls[name] |= session_effects(source).functions
