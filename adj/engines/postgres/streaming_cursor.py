"""The rows of one statement in chunks, from a server-side cursor of psycopg.

Private API used here: psycopg's `AsyncCursor._closed`, so that psycopg does not warn about a cursor whose connection is
lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg
from psycopg import AsyncServerCursor

from adj.abc import Command, DatabaseRow
from adj.completion import to_its_end
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.leased_connection import LeasedConnection
from adj.engines.postgres.statements import PgCursor, execute
from adj.engines.postgres.sync_cursor import AsyncServerSideCursor

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")


class StreamingCursor:
    """A server-side cursor, as an asynchronous context manager.

    Outside a transaction, it begins a read-only one. If other calls share the connection, they would be in that
    transaction as well, so the cursor is declared WITH HOLD instead. If `DISABLE_SERVER_SIDE_CURSORS` is set, or a
    pooler does not allow cursors that outlive a transaction, all rows are fetched at once and returned in chunks.
    """

    def __init__(self, connection: LeasedConnection, command: Command, size: int) -> None:
        self._connection, self._command, self._size = connection, command, size
        self._owns_transaction = False
        self._cursor: psycopg.AsyncCursor[DatabaseRow] | None = None

    async def __aenter__(self) -> Self:
        raw, command = self._connection.raw, self._command
        try:
            async with self._connection.exclusively():
                self._connection.refuse_lock_in_autocommit(command)
                raw.wrapper.validate_no_broken_transaction()
                with raw.wrapper.wrap_database_errors:
                    self._cursor = cursor = await self._open(raw)
                    await execute(raw, cast("PgCursor", cursor), command.sql, command.parameters)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def _end(self) -> None:
        try:
            # Without enough time, the connection is closed instead.
            if not self._connection.raw.is_lost:
                with suppress(TimeoutError):
                    await to_its_end(self._close())
        finally:
            if self._cursor is not None and self._connection.raw.is_lost:
                # psycopg warns about cursors that were not closed.
                self._cursor._closed = True

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` returns for the next rows; it gets an empty list at the end."""
        cursor = cast("psycopg.AsyncCursor[DatabaseRow]", self._cursor)
        async with self._connection.exclusively():
            with self._connection.raw.wrapper.wrap_database_errors:
                rows = await cursor.fetchmany(self._size)
        return await self._connection.run(receive, rows) if may_query else receive(rows)

    async def _open(self, raw: PgConnection) -> psycopg.AsyncCursor[DatabaseRow]:
        settings = raw.wrapper.settings_dict
        is_lasting = self._connection.is_shared_in_autocommit
        if settings.get("DISABLE_SERVER_SIDE_CURSORS") or (is_lasting and raw.is_pooled):
            return raw.cursor()
        if raw.autocommit and not is_lasting:
            if raw.session is not None:
                await raw.session.apply(raw)
            await raw.execute("BEGIN READ ONLY")
            if raw.session is not None:
                raw.session.transaction_began()
            self._owns_transaction = True
        binds_on_server = settings["OPTIONS"].get("server_side_binding") is True
        if is_lasting:
            raw.open_cursors.add(self)
        if binds_on_server:
            return AsyncServerCursor(raw, cursor_name(), scrollable=False, withhold=is_lasting)
        return AsyncServerSideCursor(raw, cursor_name(), scrollable=False, withhold=is_lasting)

    async def _close(self) -> None:
        raw, cursor = self._connection.raw, self._cursor
        if self._connection.has_ended:
            if cursor is not None:
                # The cursor has ended with its transaction. psycopg warns about cursors that were not closed.
                cursor._closed = True
            return
        with raw.cleaning_up():
            with suppress(psycopg.Error):
                # If the transaction failed, the server has already closed it.
                if cursor is not None:
                    await cursor.close()
                    raw.open_cursors.discard(self)
            if raw.is_lost and cursor is not None:
                # Sends nothing: the cursor only records that it is closed.
                await cursor.close()
            if self._owns_transaction and not raw.is_lost:
                with raw.wrapper.wrap_database_errors:
                    await raw.execute("ROLLBACK")
