"""The native engine: a pool of asynchronous connections to PostgreSQL, for one alias on one event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import cast

import psycopg
from django.db import connections

from adj.abc import Connection, RunCall
from adj.completion import to_its_end
from adj.engines.bridge.async_methods import CallExecutor
from adj.engines.lease.native_blocks import connection_of_native_block
from adj.engines.lease.pool import Pool
from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.connection_factory import PgConnectionFactory
from adj.engines.postgres.pooled_connection import PooledConnection
from adj.engines.postgres.wrapper import check_settings
from adj.engines.session.own_connections import refuse_settings_of_django
from adj.errors import EngineNotOpen
from adj.settings import pool_setting


class PsycopgEngine:
    """A pool of connections, each checked out by one query, stream or transaction at a time."""

    def __init__(self, alias: str, pool: Mapping[str, float]) -> None:
        check_settings(alias)
        self._alias = alias
        self._process = os.getpid()
        options = PoolOptions.of(pool, connections.settings[alias]["OPTIONS"].get("pool"))
        self._pool = Pool(alias, PgConnectionFactory(alias), options, setting=pool_setting(alias, "max_size"))

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[PooledConnection]:
        """Check out a connection until the block ends. Waits while all connections are in use.

        In a block of `native()` that keeps a connection, all code uses that connection: its session may have been
        changed, and a second connection might never become free.

        Raises `PoolTimeout`, `TooManyWaiting`, and `EngineNotOpen` if the server cannot be reached.
        """
        if (checkout := connection_of_native_block(self, exclusive=exclusive)) is not None:
            return _in_native_block(checkout)
        refuse_settings_of_django(self._alias)
        return _PoolCheckout(self)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs in a bridge what Django's asynchronous methods would run in a thread."""
        return CallExecutor(run)

    def stats(self) -> PoolStats:
        """The statistics of the pool."""
        return self._pool.stats()

    async def close(self) -> None:
        """Close all connections. Those in use are closed when they are returned."""
        self._pool.close()

    def abandon(self) -> None:
        """Close all connections after the event loop was closed."""
        self._pool.abandon()

    async def acquire(self) -> PgConnection:
        """Check out a connection. Raises as `connection()` does, and `EngineNotOpen` in a forked process."""
        if os.getpid() != self._process:
            raise EngineNotOpen(
                alias=self._alias,
                reason="this process was forked after its parent opened the connections, and must not use them.",
                advice="Run queries in an event loop that the child process starts.",
            )
        return await self._pool.acquire()

    async def release(self, connection: PgConnection) -> None:
        """Return a connection to the pool, or close it if it cannot be cleaned."""
        pool = self._pool
        # Never None: the wrapper of a pool's connection is created with it.
        current = cast("PgConnection", connection.wrapper.raw)
        if current is not connection:
            # Django's code has closed the connection, and the wrapper has opened another one.
            pool.replace(connection, current)
        if current.is_clean:
            pool.release(current)
            return
        if current.is_lost:
            pool.discard(current)
            return
        try:
            with suppress(TimeoutError):
                await to_its_end(self._clean(current))
        finally:
            self._release_cleaned(current)

    def _release_cleaned(self, connection: PgConnection) -> None:
        """Return a connection if it was cleaned completely. Closing the coroutine, for one, interrupts that."""
        if connection.is_clean:
            self._pool.release(connection)
        else:
            self._pool.discard(connection)

    async def _clean(self, connection: PgConnection) -> None:
        """Roll back what is open on a connection, if that is enough to use its session again."""
        connection.close_if_busy()
        if connection.is_lost or connection.is_session_changed:
            return
        with suppress(psycopg.Error), connection.cleaning_up():
            await connection.rollback()
            await connection.set_autocommit(True)
            await connection.check_called_functions()
            if connection.has_refused_write and not await _is_demoted(connection):
                connection.has_refused_write = False
        if connection.has_refused_write:
            # The other connections are to the same server.
            self._pool.renew()


async def _is_demoted(connection: PgConnection) -> bool:
    """Whether a session that refused a write has become read-only, as after a failover."""
    if connection.was_read_only:
        return False
    row = await (await connection.execute("SHOW transaction_read_only")).fetchone()
    return row == ("on",)


@asynccontextmanager
async def _in_native_block(checkout: AbstractAsyncContextManager[Connection]) -> AsyncGenerator[PooledConnection]:
    """The connection that a `native()` block around the running code keeps, shared with the block's calls."""
    async with checkout as connection:
        # The block got it from this engine.
        leased = cast("PooledConnection", connection).new_lease()
        try:
            yield leased
        finally:
            leased.end()


class _PoolCheckout:
    """Checks out a connection when the block begins, and returns it when the block ends."""

    __slots__ = ("_connection", "_engine", "_raw")

    def __init__(self, engine: PsycopgEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> PooledConnection:
        self._raw = connection = await self._engine.acquire()
        self._connection = PooledConnection(self._engine._alias, connection)
        return self._connection

    async def __aexit__(self, *exc_info: object) -> None:
        self._connection.end()
        await self._engine.release(self._raw)
