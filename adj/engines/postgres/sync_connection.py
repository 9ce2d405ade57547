"""psycopg's asynchronous connections and cursors as Django's synchronous code wants them; in a bridge only."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.client_cursor import ClientCursorMixin

from adj.engines.bridge.greenlets import await_, check_in_use, dispose
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.session import execute, prepare_session

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class AsyncServerSideCursor(ClientCursorMixin[Any], psycopg.AsyncServerCursor[Any]):
    """A cursor on the server's side whose parameters are written into its SQL, as Django's own named cursor has it."""

    @property
    def closed(self) -> bool:
        """Whether it is closed, or has ended with its connection: psycopg warns of cursors that nobody has closed."""
        return super().closed or self._conn.closed


def _wait(raw: PgConnection, awaitable: Awaitable[T]) -> T:
    """Wait for what runs on a connection, if it is still the one of the code that waits."""
    wrapper: Any = raw.wrapper
    try:
        if wrapper.is_managed_by_adj:
            check_in_use(wrapper)
    except BaseException:
        dispose(awaitable)
        raise
    return await_(awaitable)


class SyncCursor:
    """An asynchronous cursor with the methods of a synchronous one."""

    def __init__(self, cursor: Any, raw: PgConnection) -> None:
        self._cursor, self._raw = cursor, raw

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute one statement."""
        _wait(self._raw, execute(self._raw, self._cursor, query, params, **options))
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute one statement for each group of parameters."""
        _wait(self._raw, prepare_session(self._raw, query, "executemany()"))
        _wait(self._raw, self._cursor.executemany(query, params_seq, **options))

    def callproc(self, name: str, args: Any = None) -> Any:
        """Call a function of the database, as Django's own cursor does."""
        identifier: Any = name
        function = identifier if isinstance(identifier, sql.Identifier) else sql.Identifier(identifier)
        values = sql.SQL(", ").join(map(sql.Literal, args or ()))
        self.execute(sql.SQL("SELECT * FROM {}({})").format(function, values))
        return args

    def fetchone(self) -> Any:
        """The next row, or None."""
        return _wait(self._raw, self._cursor.fetchone())

    def fetchmany(self, size: int = 0) -> list[Any]:
        """The next rows."""
        rows: list[Any] = _wait(self._raw, self._cursor.fetchmany(size))
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows: list[Any] = _wait(self._raw, self._cursor.fetchall())
        return rows

    def scroll(self, value: int, mode: str = "relative") -> None:
        """Move to another row."""
        _wait(self._raw, self._cursor.scroll(value, mode))

    def copy(self, statement: Any, params: Any = None, **options: Any) -> SyncCopy:
        """`with cursor.copy("COPY ... FROM STDIN") as copy:`."""
        _wait(self._raw, prepare_session(self._raw, statement, "COPY"))
        return SyncCopy(self._cursor.copy(statement, params, **options), self._raw)

    def close(self) -> None:
        """Close the cursor."""
        _wait(self._raw, self._cursor.close())

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class SyncServerCursor(SyncCursor):
    """A cursor on the server's side, which is open from its statement on."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Open the cursor for one statement."""
        self._raw.open_cursors.add(self)
        return super().execute(query, params, **options)

    def close(self) -> None:
        """Close the cursor."""
        self._raw.open_cursors.discard(self)
        super().close()


class SyncCopy:
    """An asynchronous COPY with the methods of a synchronous one."""

    def __init__(self, manager: Any, raw: PgConnection) -> None:
        self._manager, self._raw = manager, raw

    def __enter__(self) -> Self:
        self._copy = _wait(self._raw, self._manager.__aenter__())
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _wait(self._raw, self._manager.__aexit__(error_type, error, traceback))

    def read(self) -> Any:
        """The next block of data; empty at the end."""
        return _wait(self._raw, self._copy.read())

    def read_row(self) -> Any:
        """The next row, or None."""
        return _wait(self._raw, self._copy.read_row())

    def write(self, buffer: Any) -> None:
        """Send a block of data."""
        _wait(self._raw, self._copy.write(buffer))

    def write_row(self, row: Any) -> None:
        """Send a row."""
        _wait(self._raw, self._copy.write_row(row))

    def rows(self) -> Iterator[Any]:
        """The rows that the server sends."""
        while (row := self.read_row()) is not None:
            yield row

    def __iter__(self) -> Iterator[Any]:
        while data := self.read():
            yield data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copy, name)


class SyncConnection:
    """An asynchronous connection with the methods of a synchronous one."""

    _raw: PgConnection

    def __init__(self, raw: PgConnection) -> None:
        object.__setattr__(self, "_raw", raw)

    @property
    def raw(self) -> PgConnection:
        """The connection itself."""
        return self._raw

    def cursor(self, name: str = "", **options: Any) -> SyncCursor:
        """A cursor; with a name, one on the server's side."""
        if name:
            return SyncServerCursor(self._raw.cursor(name, **options), self._raw)
        return SyncCursor(self._raw.cursor(**options), self._raw)

    def named_cursor(self, name: str, **options: Any) -> SyncCursor:
        """A cursor on the server's side whose parameters are written into its SQL."""
        return SyncServerCursor(AsyncServerSideCursor(self._raw, name, **options), self._raw)

    def execute(self, query: Any, params: Any = None, **options: Any) -> SyncCursor:
        """Execute one statement on a new cursor."""
        return self.cursor().execute(query, params, **options)

    def commit(self) -> None:
        """End the transaction."""
        _wait(self._raw, self._raw.commit())

    def rollback(self) -> None:
        """Undo the transaction."""
        if self._raw.is_lost:
            # Without waiting for a statement that had been running.
            raise psycopg.OperationalError("the connection is closed")
        _wait(self._raw, self._raw.rollback())

    def close(self) -> None:
        """End the session; the pool opens another one in its place."""
        _wait(self._raw, self._raw.close())

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction."""
        return self._raw.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if not value and self._raw.session is not None:
            # A transaction begins, in which the settings cannot change.
            _wait(self._raw, self._raw.session.apply(self._raw))
        _wait(self._raw, self._raw.set_autocommit(value))

    @property
    def isolation_level(self) -> Any:
        """The isolation of transactions to come, None for the server's own."""
        return self._raw.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: Any) -> None:
        _wait(self._raw, self._raw.set_isolation_level(value))

    @property
    def read_only(self) -> Any:
        """Whether transactions to come only read, None for the server's own."""
        return self._raw.read_only

    @read_only.setter
    def read_only(self, value: Any) -> None:
        _wait(self._raw, self._raw.set_read_only(value))

    @property
    def deferrable(self) -> Any:
        """Whether transactions to come are deferrable, None for the server's own."""
        return self._raw.deferrable

    @deferrable.setter
    def deferrable(self, value: Any) -> None:
        _wait(self._raw, self._raw.set_deferrable(value))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
