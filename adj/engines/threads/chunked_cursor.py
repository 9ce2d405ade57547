"""A cursor on the thread of a Django connection: each step is a call that runs there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from django.db.backends.utils import CursorWrapper

from adj.abc import Command, Connection, DatabaseRow
from adj.completion import to_its_end
from adj.engines.threads.blocking_calls import open_connection, refuse_lock_outside_transaction
from adj.engines.threads.opened import Closeable, Opened
from adj.engines.threads.thread_call import uninterrupted
from adj.errors import CrossTaskTransaction, EngineNotOpen

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class _OpenCursors(threading.local):
    """The open cursors of this thread."""

    def __init__(self) -> None:
        self.cursors: Opened = set()


_open_cursors = _OpenCursors()


def close_cursors() -> None:
    """Close the open cursors of this thread before its connections: in SQLite, an open cursor keeps its locks."""
    while _open_cursors.cursors:
        _close_quietly(_open_cursors.cursors.pop())


@uninterrupted
def close_opened_and_call(opened: Opened, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Close the cursors and COPY statements that a lease has left open, then call its last function."""
    while opened:
        _open_cursors.cursors.discard(cursor := opened.pop())
        _close_quietly(cursor)
    return function(*args, **kwargs)


def _close_quietly(cursor: Closeable) -> None:
    try:
        cursor.close()
    # The connection is gone. These are the driver's errors, which Django does not translate here.
    except Exception:  # noqa: BLE001
        # The second time, psycopg sends nothing and records that the cursor is closed.
        with suppress(Exception):
            cursor.close()


class ChunkedCursor:
    """The rows of one statement in chunks, from a server-side cursor if the backend has them.

    `opened` is the set of cursors and COPY statements that the lease of its connection has open.
    """

    def __init__(self, connection: Connection, alias: str, command: Command, size: int, opened: Opened) -> None:
        self._connection, self._alias, self._opened = connection, alias, opened
        self._command, self._size = command, size
        self._cursor: CursorWrapper | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._connection.run(self._open)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` returns for the next rows; it gets an empty list at the end."""
        return await self._connection.run(self._fetch, receive)

    async def _end(self) -> None:
        with suppress(CrossTaskTransaction, EngineNotOpen, TimeoutError):
            # The cursor has ended with its transaction or its engine. Or the thread is busy with a call that took too
            # long, and closes the cursor after it.
            await to_its_end(self._connection.run(self._close))

    # -- on the thread -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        connection = open_connection(self._alias)
        refuse_lock_outside_transaction(connection, self._command)
        self._cursor = cursor = connection.chunked_cursor()
        # CursorWrapper gets close() from the driver's cursor.
        _open_cursors.cursors.add(cast("Closeable", cursor))
        self._opened.add(cast("Closeable", cursor))
        cursor.execute(self._command.sql, cast("Sequence[Any]", self._command.parameters))

    def _fetch(self, receive: Callable[[list[DatabaseRow]], T]) -> T:
        cursor = cast("CursorWrapper", self._cursor)
        return receive(list(cursor.fetchmany(self._size)))

    @uninterrupted
    def _close(self) -> None:
        if self._cursor is not None:
            cursor = cast("Closeable", self._cursor)
            _open_cursors.cursors.discard(cursor)
            self._opened.discard(cursor)
            _close_quietly(cursor)
