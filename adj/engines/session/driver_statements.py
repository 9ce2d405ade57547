"""Records statements that code gives to the driver itself, past Django's cursors and their execute wrappers.

Such code uses `connection.connection` or `cursor.cursor`. Of Django's own methods, `callproc()` is like that. Nothing
is recorded for psycopg2 and SQLite, whose cursors cannot be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

from adj.engines.django_wrapper import DjangoWrapper

Record: TypeAlias = Callable[[object], None]
"""Called with a statement before it is sent."""

RecordSent: TypeAlias = Callable[[object, object, bool], None]
"""Called after a statement with the statement, its parameters, and whether it has been sent: COPY and `stream()` begin
later."""

_BEFORE, _AFTER = "_adj_record", "_adj_record_sent"


def record_driver_statements(connection: DjangoWrapper, record: Record) -> None:
    """Call a function before each statement on a driver's connection that was just opened."""
    raw: Any = connection.connection
    if can_record_sent(raw):
        # With Django's own pool, Django's own connection may have used it before.
        vars(raw).pop(_AFTER, None)
        _record_on_cursors(raw, _BEFORE, record)
    elif connection.vendor == "mysql":
        query = raw.query

        def recorded_query(sql: object, *args: object, **options: object) -> object:
            record(sql)
            return query(sql, *args, **options)

        raw.query = recorded_query


def can_record_sent(raw: object) -> bool:
    """Whether a driver's connection is psycopg's, whose cursors can be replaced."""
    return hasattr(raw, "pgconn")


def record_sent_statements(raw: object, record: RecordSent) -> None:
    """Call a function after each statement on a connection of psycopg that was just opened."""
    _record_on_cursors(raw, _AFTER, record)


def _record_on_cursors(raw: Any, name: str, record: Callable[..., None]) -> None:
    setattr(raw, name, record)
    raw.cursor_factory = _recording(raw.cursor_factory)
    raw.server_cursor_factory = _recording(raw.server_cursor_factory)


@contextmanager
def sent_unrecorded(raw: object) -> Generator[None]:
    """A block whose statements are recorded otherwise, or are adj's own."""
    # psycopg2's connections have no attributes of others.
    record = getattr(raw, "__dict__", {}).pop(_AFTER, None)
    try:
        yield
    finally:
        if record is not None:
            setattr(raw, _AFTER, record)


def stop_recording(raw: Any) -> None:
    """Call the function no more, before a driver's connection is returned to a pool."""
    vars(raw).pop(_BEFORE, None)


@lru_cache(maxsize=100)
def _recording(cursor_class: type) -> type:
    if issubclass(cursor_class, _RecordingCursor):
        return cursor_class
    return type(cursor_class.__name__, (_RecordingCursor, cursor_class), {})


class _RecordingCursor:
    """The methods of a psycopg cursor that send a statement. Any: the base class is known at run time only."""

    connection: Any

    def execute(self, query: object, *args: Any, **options: Any) -> Any:
        """Execute a statement."""
        return self._recorded("execute", query, *args, **options)

    def executemany(self, query: object, *args: Any, **options: Any) -> Any:
        """Execute a statement several times."""
        return self._recorded("executemany", query, *args, **options)

    def stream(self, query: object, *args: Any, **options: Any) -> Any:
        """Execute a statement, and return its rows one by one."""
        return self._recorded("stream", query, *args, **options)

    def copy(self, statement: object, *args: Any, **options: Any) -> Any:
        """Execute COPY."""
        return self._recorded("copy", statement, *args, **options)

    def _recorded(self, method: str, statement: object, *args: Any, **options: Any) -> Any:
        raw = self.connection
        if (before := getattr(raw, _BEFORE, None)) is not None:
            before(statement)
        result = getattr(super(), method)(statement, *args, **options)
        if (after := getattr(raw, _AFTER, None)) is not None:
            parameters = (args[0] if args else options.get("params")) if method == "execute" else None
            after(statement, parameters, method.startswith("execute"))
        return result
