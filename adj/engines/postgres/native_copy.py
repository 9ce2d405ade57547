"""COPY on psycopg's asynchronous connection."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, cast

from adj.abc import DatabaseRow
from adj.completion import to_its_end
from adj.engines.postgres.leased_connection import LeasedConnection
from adj.engines.postgres.statements import PgCopy, PgCursor, prepare_session

if TYPE_CHECKING:
    from typing import Self


class NativeCopy:
    """A `COPY ... FROM STDIN` statement, as an asynchronous context manager."""

    _manager: AbstractAsyncContextManager[PgCopy]
    _copy: PgCopy

    def __init__(self, connection: LeasedConnection, statement: str) -> None:
        self._connection, self._statement = connection, statement

    async def __aenter__(self) -> Self:
        raw = self._connection.raw
        try:
            async with self._connection.exclusively():
                raw.wrapper.validate_no_broken_transaction()
                with raw.wrapper.wrap_database_errors:
                    await prepare_session(raw, self._statement, self._statement)
                    self._manager = cast("PgCursor", raw.cursor()).copy(self._statement)
                    self._copy = await self._manager.__aenter__()
        except BaseException as error:
            self._mark_failed(error)
            raise
        return self

    async def write(self, rows: Iterable[DatabaseRow]) -> None:
        """Send rows."""
        async with self._connection.exclusively():
            with self._connection.raw.wrapper.wrap_database_errors:
                for row in rows:
                    await self._copy.write_row(row)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_value is not None:
            await to_its_end(self._abort(exc_value))
            return
        try:
            async with self._connection.exclusively():
                with self._connection.raw.wrapper.wrap_database_errors:
                    await self._manager.__aexit__(None, None, None)
        except BaseException as failure:
            self._mark_failed(failure)
            raise

    async def _abort(self, error: BaseException) -> None:
        """Let the server discard the rows, unless the statement has ended together with its lease."""
        if self._connection.has_ended:
            return
        self._mark_failed(error)
        # The first error is the one to report.
        with suppress(Exception):
            await self._manager.__aexit__(type(error), error, error.__traceback__)

    def _mark_failed(self, error: BaseException) -> None:
        """Mark the transaction around the statement for rollback."""
        wrapper = self._connection.raw.wrapper
        if wrapper.in_atomic_block and not self._connection.has_ended:
            wrapper.needs_rollback, wrapper.rollback_exc = True, error
