"""A thread that owns Django connections and runs one call after another for an event loop.

Private API used here: `CurrentThreadExecutor._work_thread`, `CurrentThreadExecutor._broken`,
`CurrentThreadExecutor._old_executor`.
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
from typing import Any, ParamSpec, TypeVar

from adj.engines.bridge.django_thread import waiting_executor
from adj.engines.session.thread_session import ThreadSessions
from adj.engines.threads.blocking_calls import close_connections
from adj.engines.threads.chunked_cursor import close_cursors
from adj.engines.threads.driver_monitor import DriverMonitor
from adj.engines.threads.thread_call import STOP_SECONDS, ThreadCall, run_in

P = ParamSpec("P")
T = TypeVar("T")


class _WorkerThread(threading.Thread):
    """The thread of a worker, by which the worker is found."""

    worker: Worker


class WaitingWorker:
    """A worker whose thread waits in `async_to_sync()`, and runs what is sent to it meanwhile."""

    def __init__(self, worker: Worker, executor: Any) -> None:
        self.worker, self._executor = worker, executor

    @classmethod
    def find(cls) -> WaitingWorker | None:
        """The one that waits for the running code; None where no worker does."""
        executor = waiting_executor()
        while executor is not None and executor._broken:
            executor = executor._old_executor
        thread = None if executor is None else executor._work_thread
        return cls(thread.worker, executor) if isinstance(thread, _WorkerThread) else None

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function on the thread, in a copy of the caller's context, as `Worker.submit()` does.

        Raises `RuntimeError` once the thread has gone on.
        """
        context = contextvars.copy_context()
        call = partial(function, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(self._executor, run_in, context, call)


class Worker:
    """One thread. Everything but `_work` runs on the loop's thread.

    `wrapper` is the thread's Django connection once it has connected, and `was_read_only` whether that could only read
    then. `sessions` looks after the thread's connections, and `monitor` knows when the thread waits for its database.

    The thread is a daemon, so that a loop that was stopped without being closed does not keep the process.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, sessions: ThreadSessions) -> None:
        self.sessions, self.monitor = sessions, DriverMonitor()
        self.idle_since, self.checked_at = loop.time(), time.monotonic()
        self.expires_at = math.inf
        self.is_connecting = True
        self.wrapper: Any = None
        self.was_read_only = False
        self._loop = loop
        self._calls: queue.SimpleQueue[ThreadCall[Any] | None] = queue.SimpleQueue()
        self._pending = 0
        self.is_stopped = False
        self._when_free: Callable[[Worker], None] | None = None
        self.ended: asyncio.Future[None] = loop.create_future()
        self._thread = _WorkerThread(target=self._work, name=name, daemon=True)
        self._thread.worker = self
        self._thread.start()

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function on the thread, in a copy of the caller's context. It runs to its end in any case."""
        return self._put(partial(function, *args, **kwargs)).future

    async def run(self, function: Callable[[], T], patience: float = STOP_SECONDS) -> T:
        """The same for what is interrupted when its caller is cancelled, as `ThreadCall.result()` says."""
        call = self._put(function)
        return await call.result(self.wrapper, patience)

    def _put(self, function: Callable[[], T]) -> ThreadCall[T]:
        call = ThreadCall(self._loop, function, self.monitor, self._has_ended)
        self._pending += 1
        self._calls.put(call)
        return call

    def when_free(self, callback: Callable[[Worker], None]) -> None:
        """Call back once, as soon as nothing is running or waiting on the thread."""
        if self._pending:
            self._when_free = callback
        else:
            callback(self)

    def stop(self) -> None:
        """Close the thread's connections and end it, both when its calls are done; `ended` tells when that is."""
        self.is_stopped = True
        self._calls.put(None)

    def abandon(self) -> None:
        """Stop it after the end of its loop, and interrupt what it runs."""
        self.stop()
        self.monitor.interrupt_now(self.wrapper)

    def join(self, seconds: float | None = None) -> None:
        """Wait for its thread to end; one that has said it does takes no longer than leaving its function."""
        self._thread.join(seconds)

    @property
    def is_stuck(self) -> bool:
        """Whether nobody knows when the thread comes back: it connects, or has been interrupted in vain."""
        return self.is_connecting or self.monitor.ignores_interrupts()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.perform()
            # Otherwise the last result lives for as long as the thread has nothing to do.
            del call
        try:
            close_cursors()
            close_connections()
        finally:
            # Whatever a backend raises, nobody waits for this thread for ever. The loop may have been closed meanwhile.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._end)

    def _has_ended(self, error: BaseException | None) -> None:
        if error is not None:
            # It may have been the connection's fault: it is looked at before it is used again.
            self.checked_at = -math.inf
        self._pending -= 1
        if not self._pending and self._when_free is not None:
            callback, self._when_free = self._when_free, None
            callback(self)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
