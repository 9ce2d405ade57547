"""COPY by the driver itself, on the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from adj.abc import DatabaseRow
from adj.completion import to_its_end
from adj.engines.postgres.connection import Link
from adj.engines.postgres.session import prepare

if TYPE_CHECKING:
    from typing import Self


class HasLink(Protocol):
    """A connection that several tasks may reach."""

    @property
    def link(self) -> Link:
        """Its connection to the server."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the lease has ended."""
        ...

    def turn(self) -> AbstractAsyncContextManager[None]:
        """A turn on it, for as long as the block."""
        ...


class NativeCopy:
    """Rows on their way to the server."""

    def __init__(self, connection: HasLink, statement: str) -> None:
        self._connection, self._statement = connection, statement
        self._copying: Any = None
        self._copy: Any = None

    async def __aenter__(self) -> Self:
        link = self._connection.link
        wrapper: Any = link.wrapper
        try:
            async with self._connection.turn():
                wrapper.validate_no_broken_transaction()
                with wrapper.wrap_database_errors:
                    await prepare(link, self._statement, self._statement)
                    # psycopg wants SQL to be literal text where types are checked; this is made.
                    made: Any = self._statement
                    self._copying = link.cursor().copy(made)
                    self._copy = await self._copying.__aenter__()
        except BaseException as error:
            self._fail(error)
            raise
        return self

    async def write(self, rows: Iterable[DatabaseRow]) -> None:
        """Send rows."""
        wrapper: Any = self._connection.link.wrapper
        async with self._connection.turn():
            with wrapper.wrap_database_errors:
                for row in rows:
                    await self._copy.write_row(row)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        wrapper: Any = self._connection.link.wrapper
        if error is not None:
            await to_its_end(self._give_up(error))
            return
        try:
            async with self._connection.turn():
                with wrapper.wrap_database_errors:
                    await self._copying.__aexit__(None, None, None)
        except BaseException as failure:
            self._fail(failure)
            raise

    async def _give_up(self, error: BaseException) -> None:
        """Let the server undo the statement, unless it has ended with its lease."""
        if self._connection.has_ended:
            return
        self._fail(error)
        # What went wrong before is the error that matters.
        with suppress(Exception):
            await self._copying.__aexit__(type(error), error, error.__traceback__)

    def _fail(self, error: BaseException) -> None:
        """The transaction around the statement has failed."""
        wrapper: Any = self._connection.link.wrapper
        if wrapper.in_atomic_block and not self._connection.has_ended:
            wrapper.needs_rollback, wrapper.rollback_exc = True, error
