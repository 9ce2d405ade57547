"""COPY by the driver itself, on the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from adj.abc import DatabaseRow
from adj.completion import to_its_end
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.session import prepare_session

if TYPE_CHECKING:
    from typing import Self


class CopyTarget(Protocol):
    """A connection that several tasks may reach."""

    @property
    def raw(self) -> PgConnection:
        """Its connection to the server."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the lease has ended."""
        ...

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """A turn on it, for as long as the block."""
        ...


class NativeCopy:
    """Rows on their way to the server."""

    def __init__(self, connection: CopyTarget, statement: str) -> None:
        self._connection, self._statement = connection, statement
        self._manager: Any = None
        self._copy: Any = None

    async def __aenter__(self) -> Self:
        raw = self._connection.raw
        wrapper: Any = raw.wrapper
        try:
            async with self._connection.exclusively():
                wrapper.validate_no_broken_transaction()
                with wrapper.wrap_database_errors:
                    await prepare_session(raw, self._statement, self._statement)
                    # psycopg wants SQL to be literal text where types are checked; this is made.
                    statement: Any = self._statement
                    self._manager = raw.cursor().copy(statement)
                    self._copy = await self._manager.__aenter__()
        except BaseException as error:
            self._mark_failed(error)
            raise
        return self

    async def write(self, rows: Iterable[DatabaseRow]) -> None:
        """Send rows."""
        wrapper: Any = self._connection.raw.wrapper
        async with self._connection.exclusively():
            with wrapper.wrap_database_errors:
                for row in rows:
                    await self._copy.write_row(row)

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        wrapper: Any = self._connection.raw.wrapper
        if error is not None:
            await to_its_end(self._abort(error))
            return
        try:
            async with self._connection.exclusively():
                with wrapper.wrap_database_errors:
                    await self._manager.__aexit__(None, None, None)
        except BaseException as failure:
            self._mark_failed(failure)
            raise

    async def _abort(self, error: BaseException) -> None:
        """Let the server undo the statement, unless it has ended with its lease."""
        if self._connection.has_ended:
            return
        self._mark_failed(error)
        # What went wrong before is the error that matters.
        with suppress(Exception):
            await self._manager.__aexit__(type(error), error, error.__traceback__)

    def _mark_failed(self, error: BaseException) -> None:
        """The transaction around the statement has failed."""
        wrapper: Any = self._connection.raw.wrapper
        if wrapper.in_atomic_block and not self._connection.has_ended:
            wrapper.needs_rollback, wrapper.rollback_exc = True, error
