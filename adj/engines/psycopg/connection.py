"""A connection of the pool, lent for one query, one stream or one transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import psycopg
from django.db.transaction import TransactionManagementError
from psycopg import AsyncServerCursor

from adj.abc import Command, Cursor, DatabaseRow
from adj.engines.bridge import Lent, run_in_bridge
from adj.engines.calls import fetch_all
from adj.engines.companions import companions, errand_for
from adj.engines.cursor import ChunkedCursor
from adj.engines.lending import Wrappers
from adj.engines.psycopg import link as link_module
from adj.engines.psycopg.copying import NativeCopy
from adj.engines.psycopg.cursor_names import cursor_name
from adj.engines.psycopg.facade import NamedCursor
from adj.engines.psycopg.guests import with_guests
from adj.engines.psycopg.link import Link
from adj.engines.psycopg.session import execute
from adj.engines.turns import Turns
from adj.engines.watch import others_watched_by, watched_by, watcher_of, watchers_of_others
from adj.errors import CrossTaskTransaction
from adj.persist import to_its_end

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class PsycopgConnection:
    """What a query has of a link: its rows as they come from the driver, and a bridge for Django's own code."""

    def __init__(self, alias: str, link: Link) -> None:
        self._alias, self._wrapper = alias, cast("Any", link.wrapper)
        self._has_ended = False
        # As long as one task has the connection for itself, there are no turns to wait for.
        self._turns: Turns | None = None

    @property
    def link(self) -> Link:
        """The connection to the server; another one after Django's code has closed it and used it again."""
        link: Link = self._wrapper.link
        return link

    def turn(self) -> AbstractAsyncContextManager[None]:
        """A turn on the connection, for as long as the block."""
        return nullcontext() if self._turns is None else self._turn(self._turns)

    @asynccontextmanager
    async def _turn(self, turns: Turns) -> AsyncGenerator[None]:
        if (errand := errand_for(self)) is not None:
            await errand.admission()
        async with turns.turn():
            yield

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of its rows; in a bridge, if it may ask for more."""
        link, wrapper = self.link, self._wrapper
        self._refuse_lock_in_autocommit(command)
        if self._is_watched():
            return await self.run(fetch_all, self._alias, command, receive)
        async with self.turn():
            self.refuse_if_ended()
            wrapper.validate_no_broken_transaction()
            try:
                with wrapper.wrap_database_errors:
                    link.note(command.sql)
                    rows: list[DatabaseRow] = await link.fetch(command)
            except Exception as error:
                if command.writes and wrapper.in_atomic_block:
                    # As Django's `update()` has it.
                    wrapper.needs_rollback, wrapper.rollback_exc = True, error
                raise
        return await self.run(receive, rows) if may_query else receive(rows)

    def cursor(self, command: Command, size: int) -> AbstractAsyncContextManager[Cursor]:
        """Run a statement and give its rows in lists; the cursor is closed at block exit, cancelled or not."""
        if self._is_watched():
            return ChunkedCursor(self, self._alias, command, size)
        return StreamingCursor(self, command, size)

    def copy(self, statement: str) -> NativeCopy:
        """Run `COPY ... FROM STDIN`; the statement ends with the block."""
        return NativeCopy(self, statement)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code in a bridge, where it finds this connection as `connections[alias]`."""
        async with self.turn():
            self.refuse_if_ended()
            return await self._run(function, *args, **kwargs)

    async def run_last(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one more function after what is running; everything that waits, or comes later, is refused."""
        self._has_ended = True
        async with self.turn():
            return await self._run(function, *args, **kwargs)

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        watcher, others = watcher_of(self._alias), watchers_of_others(self._alias)
        if (session := self.link.session) is not None:
            with self._wrapper.wrap_database_errors:
                await session.dress(self.link)
        async with with_guests(self._wrappers()) as wrappers:
            with (
                nullcontext() if watcher is None else watched_by(watcher, self._wrapper),
                others_watched_by(others, wrappers),
            ):
                return await run_in_bridge(Lent(wrappers, self._turns), function, *args, **kwargs)

    def end(self) -> None:
        """The link goes to somebody else: whoever still has this must not reach it."""
        self._has_ended = True

    def refuse_if_ended(self) -> None:
        """Raise `CrossTaskTransaction` once the connection was given back."""
        if self._has_ended:
            raise CrossTaskTransaction.after_the_end(self._alias)

    @property
    def has_ended(self) -> bool:
        """Whether the connection was given back."""
        return self._has_ended

    @property
    def patience(self) -> float:
        """As long as a server may take to give up a query; then the connection is closed."""
        return link_module.CANCEL_SECONDS

    def was_not_started(self, error: Exception) -> bool:
        """Whether a statement has certainly not been started, though its session is lost, and no transaction with it.

        A message that an administrator has ended the session proves nothing, as it may have been ended while the
        statement ran. So it does not count here how soon it came.
        """
        return self.link.is_lost and self.link.autocommit and _is_unsent_or_idle(error.__cause__)

    def is_needed(self) -> bool:
        """Whether something is open on the link, or its session was changed."""
        link = self.link
        if link.called and not link.functions.may_last(link.called):
            link.called.clear()
        return not link.is_lost and not link.is_as_lent

    def share(self) -> None:
        """From now on several tasks may use the connection: they take turns."""
        self._turns = self._turns or Turns()

    def _wrappers(self) -> Wrappers:
        """What code finds in `connections`: this one, and those of other transactions of the task."""
        others = {
            alias: connection._wrapper
            for alias, connection in companions()
            if isinstance(connection, PsycopgConnection)
        }
        return {**others, self._alias: self._wrapper}

    def _is_watched(self) -> bool:
        """Whether somebody wants to see the queries, to whom Django's own cursor shows them."""
        return self._wrapper.queries_logged or watcher_of(self._alias) is not None

    def _refuse_lock_in_autocommit(self, command: Command) -> None:
        """Raise what Django raises for `SELECT ... FOR UPDATE` outside a transaction."""
        if command.locks_rows and self.link.autocommit:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


def _is_unsent_or_idle(error: object) -> bool:
    """Whether psycopg has not sent a statement on a connection that was closed, or the server waited for one."""
    if isinstance(error, psycopg.errors.IdleSessionTimeout):
        return True
    return isinstance(error, psycopg.OperationalError) and error.args == ("the connection is closed",)


class StreamingCursor:
    """The rows of one statement in lists, from a cursor on the server's side.

    Outside a transaction it has one of its own, which only reads. Where `DISABLE_SERVER_SIDE_CURSORS` is set, the rows
    come all at once, and are handed out in lists.
    """

    def __init__(self, connection: PsycopgConnection, command: Command, size: int) -> None:
        self._connection, self._command, self._size = connection, command, size
        self._owns_transaction = False
        self._cursor: Any = None

    async def __aenter__(self) -> Self:
        link, command = self._connection.link, self._command
        self._connection._refuse_lock_in_autocommit(command)
        link.wrapper.validate_no_broken_transaction()
        try:
            async with self._connection.turn():
                self._connection.refuse_if_ended()
                with link.wrapper.wrap_database_errors:
                    await self._open(link)
                    link.note(command.sql)
                    await execute(link, self._cursor, command.sql, command.parameters)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def _end(self) -> None:
        # Where there is no time left for it, its connection is closed.
        with suppress(TimeoutError):
            await to_its_end(self._close())

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` makes of the next rows; it gets none at the end."""
        async with self._connection.turn():
            self._connection.refuse_if_ended()
            with self._connection.link.wrapper.wrap_database_errors:
                rows: list[DatabaseRow] = await self._cursor.fetchmany(self._size)
        return await self._connection.run(receive, rows) if may_query else receive(rows)

    async def _open(self, link: Link) -> None:
        settings = link.wrapper.settings_dict
        if settings.get("DISABLE_SERVER_SIDE_CURSORS"):
            self._cursor = link.cursor()
            return
        if link.autocommit:
            if link.session is not None:
                await link.session.dress(link)
            await link.execute("BEGIN READ ONLY")
            if link.session is not None:
                link.session.began()
            self._owns_transaction = True
        binds_on_server = settings["OPTIONS"].get("server_side_binding") is True
        kind: Any = AsyncServerCursor if binds_on_server else NamedCursor
        self._cursor = kind(link, cursor_name(), scrollable=False)

    async def _close(self) -> None:
        link, cursor = self._connection.link, self._cursor
        if self._connection.has_ended:
            if cursor is not None:
                # It has ended with its transaction; psycopg warns of a cursor that nobody has closed.
                cursor._closed = True
            return
        with link.undoing():
            with suppress(psycopg.Error):
                # Where the transaction has failed the server has closed it already.
                if cursor is not None:
                    await cursor.close()
            if link.is_lost and cursor is not None:
                # Asks nobody; the cursor only takes note.
                await cursor.close()
            if self._owns_transaction and not link.is_lost:
                with link.wrapper.wrap_database_errors:
                    await link.execute("ROLLBACK")
