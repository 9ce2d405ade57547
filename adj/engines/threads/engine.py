"""The engine for every backend: worker threads, each of which owns its Django connection.

A query takes a worker for itself, and gives it back at once. `CONN_MAX_AGE` is honoured per connection: older ones are
closed when they are taken. With 0, Django's default, a connection is not kept between requests: a worker that nobody
needed for `LINGER` seconds closes its connection and ends, so that the queries of one request share what they opened.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from adj.abc import RunCall
from adj.engines.bridge.django_thread import run_on_django_thread, waiting_executor
from adj.engines.bridge.nested_calls import call_with_transactions
from adj.engines.bridge.thread_sensitive import CallExecutor
from adj.engines.lease.access import has_transactions, nested_call_for, new_nested_call
from adj.engines.lease.native_blocks import connection_of_native_block
from adj.engines.lease.pool import Pool, pool_closed_error
from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.lease.refused_connections import is_temporary
from adj.engines.outcome import record_outcome
from adj.engines.session.known_functions import KnownFunctions
from adj.engines.session.open_work import close_open_work, run_and_report
from adj.engines.session.server_state import has_unread_data, is_read_only
from adj.engines.session.thread_session import ThreadSessions
from adj.engines.threads.blocking_calls import open_connection, refresh_connections
from adj.engines.threads.demotion import refuses_writes
from adj.engines.threads.driver_monitor import install_monitor
from adj.engines.threads.thread_call import STOP_SECONDS, is_uninterrupted
from adj.engines.threads.thread_connection import ThreadConnection
from adj.engines.threads.worker import WaitingWorker, Worker
from adj.engines.watching.watchers import run_watched, watcher_of, watchers_of_others
from adj.errors import EngineNotOpen

P = ParamSpec("P")
T = TypeVar("T")

LINGER = 1.0
"""Seconds an idle worker waits for the next query before it closes its connection, where CONN_MAX_AGE is shorter."""

_numbers = itertools.count(1)


class WorkerFactory:
    """The workers of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._loop = asyncio.get_running_loop()
        self.alive: set[Worker] = set()
        """Every worker whose thread has not ended."""
        self.was_demoted = False
        """Whether the server of a session was demoted: new ones may be opened to it as well."""
        self._functions: defaultdict[str, KnownFunctions] = defaultdict(KnownFunctions)

    async def open(self) -> Worker:
        """Start a worker and let it connect."""
        worker = Worker(f"adj-{self._alias}-{next(_numbers)}", self._loop, ThreadSessions(self._functions))
        self.alive.add(worker)
        worker.ended.add_done_callback(lambda _: self._forget(worker))
        try:
            await worker.submit(_connect, worker, self._alias, self.was_demoted)
        except BaseException:
            worker.stop()
            raise
        worker.is_connecting = False
        return worker

    def _forget(self, worker: Worker) -> None:
        self.alive.discard(worker)
        worker.join()

    def is_ready(self, worker: Worker) -> bool:
        """Whether its connection is known to be good: looked at within the last second, no call has failed since, and
        the server has sent nothing since it was returned.
        """
        return time.monotonic() - worker.checked_at < LINGER and not _has_unread_data(worker)

    async def check(self, worker: Worker) -> bool:
        """Replace a connection that is too old or broken."""
        # It stays so where the caller gives up: nobody can stop the thread.
        worker.is_connecting = True
        try:
            await worker.submit(_reconnect, worker, self._alias, self.was_demoted, _has_unread_data(worker))
        except EngineNotOpen:
            return False
        worker.is_connecting = False
        worker.checked_at = time.monotonic()
        return True

    def close(self, worker: Worker) -> None:
        """Close the worker's connections and end it, both when its calls are done."""
        worker.stop()

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon."""
        return is_temporary(error.reason, was_open=was_open)


class ThreadsEngine:
    """A bounded set of workers for one alias on one event loop."""

    def __init__(self, alias: str, threads: int, pool: Mapping[str, float] = MappingProxyType({})) -> None:
        self._alias = alias
        max_age = connections.settings[alias]["CONN_MAX_AGE"]
        limits = {name: pool[name] for name in ("timeout", "max_waiting") if name in pool}
        options = replace(
            PoolOptions.of(limits, None),
            max_size=threads,
            # How long a connection lives is Django's to say, which looks at it when it is used.
            max_lifetime=math.inf,
            max_idle=math.inf if max_age is None else max(LINGER, float(max_age)),
        )
        self._factory = WorkerFactory(alias)
        self._pool = Pool(alias, self._factory, options, setting=f'ADJ["{alias}"]["threads"]')

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[WorkerConnection]:
        """Check a worker out with its connection; waits while all are in use, and raises `PoolTimeout` in the end.

        In a block of `native()` that keeps a worker, and in `async_to_sync()` on a worker, everything takes that one: a
        second might never become free.
        """
        if (waiting := WaitingWorker.find()) is not None:
            return nullcontext(WorkerConnection(self._alias, waiting.worker, waiting))
        if (checkout := connection_of_native_block(self, exclusive=exclusive)) is not None:
            return self._in_native_block(checkout)
        return _WorkerCheckout(self)

    @asynccontextmanager
    async def _in_native_block(self, checkout: AbstractAsyncContextManager[Any]) -> AsyncGenerator[WorkerConnection]:
        """A worker that a block around the running code keeps; its connection is shared with the block's calls."""
        async with checkout as connection:
            leased = WorkerConnection(self._alias, connection._worker)
            try:
                yield leased
            finally:
                leased.end()

    def thread_executor(self, run: RunCall) -> CallExecutor | None:
        """Runs what Django's own asynchronous methods send to their thread on a worker.

        In `async_to_sync()` on a worker there is none: asgiref sends it to that one, whose thread runs nothing else
        until its code has ended.
        """
        return None if WaitingWorker.find() is not None else CallExecutor(run)

    def stats(self) -> PoolStats:
        """The figures of the pool."""
        return self._pool.stats()

    async def close(self) -> None:
        """End all workers, after what they are running."""
        in_use = self._pool.checked_out()
        self._pool.close()
        for worker in in_use:
            worker.stop()
        # A server that does not answer keeps a thread, as does a query that cannot be stopped: neither is waited for.
        stuck = [worker for worker in self._factory.alive if worker.is_stuck]
        for worker in self._factory.alive.difference(stuck):
            await worker.ended
        if stuck:
            await asyncio.wait([worker.ended for worker in stuck], timeout=LINGER)

    def abandon(self) -> None:
        """End all workers after the end of the event loop, and interrupt what they run."""
        self._pool.abandon()
        end = time.monotonic() + LINGER
        for worker in tuple(self._factory.alive):
            worker.abandon()
        for worker in tuple(self._factory.alive):
            worker.join(max(0.0, end - time.monotonic()))

    async def acquire(self) -> Worker:
        """A worker for one query. Raises `EngineNotOpen` on a closed engine, `PoolTimeout` and `TooManyWaiting`."""
        return await self._pool.acquire()

    def release(self, worker: Worker) -> None:
        """Return a worker on which nothing runs; a session that was changed ends before its next call.

        One that has refused to write is looked at, and if it will always do so, it is replaced, and so are the others.
        """
        if worker.monitor.has_refused_write and not worker.was_read_only:
            worker.monitor.has_refused_write = False
            worker.submit(refuses_writes, worker.wrapper).add_done_callback(partial(self._on_write_check, worker))
            return
        if worker.sessions.are_changed:
            # Its connection is looked at before the next query, and replaced if it was closed.
            worker.checked_at = -math.inf
            _ = worker.submit(worker.sessions.clean)
        self._pool.release(worker)

    def _on_write_check(self, worker: Worker, check: asyncio.Future[bool]) -> None:
        if check.exception() is None and check.result():
            self._factory.was_demoted = True
            # The others were opened to the same server.
            self._pool.renew()
        self.release(worker)


def _has_unread_data(worker: Worker) -> bool:
    """Whether a worker's server has sent something unasked; False where the driver does not show its socket."""
    connection = worker.wrapper.connection
    find = getattr(connection, "fileno", None)
    try:
        return find is not None and has_unread_data(find())
    except Exception:  # noqa: BLE001  # a connection that is closed has no socket, whichever error says so
        return True


def _connect(worker: Worker, alias: str, was_demoted: bool) -> None:
    """Let a worker's thread, on which this runs, connect; after a failover, ask whether the session may write."""
    install_monitor(alias, worker.monitor)
    worker.sessions.install()
    worker.wrapper = wrapper = open_connection(alias)
    worker.was_read_only = _only_reads(wrapper) or (was_demoted and refuses_writes(wrapper))


def _reconnect(worker: Worker, alias: str, was_demoted: bool, has_unread: bool) -> None:
    """Let a worker's thread replace connections that are too old or broken, or can no longer write."""
    refresh_connections()
    wrapper: Any = connections[alias]
    if wrapper.connection is not None and (
        (has_unread and not wrapper.is_usable()) or (_only_reads(wrapper) and not worker.was_read_only)
    ):
        wrapper.close()
    if wrapper is not worker.wrapper or wrapper.connection is None:
        _connect(worker, alias, was_demoted)


def _only_reads(wrapper: Any) -> bool:
    pgconn = getattr(wrapper.connection, "pgconn", None)
    return pgconn is not None and is_read_only(pgconn)


class WorkerConnection(ThreadConnection):
    """A worker, lent for one query."""

    def __init__(self, alias: str, worker: Worker, waiting: WaitingWorker | None = None) -> None:
        super().__init__(alias)
        self._worker, self._waiting = worker, waiting
        self._may_return = self._is_needed = False

    def share(self, *, may_return: bool = False) -> None:
        """The calls of several tasks run in their order; what each leaves open is noted if it may return."""
        self._may_return = may_return

    def is_needed(self) -> bool:
        """Whether a cursor or a transaction is open, as of the last call, or the session was changed."""
        return self._is_needed or self._worker.sessions.are_changed

    def has_something_open(self) -> bool:
        """Whether a cursor or a transaction is open, as of the last call."""
        return self._is_needed

    def _set_needed(self, is_needed: bool) -> None:
        self._is_needed = is_needed

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        call, patience = partial(function, *args, **kwargs), math.inf if self._may_return else STOP_SECONDS
        return await self._run_on_worker(call, None if is_uninterrupted(function) else patience)

    async def _run_with_connections(
        self, call_with: Callable[..., T], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        call = partial(call_with, function, *args, **kwargs)
        return await self._run_on_worker(call, None if is_uninterrupted(function) else math.inf)

    async def _run_on_worker(self, function: Callable[[], T], patience: float | None) -> T:
        """Run a function on the worker's thread; `patience` as in `Call.result()`, None if it is not interrupted."""
        if self._worker.is_stopped:
            raise pool_closed_error(self._alias)
        if (nested_call := nested_call_for(self)) is not None:
            # Code on the thread has called this, on another loop, and waits for it: asgiref sends it to the thread.
            await nested_call.wait_for_open_block()
            return await run_on_django_thread(waiting_executor(), function)
        call = self._watched_call(function)
        if self._waiting is None and patience is not None:
            return await self._worker.run(call, patience)
        try:
            # The thread of one that waits runs nothing else meanwhile, and its code goes on only after this.
            return await (self._waiting or self._worker).submit(call)
        except asyncio.CancelledError as error:
            record_outcome(error, "continues")
            raise

    def _watched_call(self, function: Callable[[], T]) -> Callable[[], T]:
        """What the thread calls: a function, watched by those who want to see its queries."""
        call: Callable[[], T] = (
            partial(call_with_transactions, new_nested_call(), function) if has_transactions() else function
        )
        watchers = watchers_of_others(self._alias)
        if (watcher := watcher_of(self._alias)) is not None:
            watchers[self._alias] = watcher
        if watchers:
            call = partial(run_watched, watchers, self._alias, call)
        if self._may_return and self._waiting is None:
            call = partial(run_and_report, self._set_needed, call)
        return call


class _WorkerCheckout:
    """Takes a worker on entering; gives it back on leaving, or when what a cancelled caller left behind is done."""

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
            # Whatever is still open belongs to nobody who could close it.
            _ = self._worker.submit(close_open_work)
        self._worker.when_free(self._engine.release)
