"""Which functions of a PostgreSQL database may change their session: asked of the server, once for each name."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

SELECT_VOLATILE: Final = (
    "SELECT p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
    " WHERE p.proname = ANY(%s) AND p.provolatile = 'v' AND n.nspname <> 'pg_catalog'"
)
"""Asks which of some names are functions of the project's that may change their session: a volatile one may."""


class KnownFunctions:
    """What is known of the functions of one database, by name. Threads may share it."""

    def __init__(self) -> None:
        self._may_change: dict[str, bool] = {}

    def may_change_session(self, names: AbstractSet[str]) -> bool:
        """Whether one of the functions may have changed its session, as far as is known."""
        return any(self._may_change.get(name, True) for name in names)

    def unknown(self, names: AbstractSet[str]) -> list[str]:
        """The names that the server has to be asked about, by `SELECT_VOLATILE`."""
        return sorted(names - self._may_change.keys())

    def learn(self, names: Iterable[str], lasting: Iterable[tuple[str]]) -> None:
        """Take note of what the server has answered to `SELECT_VOLATILE` about names."""
        # A name that is no function is that of a table or a type.
        self._may_change.update(dict.fromkeys(names, False), **{str(name): True for (name,) in lasting})
