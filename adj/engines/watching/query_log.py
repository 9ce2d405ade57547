"""Counts queries: every statement that Django's debug cursor logs goes to the counters around the running code.

The counters are in a context variable. So the queries of a task that was started in a block count there, and those of
other tasks do not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper

LogEntry: TypeAlias = dict[str, str]
"""A statement in Django's query log: its `sql`, and the `time` that it took."""


@dataclass(frozen=True, slots=True)
class CountedQuery:
    """One statement: `sql`, with its parameters as Django shows them, and the `seconds` that it took."""

    sql: str
    seconds: float


@dataclass(eq=False, slots=True)
class Count:
    """The statements of one block on one alias, in order."""

    alias: str
    queries: list[CountedQuery] = field(default_factory=list)


_counts: ContextVar[tuple[Count, ...]] = ContextVar("adj_counts", default=())


def begin_count(count: Count) -> Token[tuple[Count, ...]]:
    """Count statements in this context from now on."""
    return _counts.set((*_counts.get(), count))


def end_count(token: Token[tuple[Count, ...]]) -> None:
    """Undo `begin_count()`."""
    _counts.reset(token)


def is_counted(alias: str) -> bool:
    """Whether the current context counts the statements of an alias."""
    counts = _counts.get()
    return bool(counts) and any(count.alias == alias for count in counts)


class QueryLog(deque[LogEntry]):
    """Replaces the `queries_log` of a connection. Entries are also added to the log `behind`, if there is one."""

    def __init__(self, alias: str, behind: deque[LogEntry] | None = None) -> None:
        super().__init__(maxlen=BaseDatabaseWrapper.queries_limit)
        self._alias, self._behind = alias, behind

    def append(self, entry: LogEntry, /) -> None:
        """Add a statement, as Django's debug cursor does."""
        super().append(entry)
        for count in _counts.get():
            if count.alias == self._alias:
                count.queries.append(CountedQuery(entry["sql"], float(entry["time"])))
        if self._behind is not None:
            self._behind.append(entry)


@contextmanager
def connecting_unlogged(connection: DjangoWrapper) -> Generator[None]:
    """Do not log what Django executes to prepare a session: its `CaptureQueriesContext` connects beforehand, too."""
    connect, own = connection.connect, vars(connection).get("connect")

    def connect_unlogged() -> None:
        before, connection.force_debug_cursor = connection.force_debug_cursor, False
        try:
            connect()
        finally:
            connection.force_debug_cursor = before

    vars(connection)["connect"] = connect_unlogged
    try:
        yield
    finally:
        if own is None:
            vars(connection).pop("connect", None)
        else:
            vars(connection)["connect"] = own


class ConnectionLog(QueryLog):
    """The log of one of Django's own connections, which logs its statements while a block counts them."""

    def __init__(self, connection: DjangoWrapper) -> None:
        super().__init__(connection.alias, connection.queries_log if connection.queries_logged else None)
        self._connection, self._users = connection, 0
        self._connecting = connecting_unlogged(connection)
        self._connecting.__enter__()
        self._before = connection.force_debug_cursor, connection.queries_log
        connection.force_debug_cursor, connection.queries_log = True, self

    @classmethod
    def of(cls, alias: str) -> ConnectionLog:
        """The log of this thread's connection, with one more user."""
        connection = thread_wrapper(alias)
        existing = connection.queries_log
        log = existing if isinstance(existing, ConnectionLog) else cls(connection)
        log._users += 1
        return log

    def release(self) -> None:
        """One user less. After the last one, the connection is as it was before."""
        self._users -= 1
        if not self._users:
            self._connection.force_debug_cursor, self._connection.queries_log = self._before
            self._connecting.__exit__(None, None, None)
