"""A worker that is checked out, as the connection of a query or a transaction."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from adj.engines.bridge.call_with_transactions import call_with_transactions
from adj.engines.bridge.django_thread import run_on_django_thread, waiting_executor
from adj.engines.lease.nested_call import nested_call_for
from adj.engines.lease.pool import pool_closed_error
from adj.engines.lease.task_transactions import has_transactions, new_nested_call
from adj.engines.outcome import record_outcome
from adj.engines.session.open_work import run_and_report
from adj.engines.threads.thread_call import STOP_SECONDS, is_uninterrupted
from adj.engines.threads.thread_connection import ThreadConnection
from adj.engines.threads.worker import WaitingWorker, Worker
from adj.engines.watching.watchers import run_watched, watcher_of, watchers_of_others

P = ParamSpec("P")
T = TypeVar("T")


class WorkerConnection(ThreadConnection):
    """A worker for the time that it is checked out."""

    def __init__(self, alias: str, worker: Worker, waiting: WaitingWorker | None = None) -> None:
        super().__init__(alias)
        self._worker, self._waiting = worker, waiting
        self._may_return = self._is_needed = False

    def share(self, *, may_return: bool = False) -> None:
        """Several tasks may use it; calls run in order. With `may_return`, record what each call leaves open."""
        self._may_return = may_return

    def is_needed(self) -> bool:
        """Whether a cursor or a transaction is open, as of the last call, or the session was changed."""
        return self._is_needed or self._worker.sessions.are_changed

    def new_lease(self) -> WorkerConnection:
        """The same worker for other calls, with a separate lease."""
        return WorkerConnection(self._alias, self._worker)

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
        """Run a function on the worker's thread; `patience` is that of `ThreadCall.result()`; None for no interrupt."""
        if self._worker.is_stopped:
            raise pool_closed_error(self._alias)
        if (nested_call := nested_call_for(self)) is not None:
            # Code on the thread waits for this code, on another loop. asgiref sends the call to the thread.
            await nested_call.wait_for_open_block()
            return await run_on_django_thread(waiting_executor(), function)
        call = self._watched_call(function)
        if self._waiting is None and patience is not None:
            return await self._worker.run(call, patience)
        try:
            # A waiting thread runs nothing else, and its code continues only after this.
            return await (self._waiting or self._worker).submit(call)
        except asyncio.CancelledError as error:
            record_outcome(error, "continues")
            raise

    def _watched_call(self, function: Callable[[], T]) -> Callable[[], T]:
        """The function with what has to happen around it on the thread: transactions, observers, a report."""
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
