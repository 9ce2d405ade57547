"""A cursor on a thread: opened, read and closed by calls that run where its connection lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from adj.abc import Command, Connection, DatabaseRow
from adj.completion import to_its_end
from adj.engines.threads.blocking_calls import open_connection, refuse_lock_outside_transaction
from adj.engines.threads.thread_call import uninterrupted
from adj.errors import CrossTaskTransaction, EngineNotOpen

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class _OpenCursors(threading.local):
    """The cursors of this thread that are open."""

    def __init__(self) -> None:
        self.cursors: set[Any] = set()


_open_cursors = _OpenCursors()


def close_cursors() -> None:
    """Close what is open on this thread, whose connections are about to be closed: SQLite's would keep its locks."""
    while _open_cursors.cursors:
        _close_quietly(_open_cursors.cursors.pop())


@uninterrupted
def close_opened_and_call(opened: set[Any], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Close the cursors, and end the COPY, that a lease has left open; call its last function."""
    while opened:
        _open_cursors.cursors.discard(cursor := opened.pop())
        _close_quietly(cursor)
    return function(*args, **kwargs)


def _close_quietly(cursor: Any) -> None:
    try:
        cursor.close()
    # Its connection is gone, says the driver, whose errors Django does not translate here.
    except Exception:  # noqa: BLE001
        # psycopg asks nobody the second time, and only takes note that it is closed.
        with suppress(Exception):
            cursor.close()


class ChunkedCursor:
    """The rows of one statement in lists, from a cursor on the server's side where the backend has such cursors.

    `opened` is what the lease of its connection has open.
    """

    def __init__(self, connection: Connection, alias: str, command: Command, size: int, opened: set[Any]) -> None:
        self._connection, self._alias, self._opened = connection, alias, opened
        self._command, self._size = command, size
        self._cursor: Any = None

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
        """What `receive` makes of the next rows; it gets none at the end."""
        return await self._connection.run(self._fetch, receive)

    async def _end(self) -> None:
        with suppress(CrossTaskTransaction, EngineNotOpen, TimeoutError):
            # The transaction that it was in has ended, or the engine was closed, and the cursor with it. Or its thread
            # is still busy with what took too long, and closes it afterwards.
            await to_its_end(self._connection.run(self._close))

    # -- on the thread -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        connection = open_connection(self._alias)
        refuse_lock_outside_transaction(connection, self._command)
        self._cursor = connection.chunked_cursor()
        _open_cursors.cursors.add(self._cursor)
        self._opened.add(self._cursor)
        self._cursor.execute(self._command.sql, self._command.parameters)

    def _fetch(self, receive: Callable[[list[DatabaseRow]], T]) -> T:
        return receive(list(self._cursor.fetchmany(self._size)))

    @uninterrupted
    def _close(self) -> None:
        if self._cursor is not None:
            _open_cursors.cursors.discard(self._cursor)
            self._opened.discard(self._cursor)
            _close_quietly(self._cursor)
