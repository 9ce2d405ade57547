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
from adj.engines.bridge.django_thread import run_on_django_thread, waiting_executor
from adj.engines.bridge.greenlets import BridgeConnections, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.driver_errors import reached_server
from adj.engines.lease.access import nested_call_for, transaction_handles
from adj.engines.lease.connection_lock import ConnectionLock
from adj.engines.lease.lease import Lease
from adj.engines.outcome import remove_outcome_note
from adj.engines.postgres import connection as pg_connection
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.native_copy import NativeCopy
from adj.engines.postgres.other_aliases import with_other_aliases
from adj.engines.postgres.session import execute
from adj.engines.postgres.sync_connection import AsyncServerSideCursor
from adj.engines.threads.blocking_calls import fetch_all
from adj.engines.threads.chunked_cursor import ChunkedCursor
from adj.engines.threads.thread_connection import ThreadConnection
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


class PooledConnection:
    """What a query has of a link: its rows as they come from the driver, and a bridge for Django's own code."""

    def __init__(self, alias: str, raw: PgConnection) -> None:
        self._alias, self._wrapper = alias, cast("Any", raw.wrapper)
        self._lease = Lease(alias)
        # As long as one task has the connection for itself, there are no turns to wait for.
        self._lock: ConnectionLock | None = None

    @property
    def raw(self) -> PgConnection:
        """The connection to the server; another one after Django's code has closed it and used it again."""
        raw: PgConnection = self._wrapper.raw
        return raw

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """The door to the server: a turn on the connection, for as long as the block.

        Raises `CrossTaskTransaction` once the lease has ended, also while this waited for its turn.
        """
        self._lease.check()
        return nullcontext() if self._lock is None else self._locked(self._lock)

    @asynccontextmanager
    async def _locked(self, lock: ConnectionLock, *, is_last: bool = False) -> AsyncGenerator[None]:
        if (nested_call := nested_call_for(self)) is not None:
            await nested_call.wait_for_open_block()
        async with lock.hold():
            if not is_last:
                self._lease.check()
            yield

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of its rows; in a bridge, if it may ask for more."""
        wrapper = self._wrapper
        if self._is_watched():
            return await self.run(fetch_all, self._alias, command, receive)
        async with self.exclusively():
            raw = self.raw
            self._refuse_lock_in_autocommit(command)
            wrapper.validate_no_broken_transaction()
            try:
                with wrapper.wrap_database_errors:
                    raw.record_statement(command.sql)
                    rows: list[DatabaseRow] = await raw.fetch(command)
            except Exception as error:
                if not command.writes:
                    remove_outcome_note(error)
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
        async with self.exclusively():
            return await self._run(function, *args, **kwargs)

    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with one more function, which runs after what is running; all other calls are refused."""
        self._lease.leave()
        async with nullcontext() if self._lock is None else self._locked(self._lock, is_last=True):
            self.raw.close_if_busy()
            return await self._run(function, *args, **kwargs)

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if (thread_connection := self._thread_connection()) is not None:
            # Code that finds a connection of a thread has to run on that thread, and finds this one there.
            return await thread_connection.run_with({self._alias: self._wrapper}, function, *args, **kwargs)
        watcher, others = watcher_of(self._alias), watchers_of_others(self._alias)
        if (session := self.raw.session) is not None:
            with self._wrapper.wrap_database_errors:
                await session.apply(self.raw)
        async with with_other_aliases(self._wrappers()) as wrappers:
            with (
                nullcontext() if watcher is None else watched_by(watcher, self._wrapper),
                others_watched_by(others, wrappers),
            ):
                return await run_in_bridge(BridgeConnections(wrappers, self._lock), function, *args, **kwargs)

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
        return pg_connection.CANCEL_SECONDS

    def was_not_started(self, error: Exception) -> bool:
        """Whether a statement has certainly not been started, though its session is lost, and no transaction with it.

        A message that an administrator has ended the session proves nothing, as it may have been ended while the
        statement ran. So it does not count here how soon it came.
        """
        return self.raw.is_lost and self.raw.autocommit and _is_unsent_or_idle(error.__cause__)

    def is_needed(self) -> bool:
        """Whether something is open on the link, or its session was changed."""
        raw = self.raw
        if raw.called_functions and not raw.functions.may_change_session(raw.called_functions):
            raw.called_functions.clear()
        return not raw.is_lost and not raw.is_clean

    def share(self, *, may_return: bool = False) -> None:
        """From now on several tasks may use the connection: they take turns."""
        self._lock = self._lock or ConnectionLock()

    def new_lease(self) -> PooledConnection:
        """The same connection for other calls: they have a lease of their own, and take turns with its calls."""
        new_lease = PooledConnection(self._alias, self.raw)
        new_lease._lock = self._lock
        return new_lease

    @property
    def is_shared_in_autocommit(self) -> bool:
        """Whether what several tasks execute takes turns, each statement being a transaction of its own."""
        return self._lock is not None and self.raw.autocommit

    def _wrappers(self) -> Wrappers:
        """What code finds in `connections`: this one, and those of other transactions of the task."""
        others = {alias: handle.wrapper for alias, handle in transaction_handles()}
        return {**others, self._alias: self._wrapper}

    def _thread_connection(self) -> ThreadConnection | None:
        """The connection of a transaction of the task that lives on a thread, if there is one."""
        return next(
            (
                handle.connection
                for _, handle in transaction_handles()
                if isinstance(handle.connection, ThreadConnection)
            ),
            None,
        )

    def for_other_loop(self) -> ThreadConnection:
        """The same for code on another event loop: synchronous code has called it, and waits on a thread."""
        return _WaitingThreadConnection(self._alias)

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
        if command.locks_rows and self.raw.autocommit:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


class _WaitingThreadConnection(ThreadConnection):
    """A connection that is lent to the thread which waits for the current code."""

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run_on_django_thread(waiting_executor(), function, *args, **kwargs)


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

    def __init__(self, connection: PooledConnection, command: Command, size: int) -> None:
        self._connection, self._command, self._size = connection, command, size
        self._owns_transaction = False
        self._cursor: Any = None

    async def __aenter__(self) -> Self:
        raw, command = self._connection.raw, self._command
        try:
            async with self._connection.exclusively():
                self._connection._refuse_lock_in_autocommit(command)
                raw.wrapper.validate_no_broken_transaction()
                with raw.wrapper.wrap_database_errors:
                    await self._open(raw)
                    await execute(raw, self._cursor, command.sql, command.parameters)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def _end(self) -> None:
        try:
            # Where there is no time left for it, its connection is closed.
            if not self._connection.raw.is_lost:
                with suppress(TimeoutError):
                    await to_its_end(self._close())
        finally:
            if self._cursor is not None and self._connection.raw.is_lost:
                # psycopg warns of a cursor that nobody has closed.
                self._cursor._closed = True

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` makes of the next rows; it gets none at the end."""
        async with self._connection.exclusively():
            with self._connection.raw.wrapper.wrap_database_errors:
                rows: list[DatabaseRow] = await self._cursor.fetchmany(self._size)
        return await self._connection.run(receive, rows) if may_query else receive(rows)

    async def _open(self, raw: PgConnection) -> None:
        settings = raw.wrapper.settings_dict
        is_lasting = self._connection.is_shared_in_autocommit
        if settings.get("DISABLE_SERVER_SIDE_CURSORS") or (is_lasting and raw.is_pooled):
            self._cursor = raw.cursor()
            return
        if raw.autocommit and not is_lasting:
            if raw.session is not None:
                await raw.session.apply(raw)
            await raw.execute("BEGIN READ ONLY")
            if raw.session is not None:
                raw.session.transaction_began()
            self._owns_transaction = True
        binds_on_server = settings["OPTIONS"].get("server_side_binding") is True
        cursor_class: Any = AsyncServerCursor if binds_on_server else AsyncServerSideCursor
        self._cursor = cursor_class(raw, cursor_name(), scrollable=False, withhold=is_lasting)
        if is_lasting:
            raw.open_cursors.add(self)

    async def _close(self) -> None:
        raw, cursor = self._connection.raw, self._cursor
        if self._connection.has_ended:
            if cursor is not None:
                # It has ended with its transaction; psycopg warns of a cursor that nobody has closed.
                cursor._closed = True
            return
        with raw.cleaning_up():
            with suppress(psycopg.Error):
                # Where the transaction has failed the server has closed it already.
                if cursor is not None:
                    await cursor.close()
                    raw.open_cursors.discard(self)
            if raw.is_lost and cursor is not None:
                # Asks nobody; the cursor only takes note.
                await cursor.close()
            if self._owns_transaction and not raw.is_lost:
                with raw.wrapper.wrap_database_errors:
                    await raw.execute("ROLLBACK")
