"""A connection of the pool, lent for one query, one stream or one transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import psycopg
from django.db.transaction import TransactionManagementError
from psycopg import AsyncServerCursor

from adj.abc import Command, Cursor, DatabaseRow
from adj.completion import to_its_end
from adj.engines.bridge.django_thread import run_on_djangos_thread, waiting_thread
from adj.engines.bridge.greenlets import Lent, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.lease.access import companions, errand_for
from adj.engines.lease.connection_lock import Turns
from adj.engines.lease.lease import Lease
from adj.engines.outcome import drop_note, reached_server
from adj.engines.postgres import connection as link_module
from adj.engines.postgres.connection import Link
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.native_copy import NativeCopy
from adj.engines.postgres.other_aliases import with_guests
from adj.engines.postgres.session import execute
from adj.engines.postgres.sync_connection import NamedCursor
from adj.engines.threads.blocking_calls import fetch_all
from adj.engines.threads.chunked_cursor import ChunkedCursor
from adj.engines.threads.thread_connection import ConnectionOnThread
from adj.engines.watching.watchers import (
    are_cursors_patched,
    others_watched_by,
    watched_by,
    watcher_of,
    watchers_of_others,
)

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class PsycopgConnection:
    """What a query has of a link: its rows as they come from the driver, and a bridge for Django's own code."""

    def __init__(self, alias: str, link: Link) -> None:
        self._alias, self._wrapper = alias, cast("Any", link.wrapper)
        self._lease = Lease(alias)
        # As long as one task has the connection for itself, there are no turns to wait for.
        self._turns: Turns | None = None

    @property
    def link(self) -> Link:
        """The connection to the server; another one after Django's code has closed it and used it again."""
        link: Link = self._wrapper.link
        return link

    def turn(self) -> AbstractAsyncContextManager[None]:
        """The door to the server: a turn on the connection, for as long as the block.

        Raises `CrossTaskTransaction` once the lease has ended, also while this waited for its turn.
        """
        self._lease.check()
        return nullcontext() if self._turns is None else self._turn(self._turns)

    @asynccontextmanager
    async def _turn(self, turns: Turns, *, is_last: bool = False) -> AsyncGenerator[None]:
        if (errand := errand_for(self)) is not None:
            await errand.admission()
        async with turns.turn():
            if not is_last:
                self._lease.check()
            yield

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of its rows; in a bridge, if it may ask for more."""
        wrapper = self._wrapper
        if self._is_watched():
            return await self.run(fetch_all, self._alias, command, receive)
        async with self.turn():
            link = self.link
            self._refuse_lock_in_autocommit(command)
            wrapper.validate_no_broken_transaction()
            try:
                with wrapper.wrap_database_errors:
                    link.note(command.sql)
                    rows: list[DatabaseRow] = await link.fetch(command)
            except Exception as error:
                if not command.writes:
                    drop_note(error)
                elif wrapper.in_atomic_block and reached_server(wrapper, error):
                    # As Django's `update()` has it.
                    wrapper.needs_rollback, wrapper.rollback_exc = True, error
                raise
        return await self.run(receive, rows) if may_query else receive(rows)

    def cursor(self, command: Command, size: int) -> AbstractAsyncContextManager[Cursor]:
        """Run a statement and give its rows in lists; the cursor is closed at block exit, cancelled or not."""
        if self._is_watched():
            return ChunkedCursor(self, self._alias, command, size, set())
        return StreamingCursor(self, command, size)

    def copy(self, statement: str) -> NativeCopy:
        """Run `COPY ... FROM STDIN`; the statement ends with the block."""
        return NativeCopy(self, statement)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code in a bridge, where it finds this connection as `connections[alias]`."""
        async with self.turn():
            return await self._run(function, *args, **kwargs)

    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with one more function, which runs after what is running; all other calls are refused."""
        self._lease.leave()
        async with nullcontext() if self._turns is None else self._turn(self._turns, is_last=True):
            self.link.close_if_busy()
            return await self._run(function, *args, **kwargs)

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if (host := self._host()) is not None:
            # Code that finds a connection of a thread has to run on that thread, and finds this one there.
            return await host.run_with({self._alias: self._wrapper}, function, *args, **kwargs)
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
        """The link goes to another task: whoever still has this object must not reach it."""
        self._lease.end()

    @property
    def has_ended(self) -> bool:
        """Whether the lease has ended."""
        return self._lease.has_ended

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

    def share(self, *, may_return: bool = False) -> None:
        """From now on several tasks may use the connection: they take turns."""
        self._turns = self._turns or Turns()

    def beside(self) -> PsycopgConnection:
        """The same connection for other calls: they have a lease of their own, and take turns with its calls."""
        beside = PsycopgConnection(self._alias, self.link)
        beside._turns = self._turns
        return beside

    @property
    def is_shared_in_autocommit(self) -> bool:
        """Whether what several tasks execute takes turns, each statement being a transaction of its own."""
        return self._turns is not None and self.link.autocommit

    def _wrappers(self) -> Wrappers:
        """What code finds in `connections`: this one, and those of other transactions of the task."""
        others = {alias: companion.wrapper for alias, companion in companions()}
        return {**others, self._alias: self._wrapper}

    def _host(self) -> ConnectionOnThread | None:
        """The connection of a transaction of the task that lives on a thread, if there is one."""
        return next(
            (found.connection for _, found in companions() if isinstance(found.connection, ConnectionOnThread)), None
        )

    def elsewhere(self) -> ConnectionOnThread:
        """The same for code on another event loop: synchronous code has called it, and waits on a thread."""
        return _OnWaitingThread(self._alias)

    def _is_watched(self) -> bool:
        """Whether somebody wants to see the queries, to whom Django's own cursor shows them."""
        wrapper = self._wrapper
        return (
            wrapper.queries_logged
            or bool(wrapper.execute_wrappers)
            or are_cursors_patched()
            or watcher_of(self._alias) is not None
        )

    def _refuse_lock_in_autocommit(self, command: Command) -> None:
        """Raise what Django raises for `SELECT ... FOR UPDATE` outside a transaction."""
        if command.locks_rows and self.link.autocommit:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


class _OnWaitingThread(ConnectionOnThread):
    """A connection that is lent to the thread which waits for the current code."""

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run_on_djangos_thread(waiting_thread(), function, *args, **kwargs)


def _is_unsent_or_idle(error: object) -> bool:
    """Whether psycopg has not sent a statement on a connection that was closed, or the server waited for one."""
    if isinstance(error, psycopg.errors.IdleSessionTimeout):
        return True
    return isinstance(error, psycopg.OperationalError) and error.args == ("the connection is closed",)


class StreamingCursor:
    """The rows of one statement in lists, from a cursor on the server's side.

    Outside a transaction it has one of its own, which only reads. On a connection whose other calls would be in that
    transaction as well, the cursor is one that needs none. Where `DISABLE_SERVER_SIDE_CURSORS` is set, or no cursor may
    last longer than a transaction, the rows come all at once, and are handed out in lists.
    """

    def __init__(self, connection: PsycopgConnection, command: Command, size: int) -> None:
        self._connection, self._command, self._size = connection, command, size
        self._owns_transaction = False
        self._cursor: Any = None

    async def __aenter__(self) -> Self:
        link, command = self._connection.link, self._command
        try:
            async with self._connection.turn():
                self._connection._refuse_lock_in_autocommit(command)
                link.wrapper.validate_no_broken_transaction()
                with link.wrapper.wrap_database_errors:
                    await self._open(link)
                    await execute(link, self._cursor, command.sql, command.parameters)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def _end(self) -> None:
        try:
            # Where there is no time left for it, its connection is closed.
            if not self._connection.link.is_lost:
                with suppress(TimeoutError):
                    await to_its_end(self._close())
        finally:
            if self._cursor is not None and self._connection.link.is_lost:
                # psycopg warns of a cursor that nobody has closed.
                self._cursor._closed = True

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` makes of the next rows; it gets none at the end."""
        async with self._connection.turn():
            with self._connection.link.wrapper.wrap_database_errors:
                rows: list[DatabaseRow] = await self._cursor.fetchmany(self._size)
        return await self._connection.run(receive, rows) if may_query else receive(rows)

    async def _open(self, link: Link) -> None:
        settings = link.wrapper.settings_dict
        is_lasting = self._connection.is_shared_in_autocommit
        if settings.get("DISABLE_SERVER_SIDE_CURSORS") or (is_lasting and link.is_pooled):
            self._cursor = link.cursor()
            return
        if link.autocommit and not is_lasting:
            if link.session is not None:
                await link.session.dress(link)
            await link.execute("BEGIN READ ONLY")
            if link.session is not None:
                link.session.began()
            self._owns_transaction = True
        binds_on_server = settings["OPTIONS"].get("server_side_binding") is True
        kind: Any = AsyncServerCursor if binds_on_server else NamedCursor
        self._cursor = kind(link, cursor_name(), scrollable=False, withhold=is_lasting)
        if is_lasting:
            link.open_cursors.add(self)

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
                    link.open_cursors.discard(self)
            if link.is_lost and cursor is not None:
                # Asks nobody; the cursor only takes note.
                await cursor.close()
            if self._owns_transaction and not link.is_lost:
                with link.wrapper.wrap_database_errors:
                    await link.execute("ROLLBACK")
