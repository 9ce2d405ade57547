"""COPY on the thread of a Django connection: each step is a call that runs there."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from adj.abc import Connection, DatabaseRow
from adj.completion import to_its_end
from adj.engines.threads.blocking_calls import open_connection
from adj.engines.threads.opened import Opened
from adj.engines.threads.thread_call import uninterrupted
from adj.errors import CrossTaskTransaction

if TYPE_CHECKING:
    from typing import Self


class DriverCopy(Protocol):
    """The driver's COPY, as far as it is used here."""

    def write_row(self, row: DatabaseRow) -> object:
        """Send a row."""
        ...


class ThreadCopy:
    """A `COPY ... FROM STDIN` statement, as an asynchronous context manager.

    `opened` is the set of cursors and COPY statements that the lease of its connection has open.
    """

    def __init__(self, connection: Connection, alias: str, statement: str, opened: Opened) -> None:
        self._connection, self._alias, self._statement = connection, alias, statement
        self._opened = opened
        self._manager: AbstractContextManager[DriverCopy] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._connection.run(self._open)
        except BaseException as error:
            await self._end(error)
            raise
        return self

    async def write(self, rows: Iterable[DatabaseRow]) -> None:
        """Send rows."""
        await self._connection.run(self._write, rows)

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            try:
                await self._connection.run(self._finish)
            except BaseException as failure:
                await self._end(failure)
                raise
        else:
            await self._end(error)

    async def _end(self, error: BaseException) -> None:
        with suppress(CrossTaskTransaction):
            # The statement has ended together with its lease.
            await to_its_end(self._connection.run(self._abort, error))

    # -- on the thread -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        connection = open_connection(self._alias)
        connection.validate_no_broken_transaction()
        with connection.wrap_database_errors:
            manager: AbstractContextManager[DriverCopy] = connection.cursor().copy(self._statement)
            self._manager = manager
            self._opened.add(self)
            self._copy = manager.__enter__()

    def _write(self, rows: Iterable[DatabaseRow]) -> None:
        connection = open_connection(self._alias)
        with connection.wrap_database_errors:
            for row in rows:
                self._copy.write_row(row)

    def _finish(self) -> None:
        connection = open_connection(self._alias)
        manager, self._manager = self._manager, None
        self._opened.discard(self)
        with connection.wrap_database_errors:
            if manager is not None:
                manager.__exit__(None, None, None)

    def close(self) -> None:
        """End the statement when its lease ends."""
        self._abort(CrossTaskTransaction.after_the_end(self._alias))

    @uninterrupted
    def _abort(self, error: BaseException) -> None:
        """Let the server discard the rows, and mark the transaction around the statement for rollback."""
        connection = open_connection(self._alias)
        self._opened.discard(self)
        if self._manager is not None:
            # The first error is the one to report.
            with suppress(Exception):
                self._manager.__exit__(type(error), error, error.__traceback__)
        if connection.in_atomic_block:
            connection.needs_rollback, connection.rollback_exc = True, error
