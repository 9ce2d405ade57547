"""psycopg's asynchronous connections and cursors as Django's synchronous code wants them; in a bridge only."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.client_cursor import ClientCursorMixin

from adj.engines.bridge.greenlets import await_, check_lent, dispose
from adj.engines.postgres.connection import Link
from adj.engines.postgres.session import execute, prepare

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class NamedCursor(ClientCursorMixin[Any], psycopg.AsyncServerCursor[Any]):
    """A cursor on the server's side whose parameters are written into its SQL, as Django's own named cursor has it."""

    @property
    def closed(self) -> bool:
        """Whether it is closed, or has ended with its connection: psycopg warns of cursors that nobody has closed."""
        return super().closed or self._conn.closed


def _wait(link: Link, awaitable: Awaitable[T]) -> T:
    """Wait for what runs on a connection, if it is still the one of the code that waits."""
    wrapper: Any = link.wrapper
    try:
        if wrapper.is_lent_by_adj:
            check_lent(wrapper)
    except BaseException:
        dispose(awaitable)
        raise
    return await_(awaitable)


class Cursor:
    """An asynchronous cursor with the methods of a synchronous one."""

    def __init__(self, cursor: Any, link: Link) -> None:
        self._cursor, self._link = cursor, link

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute one statement."""
        _wait(self._link, execute(self._link, self._cursor, query, params, **options))
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute one statement for each group of parameters."""
        _wait(self._link, prepare(self._link, query, "executemany()"))
        _wait(self._link, self._cursor.executemany(query, params_seq, **options))

    def callproc(self, name: str, args: Any = None) -> Any:
        """Call a function of the database, as Django's own cursor does."""
        known: Any = name
        function = known if isinstance(known, sql.Identifier) else sql.Identifier(known)
        values = sql.SQL(", ").join(map(sql.Literal, args or ()))
        self.execute(sql.SQL("SELECT * FROM {}({})").format(function, values))
        return args

    def fetchone(self) -> Any:
        """The next row, or None."""
        return _wait(self._link, self._cursor.fetchone())

    def fetchmany(self, size: int = 0) -> list[Any]:
        """The next rows."""
        rows: list[Any] = _wait(self._link, self._cursor.fetchmany(size))
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows: list[Any] = _wait(self._link, self._cursor.fetchall())
        return rows

    def scroll(self, value: int, mode: str = "relative") -> None:
        """Move to another row."""
        _wait(self._link, self._cursor.scroll(value, mode))

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Copy:
        """`with cursor.copy("COPY ... FROM STDIN") as copy:`."""
        _wait(self._link, prepare(self._link, statement, "COPY"))
        return Copy(self._cursor.copy(statement, params, **options), self._link)

    def close(self) -> None:
        """Close the cursor."""
        _wait(self._link, self._cursor.close())

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class ServerCursor(Cursor):
    """A cursor on the server's side, which is open from its statement on."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Open the cursor for one statement."""
        self._link.open_cursors.add(self)
        return super().execute(query, params, **options)

    def close(self) -> None:
        """Close the cursor."""
        self._link.open_cursors.discard(self)
        super().close()


class Copy:
    """An asynchronous COPY with the methods of a synchronous one."""

    def __init__(self, manager: Any, link: Link) -> None:
        self._manager, self._link = manager, link

    def __enter__(self) -> Self:
        self._copy = _wait(self._link, self._manager.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _wait(self._link, self._manager.__aexit__(kind, error, traceback))

    def read(self) -> Any:
        """The next block of data; empty at the end."""
        return _wait(self._link, self._copy.read())

    def read_row(self) -> Any:
        """The next row, or None."""
        return _wait(self._link, self._copy.read_row())

    def write(self, buffer: Any) -> None:
        """Send a block of data."""
        _wait(self._link, self._copy.write(buffer))

    def write_row(self, row: Any) -> None:
        """Send a row."""
        _wait(self._link, self._copy.write_row(row))

    def rows(self) -> Iterator[Any]:
        """The rows that the server sends."""
        while (row := self.read_row()) is not None:
            yield row

    def __iter__(self) -> Iterator[Any]:
        while data := self.read():
            yield data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copy, name)


class Connection:
    """An asynchronous connection with the methods of a synchronous one."""

    _link: Link

    def __init__(self, link: Link) -> None:
        object.__setattr__(self, "_link", link)

    @property
    def link(self) -> Link:
        """The connection itself."""
        return self._link

    def cursor(self, name: str = "", **options: Any) -> Cursor:
        """A cursor; with a name, one on the server's side."""
        if name:
            return ServerCursor(self._link.cursor(name, **options), self._link)
        return Cursor(self._link.cursor(**options), self._link)

    def named_cursor(self, name: str, **options: Any) -> Cursor:
        """A cursor on the server's side whose parameters are written into its SQL."""
        return ServerCursor(NamedCursor(self._link, name, **options), self._link)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Cursor:
        """Execute one statement on a new cursor."""
        return self.cursor().execute(query, params, **options)

    def commit(self) -> None:
        """End the transaction."""
        _wait(self._link, self._link.commit())

    def rollback(self) -> None:
        """Undo the transaction."""
        if self._link.is_lost:
            # Without waiting for a statement that had been running.
            raise psycopg.OperationalError("the connection is closed")
        _wait(self._link, self._link.rollback())

    def close(self) -> None:
        """End the session; the pool opens another one in its place."""
        _wait(self._link, self._link.close())

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction."""
        return self._link.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if not value and self._link.session is not None:
            # A transaction begins, in which the settings cannot change.
            _wait(self._link, self._link.session.dress(self._link))
        _wait(self._link, self._link.set_autocommit(value))

    @property
    def isolation_level(self) -> Any:
        """The isolation of transactions to come, None for the server's own."""
        return self._link.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: Any) -> None:
        _wait(self._link, self._link.set_isolation_level(value))

    @property
    def read_only(self) -> Any:
        """Whether transactions to come only read, None for the server's own."""
        return self._link.read_only

    @read_only.setter
    def read_only(self, value: Any) -> None:
        _wait(self._link, self._link.set_read_only(value))

    @property
    def deferrable(self) -> Any:
        """Whether transactions to come are deferrable, None for the server's own."""
        return self._link.deferrable

    @deferrable.setter
    def deferrable(self, value: Any) -> None:
        _wait(self._link, self._link.set_deferrable(value))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)
