"""psycopg's asynchronous cursors with the synchronous methods that Django's code calls. For bridges only.

Private API used here: psycopg's `AsyncCursor._conn`, to tell whether the cursor's connection is closed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.client_cursor import ClientCursorMixin

from adj.abc import DatabaseRow
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.statements import PgCursor, Query, execute, prepare_session
from adj.engines.postgres.sync_calls import items, synchronous, wait_on

if TYPE_CHECKING:
    from typing import Self

    from psycopg.abc import Params


class AsyncServerSideCursor(ClientCursorMixin[psycopg.AsyncConnection[Any]], psycopg.AsyncServerCursor[DatabaseRow]):
    """A server-side cursor that merges parameters on the client, as Django's `ServerSideCursor` does."""

    @property
    def closed(self) -> bool:
        """Whether the cursor, or its connection, is closed. psycopg warns about cursors that were not closed."""
        return super().closed or self._conn.closed


class SyncCursor:
    """A psycopg `AsyncCursor` with the methods of a synchronous cursor."""

    def __init__(self, cursor: PgCursor, raw: PgConnection) -> None:
        self._cursor, self._raw = cursor, raw

    def execute(self, query: Query, params: Params | None = None, **options: bool | None) -> Self:
        """Execute a statement."""
        wait_on(self._raw, execute(self._raw, self._cursor, query, params, **options))
        return self

    def executemany(self, query: Query, params_seq: Iterable[Params], **options: bool) -> None:
        """Execute a statement once for each item of `params_seq`."""
        wait_on(self._raw, prepare_session(self._raw, query, "executemany()"))
        wait_on(self._raw, self._cursor.executemany(query, params_seq, **options))

    def callproc(self, name: str | sql.Identifier, args: Sequence[object] | None = None) -> Sequence[object] | None:
        """Call a database function, as Django's own cursor does."""
        function = name if isinstance(name, sql.Identifier) else sql.Identifier(name)
        values = sql.SQL(", ").join(map(sql.Literal, args or ()))
        self.execute(sql.SQL("SELECT * FROM {}({})").format(function, values))
        return args

    def fetchone(self) -> DatabaseRow | None:
        """The next row, or None."""
        return wait_on(self._raw, self._cursor.fetchone())

    def fetchmany(self, size: int = 0) -> list[DatabaseRow]:
        """The next rows."""
        return wait_on(self._raw, self._cursor.fetchmany(size))

    def fetchall(self) -> list[DatabaseRow]:
        """All remaining rows."""
        return wait_on(self._raw, self._cursor.fetchall())

    def scroll(self, value: int, mode: str = "relative") -> None:
        """Move to another row."""
        wait_on(self._raw, self._cursor.scroll(value, mode))

    def stream(self, query: Query, params: Params | None = None, **options: Any) -> Generator[DatabaseRow]:
        """The rows of a statement, read one by one."""
        wait_on(self._raw, prepare_session(self._raw, query, "stream()"))
        yield from items(self._raw, self._cursor.stream(query, params, **options))

    def copy(self, statement: Query, params: Params | None = None, **options: object) -> AbstractContextManager[Any]:
        """`with cursor.copy("COPY ... FROM STDIN") as copy:`."""
        wait_on(self._raw, prepare_session(self._raw, statement, "COPY"))
        block: AbstractContextManager[Any] = synchronous(self._raw, self._cursor.copy)(statement, params, **options)
        return block

    def close(self) -> None:
        """Close the cursor."""
        wait_on(self._raw, self._cursor.close())

    def __iter__(self) -> Iterator[DatabaseRow]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return synchronous(self._raw, getattr(self._cursor, name))


class SyncServerCursor(SyncCursor):
    """A server-side cursor, which is open from its statement on."""

    def execute(self, query: Query, params: Params | None = None, **options: bool | None) -> Self:
        """Open the cursor for a statement."""
        self._raw.open_cursors.add(self)
        return super().execute(query, params, **options)

    def close(self) -> None:
        """Close the cursor."""
        self._raw.open_cursors.discard(self)
        super().close()
