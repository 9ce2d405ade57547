"""Which functions of a database may change their session. The server is asked once for each name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from adj.abc import DatabaseRow
from adj.engines.session.sql_effects import functions_in_body

SELECT_FUNCTIONS: Final = """
    SELECT p.proname::text, p.provolatile = 'v',
        CASE WHEN l.lanname NOT IN ('c', 'internal')
        THEN coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) END
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.proname = ANY(%s) AND n.nspname <> 'pg_catalog'
"""
"""Selects the project's functions of some names: name, whether it is volatile, and its body, if that is SQL or code."""


class KnownFunctions:
    """What is known about the functions of one database, by name. Can be shared between threads."""

    def __init__(self) -> None:
        # The functions that each function calls; None if it can change its session itself.
        self._calls: dict[str, frozenset[str] | None] = {}

    def may_change_session(self, names: AbstractSet[str]) -> bool:
        """Whether one of the functions may have changed its session. Unknown functions may."""
        return any(self._calls.get(name) is None for name in self._reached(names))

    def unknown(self, names: AbstractSet[str]) -> list[str]:
        """The names to ask the server about, also of functions that known ones call. Ask until there are none."""
        return sorted(name for name in self._reached(names) if name not in self._calls)

    def learn(self, names: Iterable[str], functions: Iterable[DatabaseRow]) -> None:
        """Remember the result of `SELECT_FUNCTIONS` for some names."""
        # A name that is not a function is that of a table or a type.
        calls: dict[str, frozenset[str] | None] = dict.fromkeys(names, frozenset())
        for function, is_volatile, body in functions:
            # Several functions may have the same name.
            before = calls[name := str(function)]
            called = None if is_volatile else functions_in_body(str(body or ""))
            calls[name] = None if before is None or called is None else before | called
        self._calls.update(calls)

    def _reached(self, names: AbstractSet[str]) -> Iterator[str]:
        """The names, and those of the functions that they call."""
        seen, remaining = set(names), list(names)
        while remaining:
            yield (name := remaining.pop())
            called = (self._calls.get(name) or frozenset()) - seen
            seen |= called
            remaining += called
