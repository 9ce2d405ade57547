"""Counts queries: what Django's debug cursor notes goes to every block that the running code is in.

The blocks are found by context, so that a task started in a block counts there, and one that runs beside it does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class CountedQuery:
    """One statement: `sql`, with its parameters as Django shows them, and the seconds that the server took."""

    sql: str
    seconds: float


@dataclass(eq=False, slots=True)
class Count:
    """The statements of one block on one alias, in their order."""

    alias: str
    queries: list[CountedQuery] = field(default_factory=list)


_counts: ContextVar[tuple[Count, ...]] = ContextVar("adj_counts", default=())


def begin_count(count: Count) -> Token[tuple[Count, ...]]:
    """From now on, in this context, statements are counted."""
    return _counts.set((*_counts.get(), count))


def end_count(token: Token[tuple[Count, ...]]) -> None:
    """Undo `begin_count()`."""
    _counts.reset(token)


def is_counted(alias: str) -> bool:
    """Whether the current context counts the statements of an alias."""
    counts = _counts.get()
    return bool(counts) and any(count.alias == alias for count in counts)


class QueryLog(deque[dict[str, Any]]):
    """Takes the place of a connection's `queries_log`; `behind` is another log that gets the entries as well."""

    def __init__(self, alias: str, behind: Any = None) -> None:
        super().__init__(maxlen=BaseDatabaseWrapper.queries_limit)
        self._alias, self._behind = alias, behind

    def append(self, entry: dict[str, Any], /) -> None:
        """Note one statement, as Django's debug cursor does."""
        super().append(entry)
        for count in _counts.get():
            if count.alias == self._alias:
                count.queries.append(CountedQuery(entry["sql"], float(entry["time"])))
        if self._behind is not None:
            self._behind.append(entry)


@contextmanager
def connecting_unlogged(connection: Any) -> Generator[None]:
    """Django does not count what it executes to prepare a session, as its `CaptureQueriesContext` connects before."""
    connect, own = connection.connect, vars(connection).get("connect")

    def connect_unlogged() -> None:
        before, connection.force_debug_cursor = connection.force_debug_cursor, False
        try:
            connect()
        finally:
            connection.force_debug_cursor = before

    connection.connect = connect_unlogged
    try:
        yield
    finally:
        if own is None:
            vars(connection).pop("connect", None)
        else:
            connection.connect = own


class ConnectionLog(QueryLog):
    """The log of a connection of Django's own, which shows its statements for as long as blocks count there."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection.alias, connection.queries_log if connection.queries_logged else None)
        self._connection, self._users = connection, 0
        self._connecting = connecting_unlogged(connection)
        self._connecting.__enter__()
        self._before = connection.force_debug_cursor, connection.queries_log
        connection.force_debug_cursor, connection.queries_log = True, self

    @classmethod
    def of(cls, alias: str) -> ConnectionLog:
        """The log of this thread's connection, for one more block."""
        connection: Any = connections[alias]
        existing = connection.queries_log
        log = existing if isinstance(existing, ConnectionLog) else cls(connection)
        log._users += 1
        return log

    def release(self) -> None:
        """One block less; after the last one the connection is as it was."""
        self._users -= 1
        if not self._users:
            self._connection.force_debug_cursor, self._connection.queries_log = self._before
            self._connecting.__exit__(None, None, None)
