"""A thread that owns Django connections and runs one call after another for an event loop.

Private API used here: `CurrentThreadExecutor._work_thread`, `CurrentThreadExecutor._broken` and
`CurrentThreadExecutor._old_executor`, to find the worker whose thread waits in `async_to_sync()`.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from asgiref.current_thread_executor import CurrentThreadExecutor

from adj.engines.bridge.django_thread import waiting_executor
from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.session.thread_session import ThreadSessions
from adj.engines.threads.blocking_calls import close_connections
from adj.engines.threads.chunked_cursor import close_cursors
from adj.engines.threads.driver_monitor import DriverMonitor
from adj.engines.threads.thread_call import STOP_SECONDS, ThreadCall, run_in

P = ParamSpec("P")
T = TypeVar("T")


class _Job(Protocol):
    """A call for the thread."""

    def perform(self) -> None:
        """Run it."""
        ...


class _WorkerThread(threading.Thread):
    """A worker's thread, with a reference to the worker."""

    worker: Worker


class WaitingWorker:
    """A worker whose thread waits in `async_to_sync()`, and runs calls while it waits."""

    def __init__(self, worker: Worker, executor: CurrentThreadExecutor) -> None:
        self.worker, self._executor = worker, executor

    @classmethod
    def find(cls) -> WaitingWorker | None:
        """The worker that waits for the running code; None if no worker does."""
        executor = waiting_executor()
        while executor is not None and executor._broken:
            executor = executor._old_executor
        if executor is None or not isinstance(thread := executor._work_thread, _WorkerThread):
            return None
        return cls(thread.worker, executor)

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function on the thread, in a copy of the caller's context, as `Worker.submit()` does.

        Raises `RuntimeError` if the thread has stopped waiting.
        """
        context = contextvars.copy_context()
        call = partial(function, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(self._executor, run_in, context, call)


class Worker:
    """One thread. All methods except `_work()` are to be called on the loop's thread.

    `wrapper` is the thread's Django connection once it is open, and `was_read_only` says whether it was read-only then.
    `sessions` tracks the sessions of all connections of the thread. `monitor` knows when the thread is in its driver.

    The thread is a daemon, so that it does not keep the process alive if its loop is stopped but not closed.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, sessions: ThreadSessions) -> None:
        self.sessions, self.monitor = sessions, DriverMonitor()
        self.idle_since, self.checked_at = loop.time(), time.monotonic()
        self.expires_at = math.inf
        self.is_connecting = True
        self.wrapper: DjangoWrapper | None = None
        self.was_read_only = False
        self._loop = loop
        self._calls: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._pending = 0
        self.is_stopped = False
        self._when_free: Callable[[Worker], None] | None = None
        self.ended: asyncio.Future[None] = loop.create_future()
        self._thread = _WorkerThread(target=self._work, name=name, daemon=True)
        self._thread.worker = self
        self._thread.start()

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function on the thread, in a copy of the caller's context. It always runs to its end."""
        return self._put(partial(function, *args, **kwargs)).future

    async def run(self, function: Callable[[], T], patience: float = STOP_SECONDS) -> T:
        """The same for a function that is interrupted if its caller is cancelled; see `ThreadCall.result()`."""
        call = self._put(function)
        return await call.result(self.wrapper, patience)

    def _put(self, function: Callable[[], T]) -> ThreadCall[T]:
        call = ThreadCall(self._loop, function, self.monitor, self._has_ended)
        self._pending += 1
        self._calls.put(call)
        return call

    def when_free(self, callback: Callable[[Worker], None]) -> None:
        """Call back once, as soon as no call is running or waiting on the thread."""
        if self._pending:
            self._when_free = callback
        else:
            callback(self)

    def stop(self) -> None:
        """Close the thread's connections and end it, after its calls. `ended` is done then."""
        self.is_stopped = True
        self._calls.put(None)

    def abandon(self) -> None:
        """Stop the thread after its loop was closed, and interrupt its call."""
        self.stop()
        self.monitor.interrupt_now(self.wrapper)

    def join(self, seconds: float | None = None) -> None:
        """Wait for the thread to end. Once `ended` is done, this returns almost at once."""
        self._thread.join(seconds)

    @property
    def is_stuck(self) -> bool:
        """Whether the thread may not come back soon: it is connecting, or ignores interrupts."""
        return self.is_connecting or self.monitor.ignores_interrupts()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.perform()
            # Otherwise the last result would stay alive while the thread is idle.
            del call
        try:
            close_cursors()
            close_connections()
        finally:
            # Also if a backend raises. The loop may have been closed meanwhile.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._end)

    def _has_ended(self, error: BaseException | None) -> None:
        if error is not None:
            # The connection may be broken: check it before its next use.
            self.checked_at = -math.inf
        self._pending -= 1
        if not self._pending and self._when_free is not None:
            callback, self._when_free = self._when_free, None
            callback(self)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
