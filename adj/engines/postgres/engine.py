"""The engine for PostgreSQL: a pool of asynchronous connections for one alias on one event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import psycopg
from django.db import connections

from adj.abc import RunCall
from adj.completion import to_its_end
from adj.engines.bridge.thread_sensitive import CallExecutor
from adj.engines.lease.native_blocks import connection_of_native_block
from adj.engines.lease.pool import Pool
from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.connection_factory import PgConnectionFactory
from adj.engines.postgres.pooled_connection import PooledConnection
from adj.engines.postgres.wrapper import check_settings
from adj.errors import EngineNotOpen
from adj.settings import pool_setting


class PsycopgEngine:
    """A pool of connections, each of which a query, a stream or a transaction has for itself."""

    def __init__(self, alias: str, pool: Mapping[str, float]) -> None:
        check_settings(alias)
        self._alias = alias
        self._process = os.getpid()
        options = PoolOptions.of(pool, connections.settings[alias]["OPTIONS"].get("pool"))
        self._pool = Pool(alias, PgConnectionFactory(alias), options, setting=pool_setting(alias, "max_size"))

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[PooledConnection]:
        """Check a connection out for the length of a block; waits while all are in use.

        In a block of `native()` that keeps a connection, everything takes that one: it may have another session, and a
        second one might never become free.

        Raises `PoolTimeout` when that takes too long, `TooManyWaiting`, and `EngineNotOpen` where the server cannot be
        reached.
        """
        if (checkout := connection_of_native_block(self, exclusive=exclusive)) is not None:
            return _in_native_block(checkout)
        return _PoolCheckout(self)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs what Django's own asynchronous methods send to their thread in a bridge."""
        return CallExecutor(run)

    def stats(self) -> PoolStats:
        """The figures of the pool."""
        return self._pool.stats()

    async def close(self) -> None:
        """Close every connection; one that is in use, when it is returned."""
        self._pool.close()

    def abandon(self) -> None:
        """Close every connection after the end of the event loop."""
        self._pool.abandon()

    async def acquire(self) -> PgConnection:
        """Check out a connection that the server has not ended."""
        if os.getpid() != self._process:
            raise EngineNotOpen(
                alias=self._alias,
                reason="this process was forked after the connections were opened, and must not use its parent's.",
                advice="Run queries in an event loop that the child process starts itself.",
            )
        return await self._pool.acquire()

    async def release(self, connection: PgConnection) -> None:
        """Return a connection; its session goes to the next one as it came, or is ended."""
        pool = self._pool
        wrapper: Any = connection.wrapper
        current: PgConnection = wrapper.raw
        if current is not connection:
            # Django's code has closed it, and used it again.
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
        """Return a connection that was cleaned. That may be cut short, as it is in a coroutine that is closed."""
        if connection.is_clean:
            self._pool.release(connection)
        else:
            self._pool.discard(connection)

    async def _clean(self, connection: PgConnection) -> None:
        """Undo what is open on a connection, as far as that is enough to end its session's use."""
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
            # The others were opened to the same server.
            self._pool.renew()


async def _is_demoted(connection: PgConnection) -> bool:
    """Whether a session that could write, and has refused to, cannot do so any more, as after a failover."""
    if connection.was_read_only:
        return False
    row: Any = await (await connection.execute("SHOW transaction_read_only")).fetchone()
    return bool(row == ("on",))


@asynccontextmanager
async def _in_native_block(checkout: AbstractAsyncContextManager[Any]) -> AsyncGenerator[PooledConnection]:
    """A connection that a block around the running code keeps, shared with the calls of the block."""
    async with checkout as connection:
        leased: PooledConnection = connection.new_lease()
        try:
            yield leased
        finally:
            leased.end()


class _PoolCheckout:
    """Checks a connection out on entering, and returns it on leaving."""

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
