"""The engine for every backend: worker threads, each of which owns its Django connection.

A query takes a worker for itself, and gives it back at once. `CONN_MAX_AGE` is honoured per connection: older ones are
closed when they are taken. With 0, Django's default, a connection is not kept between requests: a worker that nobody
needed for `LINGER` seconds closes its connection and ends, so that the queries of one request share what they opened.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connections

from adj.abc import RunCall, ServerFacts
from adj.engines.calls import freshen, read_facts
from adj.engines.companions import call_on_errand, errand_for, has_companions, new_errand
from adj.engines.djangos_thread import run_on_djangos_thread, waiting_thread
from adj.engines.holders import Holders
from adj.engines.on_thread import ConnectionOnThread
from adj.engines.outcome import note_end, note_errors
from adj.engines.thread_sensitive import CallExecutor
from adj.engines.watch import run_watched, watcher_of, watchers_of_others
from adj.engines.worker import Worker
from adj.errors import EngineNotOpen, PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")

LINGER = 1.0
"""Seconds an idle worker waits for the next query before it closes its connection, where CONN_MAX_AGE is shorter."""

WAIT_SECONDS = 30.0
"""Seconds a query waits for a worker, where `ADJ[alias]["pool"]["timeout"]` says nothing else; as with a pool."""

_numbers = itertools.count(1)


class ThreadsEngine:
    """A bounded set of workers for one alias on one event loop."""

    def __init__(self, alias: str, threads: int, timeout: float = WAIT_SECONDS) -> None:
        self._alias = alias
        self._maximum, self._timeout = threads, timeout
        self._loop = asyncio.get_running_loop()
        self._idle: list[Worker] = []
        self._busy: Holders[Worker] = Holders()
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._reaping: asyncio.TimerHandle | None = None
        self._is_closed = False
        max_age = connections.settings[alias]["CONN_MAX_AGE"]
        self._linger: float | None = None if max_age is None else max(LINGER, float(max_age))

    async def open(self) -> ServerFacts:
        """Connect one worker and read the server's facts."""
        async with self.connection() as connection:
            return await connection.run(read_facts, self._alias)

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[ThreadConnection]:
        """Lend a worker with its connection; waits while all are in use, and raises `PoolTimeout` in the end."""
        return _Lease(self)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs what Django's own asynchronous methods send to their thread on a worker."""
        return CallExecutor(run)

    async def close(self) -> None:
        """End all workers, after what they are running."""
        self._is_closed = True
        if self._reaping is not None:
            self._reaping.cancel()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(self._closed())
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        self._busy.clear()
        for worker in workers:
            worker.stop()
        for worker in workers:
            await worker.ended
            worker.join()

    async def take(self) -> Worker:
        """A worker for one query.

        Raises `EngineNotOpen` on a closed engine, and `PoolTimeout` when none becomes free in time.
        """
        if self._is_closed:
            raise self._closed()
        if self._idle:
            worker = self._idle.pop()
        elif len(self._busy) < self._maximum:
            worker = Worker(f"adj-{self._alias}-{next(_numbers)}", self._loop)
            # Nobody waits for it: calls on one thread run in their order.
            _ = worker.submit(note_errors, self._alias)
        else:
            worker = await self._wait()
        self._busy.note(worker)
        return worker

    def give_back(self, worker: Worker) -> None:
        """Take back a worker that nothing runs on; the one that waits longest gets it."""
        if self._is_closed or worker not in self._busy:
            return
        worker.idle_since = self._loop.time()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._busy.pop(worker, None)
        self._idle.append(worker)
        if self._linger is not None and self._reaping is None:
            self._reaping = self._loop.call_later(self._linger, self._reap)

    async def _wait(self) -> Worker:
        waiter: asyncio.Future[Worker] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._timeout):
                return await waiter
        except (asyncio.CancelledError, TimeoutError) as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # The worker arrived together with the cancellation: the next one in line gets it.
                self.give_back(waiter.result())
            if isinstance(error, TimeoutError):
                raise self._exhausted() from None
            raise

    def _exhausted(self) -> PoolTimeout:
        return PoolTimeout(
            alias=self._alias,
            size=self._maximum,
            seconds=self._timeout,
            holders=self._busy.describe(),
            setting=f'"threads" in ADJ["{self._alias}"]',
        )

    def _reap(self) -> None:
        """Let the workers go that were idle for too long."""
        self._reaping = None
        linger = self._linger or LINGER
        now = self._loop.time()
        # Taken from the end and given back there: the first ones have been idle for longest.
        while self._idle and now - self._idle[0].idle_since >= linger:
            self._idle.pop(0).stop()
        if self._idle:
            self._reaping = self._loop.call_later(self._idle[0].idle_since + linger - now, self._reap)

    def _closed(self) -> EngineNotOpen:
        return closed_engine(self._alias)


def closed_engine(alias: str) -> EngineNotOpen:
    """What is raised once an engine is closed."""
    return EngineNotOpen(
        alias=alias,
        reason="it was closed by `await adj.close()`, or because its event loop ends.",
        advice="Run the query before, or in another event loop.",
    )


class ThreadConnection(ConnectionOnThread):
    """A worker, lent for one query."""

    def __init__(self, alias: str, worker: Worker) -> None:
        super().__init__(alias)
        self._worker = worker

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._worker.is_stopped:
            raise closed_engine(self._alias)
        if (errand := errand_for(self)) is not None:
            # Code on the thread has called this, on another loop, and waits for it: asgiref sends it to the thread.
            await errand.admission()
            return await run_on_djangos_thread(waiting_thread(), function, *args, **kwargs)
        call: Callable[P, T] = partial(call_on_errand, new_errand(), function) if has_companions() else function
        watchers = watchers_of_others(self._alias)
        if (watcher := watcher_of(self._alias)) is not None:
            watchers[self._alias] = watcher
        try:
            if watchers:
                return await self._worker.submit(run_watched, watchers, self._alias, call, *args, **kwargs)
            return await self._worker.submit(call, *args, **kwargs)
        except asyncio.CancelledError as error:
            note_end(error, "continues")
            raise


class _Lease:
    """Takes a worker on entering; gives it back on leaving, or when what a cancelled caller left behind is done."""

    __slots__ = ("_connection", "_engine", "_worker")

    def __init__(self, engine: ThreadsEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> ThreadConnection:
        engine = self._engine
        self._worker = worker = await engine.take()
        now = engine._loop.time()
        if now - worker.freshened_at >= LINGER:
            worker.freshened_at = now
            # Nobody waits for it: calls on one thread run in their order.
            _ = worker.submit(freshen)
        self._connection = ThreadConnection(engine._alias, worker)
        return self._connection

    async def __aexit__(self, *exc_info: object) -> None:
        self._connection.end()
        self._worker.when_free(self._engine.give_back)
