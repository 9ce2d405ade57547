"""The engine for all backends: worker threads, each with its own Django connections.

A query checks out a worker, and returns it when it has its rows. `CONN_MAX_AGE` applies to each connection: older ones
are closed when they are checked out. With 0, Django's default, connections are not kept between requests: a worker that
is idle for `LINGER_SECONDS` closes its connections and ends, so that the queries of one request share them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import cast

from django.db import connections

from adj.abc import Connection, RunCall
from adj.engines.bridge.async_methods import CallExecutor
from adj.engines.lease.native_blocks import connection_of_native_block
from adj.engines.lease.pool import Pool
from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.session.open_work import close_open_work
from adj.engines.session.own_connections import refuse_settings_of_django
from adj.engines.threads.demotion import refuses_writes
from adj.engines.threads.worker import WaitingWorker, Worker
from adj.engines.threads.worker_connection import WorkerConnection
from adj.engines.threads.worker_factory import WorkerFactory

LINGER_SECONDS = 1.0
"""How long an idle worker waits for the next query before it closes its connections, if CONN_MAX_AGE is shorter."""


class ThreadsEngine:
    """A pool of workers for one alias on one event loop."""

    def __init__(self, alias: str, threads: int, pool: Mapping[str, float] = MappingProxyType({})) -> None:
        self._alias = alias
        max_age = connections.settings[alias]["CONN_MAX_AGE"]
        limits = {name: pool[name] for name in ("timeout", "max_waiting") if name in pool}
        options = replace(
            PoolOptions.of(limits, None),
            max_size=threads,
            # Django closes old connections when they are checked out.
            max_lifetime=math.inf,
            max_idle=math.inf if max_age is None else max(LINGER_SECONDS, float(max_age)),
        )
        self._factory = WorkerFactory(alias)
        self._pool = Pool(alias, self._factory, options, setting=f'ADJ["{alias}"]["threads"]')

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[WorkerConnection]:
        """Check out a worker until the block ends. Waits while all workers are in use.

        In a block of `native()` that keeps a worker, and in `async_to_sync()` on a worker, all code uses that worker:
        a second one might never become free.

        Raises `PoolTimeout`, `TooManyWaiting`, and `EngineNotOpen` if the database does not accept the connection.
        """
        if (waiting := WaitingWorker.find()) is not None:
            return nullcontext(WorkerConnection(self._alias, waiting.worker, waiting))
        if (checkout := connection_of_native_block(self, exclusive=exclusive)) is not None:
            return self._in_native_block(checkout)
        refuse_settings_of_django(self._alias)
        return _WorkerCheckout(self)

    @asynccontextmanager
    async def _in_native_block(
        self, checkout: AbstractAsyncContextManager[Connection]
    ) -> AsyncGenerator[WorkerConnection]:
        """The worker that a `native()` block around the running code keeps, shared with the block's calls."""
        async with checkout as connection:
            # The block got it from this engine.
            leased = cast("WorkerConnection", connection).new_lease()
            try:
                yield leased
            finally:
                leased.end()

    def thread_executor(self, run: RunCall) -> CallExecutor | None:
        """Runs on a worker what Django's asynchronous methods would run in a thread.

        None in `async_to_sync()` on a worker: asgiref already uses that worker's thread, which runs nothing else until
        its code has ended.
        """
        return None if WaitingWorker.find() is not None else CallExecutor(run)

    def stats(self) -> PoolStats:
        """The statistics of the pool."""
        return self._pool.stats()

    async def close(self) -> None:
        """End all workers after their current calls."""
        in_use = self._pool.checked_out()
        self._pool.close()
        for worker in in_use:
            worker.stop()
        # Do not wait for threads whose server does not answer, or whose query cannot be stopped.
        stuck = [worker for worker in self._factory.alive if worker.is_stuck]
        for worker in self._factory.alive.difference(stuck):
            await worker.ended
        if stuck:
            await asyncio.wait([worker.ended for worker in stuck], timeout=LINGER_SECONDS)

    def abandon(self) -> None:
        """End all workers after the event loop was closed, and interrupt their calls."""
        self._pool.abandon()
        end = time.monotonic() + LINGER_SECONDS
        for worker in tuple(self._factory.alive):
            worker.abandon()
        for worker in tuple(self._factory.alive):
            worker.join(max(0.0, end - time.monotonic()))

    async def acquire(self) -> Worker:
        """Check out a worker. Raises as `connection()` does, and `EngineNotOpen` if the engine was closed."""
        return await self._pool.acquire()

    def release(self, worker: Worker) -> None:
        """Return a worker without a running call. A connection whose session was changed is closed first.

        If the server has refused a write, ask whether it refuses all writes. If so, replace all connections.
        """
        if worker.monitor.has_refused_write and not worker.was_read_only:
            worker.monitor.has_refused_write = False
            worker.submit(_refuses_writes, worker).add_done_callback(partial(self._on_write_check, worker))
            return
        if worker.sessions.are_changed:
            # Check the connection before the next query, and replace it if it was closed.
            worker.checked_at = -math.inf
            _ = worker.submit(worker.sessions.clean)
        self._pool.release(worker)

    def _on_write_check(self, worker: Worker, check: asyncio.Future[bool]) -> None:
        if check.exception() is None and check.result():
            self._factory.was_demoted = True
            # The other connections are to the same server.
            self._pool.renew()
        self.release(worker)


def _refuses_writes(worker: Worker) -> bool:
    return worker.wrapper is not None and refuses_writes(worker.wrapper)


class _WorkerCheckout:
    """Checks out a worker, and returns it when its calls have ended, also those of a cancelled caller."""

    __slots__ = ("_connection", "_engine", "_worker")

    def __init__(self, engine: ThreadsEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> WorkerConnection:
        self._worker = worker = await self._engine._pool.acquire()
        self._connection = WorkerConnection(self._engine._alias, worker)
        return self._connection

    async def __aexit__(self, *exc_info: object) -> None:
        self._connection.end()
        if self._connection.has_something_open():
            # The code that opened it can no longer close it.
            _ = self._worker.submit(close_open_work)
        self._worker.when_free(self._engine.release)
