"""For tests on the native engine: one connection for all queries, in a transaction that is rolled back at the end.

All queries of the event loop run on it, one at a time. A transaction of the code under test is a savepoint, and other
tasks wait until it has ended.

Private Django API used here: `Atomic._from_testcase`, so that durable blocks are allowed in the transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from django.db import connections
from django.db.transaction import Atomic

from adj.abc import RunCall
from adj.completion import to_its_end
from adj.engines.bridge.async_methods import CallExecutor
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.lease.connection_lock import ConnectionLock
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.postgres.connection import PgConnection, PgWrapper
from adj.engines.postgres.engine import PsycopgEngine
from adj.engines.postgres.pooled_connection import PooledConnection


class PinnedEngine:
    """The engine of one alias. Its first query checks out the connection and begins the transaction.

    `siblings` are the pinned engines of all aliases, so that code that uses two of them finds both connections.
    """

    def __init__(
        self, alias: str, engine: PsycopgEngine, siblings: Mapping[str, PinnedEngine], lock: ConnectionLock
    ) -> None:
        self._alias, self._engine = alias, engine
        self._siblings, self._lock = siblings, lock
        self._raw: PgConnection | None = None
        self._beginning, self._transaction = asyncio.Lock(), asyncio.Lock()

    @asynccontextmanager
    async def connection(self, *, exclusive: bool = False) -> AsyncGenerator[PooledConnection]:
        """The connection. Waits until the transaction of another task has ended."""
        raw = await self._begin_once()
        async with self._transaction:
            if exclusive:
                async with self._leased(raw) as connection:
                    yield connection
                return
        async with self._leased(raw) as connection:
            yield connection

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs in a bridge what Django's asynchronous methods would run in a thread."""
        return CallExecutor(run)

    def stats(self) -> PoolStats:
        """The statistics of the pool that the connection came from."""
        return self._engine.stats()

    async def close(self) -> None:
        """Roll back the transaction, and close the connection."""
        if self._raw is not None:
            await to_its_end(self._end(self._raw))
        await self._engine.close()

    def abandon(self) -> None:
        """Close the connection after the event loop was closed. The server then rolls back the transaction."""
        self._raw = None
        self._engine.abandon()

    @property
    def wrapper(self) -> PgWrapper | None:
        """Django's wrapper of the connection; None before the first query."""
        return None if self._raw is None else self._raw.wrapper

    @asynccontextmanager
    async def _leased(self, raw: PgConnection) -> AsyncGenerator[PooledConnection]:
        connection = _PinnedConnection(self._alias, raw, self._siblings, self._lock)
        try:
            yield connection
        finally:
            connection.end()

    async def _begin_once(self) -> PgConnection:
        async with self._beginning:
            if self._raw is None:
                raw = await self._engine.acquire()
                try:
                    await to_its_end(PooledConnection(self._alias, raw).run(_begin, self._alias))
                except BaseException:
                    await self._engine.release(raw)
                    raise
                self._raw = raw
            return self._raw

    async def _end(self, raw: PgConnection) -> None:
        self._raw = None
        try:
            await PooledConnection(self._alias, raw).run(_roll_back, self._alias)
        finally:
            await self._engine.release(raw)


class _PinnedConnection(PooledConnection):
    """The connection, for one query or one transaction."""

    def __init__(
        self, alias: str, raw: PgConnection, siblings: Mapping[str, PinnedEngine], lock: ConnectionLock
    ) -> None:
        super().__init__(alias, raw)
        self._siblings, self._lock = siblings, lock

    def _wrappers(self) -> Wrappers:
        engines = self._siblings.items()
        pinned = {alias: wrapper for alias, engine in engines if (wrapper := engine.wrapper) is not None}
        return {**pinned, **super()._wrappers()}


def _begin(alias: str) -> None:
    block = Atomic(alias, savepoint=True, durable=False)
    # Django marks the transaction of a TestCase like this, so that durable blocks are allowed in it.
    vars(block)["_from_testcase"] = True
    block.__enter__()


def _roll_back(alias: str) -> None:
    """End the outermost block, and with it the blocks that tasks have not left."""
    connection = connections[alias]
    while connection.atomic_blocks:
        connection.needs_rollback = True
        connection.atomic_blocks[-1].__exit__(None, None, None)
