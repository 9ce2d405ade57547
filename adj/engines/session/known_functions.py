"""Which functions of a PostgreSQL database may change their session. The server is asked once for each name."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from adj.abc import DatabaseRow

SELECT_VOLATILE: Final = (
    "SELECT p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
    " WHERE p.proname = ANY(%s) AND p.provolatile = 'v' AND n.nspname <> 'pg_catalog'"
)
"""Selects those of some names that are functions of the project which may change their session: volatile ones."""


class KnownFunctions:
    """What is known about the functions of one database, by name. Can be shared between threads."""

    def __init__(self) -> None:
        self._may_change: dict[str, bool] = {}

    def may_change_session(self, names: AbstractSet[str]) -> bool:
        """Whether one of the functions may have changed its session. Unknown functions may."""
        return any(self._may_change.get(name, True) for name in names)

    def unknown(self, names: AbstractSet[str]) -> list[str]:
        """The names to ask the server about, with `SELECT_VOLATILE`."""
        return sorted(names - self._may_change.keys())

    def learn(self, names: Iterable[str], volatile: Iterable[DatabaseRow]) -> None:
        """Remember the result of `SELECT_VOLATILE` for some names."""
        # A name that is not a function is that of a table or a type.
        self._may_change.update(dict.fromkeys(names, False), **{str(name): True for (name,) in volatile})
