"""Records statements that code gives to the driver itself, past Django's cursors and their execute wrappers.

Such code uses `connection.connection` or `cursor.cursor`. Of Django's own methods, `callproc()` is like that. Nothing
is recorded for psycopg2 and SQLite, whose cursors cannot be replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from adj.engines.django_wrapper import DjangoWrapper

Record: TypeAlias = Callable[[object], None]

_RECORD = "_adj_record"


def record_driver_statements(connection: DjangoWrapper, record: Record) -> None:
    """Call a function before each statement on a driver's connection that was just opened."""
    raw: Any = connection.connection
    if hasattr(raw, "pgconn"):
        setattr(raw, _RECORD, record)
        raw.cursor_factory = _recording(raw.cursor_factory)
        raw.server_cursor_factory = _recording(raw.server_cursor_factory)
    elif connection.vendor == "mysql":
        query = raw.query

        def recorded_query(sql: object, *args: object, **options: object) -> object:
            record(sql)
            return query(sql, *args, **options)

        raw.query = recorded_query


def stop_recording(raw: Any) -> None:
    """Call the function no more, before a driver's connection is returned to a pool."""
    vars(raw).pop(_RECORD, None)


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
        if (record := getattr(self.connection, _RECORD, None)) is not None:
            record(statement)
        return getattr(super(), method)(statement, *args, **options)
