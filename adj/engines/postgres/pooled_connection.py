"""A connection that is checked out of the pool for one query, one stream or one transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import ParamSpec, TypeVar, cast

import psycopg
from django.db.transaction import TransactionManagementError

from adj.abc import Command, Cursor, DatabaseRow
from adj.engines.bridge.django_thread import run_on_django_thread, waiting_executor
from adj.engines.bridge.greenlets import BridgeConnections, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.driver_errors import reached_server
from adj.engines.lease.connection_lock import ConnectionLock
from adj.engines.lease.lease import Lease
from adj.engines.lease.nested_call import nested_call_for
from adj.engines.lease.task_transactions import transaction_handles
from adj.engines.outcome import remove_outcome_note
from adj.engines.postgres import connection as pg_connection
from adj.engines.postgres.connection import PgConnection, rows_of
from adj.engines.postgres.native_copy import NativeCopy
from adj.engines.postgres.other_aliases import with_other_aliases
from adj.engines.postgres.streaming_cursor import StreamingCursor
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

P = ParamSpec("P")
T = TypeVar("T")


class PooledConnection:
    """A `PgConnection` for the time that it is checked out: fetches rows, and runs Django's code in a bridge."""

    def __init__(self, alias: str, raw: PgConnection) -> None:
        self._alias, self._wrapper = alias, raw.wrapper
        self._lease = Lease(alias)
        # While a single task has the connection, no lock is needed.
        self._lock: ConnectionLock | None = None

    @property
    def raw(self) -> PgConnection:
        """The connection to the server. Django's code may close it; the wrapper then opens another one."""
        # Never None: the wrapper of a pool's connection is created with it.
        return cast("PgConnection", self._wrapper.raw)

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """Use the connection alone until the block ends.

        Raises `CrossTaskTransaction` once the lease has ended, also if it ends while this waits for other tasks.
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
        """Run a statement and return what `receive` returns for its rows. It is called in a bridge if it may query."""
        wrapper = self._wrapper
        if self._is_watched():
            return await self.run(fetch_all, self._alias, command, receive)
        async with self.exclusively():
            raw = self.raw
            self.refuse_lock_in_autocommit(command)
            wrapper.validate_no_broken_transaction()
            try:
                with wrapper.wrap_database_errors:
                    raw.record_statement(command.sql)
                    rows = await rows_of(await raw.send(command), command)
            except Exception as error:
                if not command.writes:
                    remove_outcome_note(error)
                elif wrapper.in_atomic_block and reached_server(wrapper, error):
                    # As Django's `update()` does.
                    wrapper.needs_rollback, wrapper.rollback_exc = True, error
                raise
        return await self.run(receive, rows) if may_query else receive(rows)

    def cursor(self, command: Command, size: int) -> AbstractAsyncContextManager[Cursor]:
        """Run a statement, whose rows are fetched in chunks. The cursor is closed when the block ends."""
        if self._is_watched():
            return ChunkedCursor(self, self._alias, command, size, set())
        return StreamingCursor(self, command, size)

    def copy(self, statement: str) -> NativeCopy:
        """Run `COPY ... FROM STDIN`. The statement ends with the block."""
        return NativeCopy(self, statement)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code in a bridge, where it finds this connection as `connections[alias]`."""
        async with self.exclusively():
            return await self._run(function, *args, **kwargs)

    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with a last call, which runs after the current one. Later calls are refused."""
        self._lease.leave()
        async with nullcontext() if self._lock is None else self._locked(self._lock, is_last=True):
            self.raw.close_if_busy()
            return await self._run(function, *args, **kwargs)

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if (thread_connection := self._thread_connection()) is not None:
            # Code that uses another transaction on a thread has to run on that thread; it finds this connection there.
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
        """End the lease: code that still has this object must not reach the connection."""
        self._lease.end()

    @property
    def has_ended(self) -> bool:
        """Whether the lease has ended."""
        return self._lease.has_ended

    @property
    def patience(self) -> float:
        """How long the server may take to stop a query before the connection is closed."""
        return pg_connection.CANCEL_SECONDS

    def was_not_started(self, error: Exception) -> bool:
        """Whether the server has certainly not started a statement whose session is lost, outside a transaction.

        "terminating connection due to administrator command" proves nothing, however soon it comes: the session may
        have been ended while the statement was running.
        """
        return self.raw.is_lost and self.raw.autocommit and _is_unsent_or_idle(error.__cause__)

    def is_needed(self) -> bool:
        """Whether something is open on the connection, or its session was changed."""
        raw = self.raw
        if raw.called_functions and not raw.functions.may_change_session(raw.called_functions):
            raw.called_functions.clear()
        return not raw.is_lost and not raw.is_clean

    def share(self, *, may_return: bool = False) -> None:
        """Let several tasks use the connection, one at a time."""
        self._lock = self._lock or ConnectionLock()

    def new_lease(self) -> PooledConnection:
        """The same connection for other calls, with a separate lease and the same lock."""
        new_lease = PooledConnection(self._alias, self.raw)
        new_lease._lock = self._lock
        return new_lease

    @property
    def is_shared_in_autocommit(self) -> bool:
        """Whether several tasks share it, and each statement is its own transaction."""
        return self._lock is not None and self.raw.autocommit

    def _wrappers(self) -> Wrappers:
        """What code finds in `connections`: this connection, and those of the task's other transactions."""
        others = {alias: handle.wrapper for alias, handle in transaction_handles()}
        return {**others, self._alias: self._wrapper}

    def _thread_connection(self) -> ThreadConnection | None:
        """The connection of another transaction of the task that lives on a thread, if there is one."""
        return next(
            (
                handle.connection
                for _, handle in transaction_handles()
                if isinstance(handle.connection, ThreadConnection)
            ),
            None,
        )

    def for_other_loop(self) -> ThreadConnection:
        """The connection for code on another event loop, which synchronous code called and waits for on a thread."""
        return _WaitingThreadConnection(self._alias)

    def _is_watched(self) -> bool:
        """Whether execute wrappers, query logs or patched cursors expect the queries to run on Django's cursor."""
        wrapper = self._wrapper
        return (
            wrapper.queries_logged
            or bool(wrapper.execute_wrappers)
            or are_cursors_patched()
            or watcher_of(self._alias) is not None
        )

    def refuse_lock_in_autocommit(self, command: Command) -> None:
        """Raise what Django raises for `SELECT ... FOR UPDATE` outside a transaction."""
        if command.locks_rows and self.raw.autocommit:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


class _WaitingThreadConnection(ThreadConnection):
    """The connection in the thread that waits for the current code."""

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run_on_django_thread(waiting_executor(), function, *args, **kwargs)


def _is_unsent_or_idle(error: object) -> bool:
    """Whether psycopg refused to send the statement, or the server ended a session that was idle."""
    if isinstance(error, psycopg.errors.IdleSessionTimeout):
        return True
    return isinstance(error, psycopg.OperationalError) and error.args == ("the connection is closed",)
