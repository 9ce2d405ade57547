"""A thread that owns Django connections and runs one call after another for an event loop.

Private API used here: `_restore_context` of asgiref, `CurrentThreadExecutor._work_thread`,
`CurrentThreadExecutor._broken`, `CurrentThreadExecutor._old_executor`.
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

from asgiref.sync import _restore_context

from adj.engines.calls import close_connections
from adj.engines.cursor import close_cursors
from adj.engines.djangos_thread import waiting_thread
from adj.engines.thread_session import ThreadSessions

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
        executor = waiting_thread()
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
        return asyncio.get_running_loop().run_in_executor(self._executor, _run_in, context, call)


def _run_in(context: contextvars.Context, call: Callable[[], T]) -> T:
    context.run(_restore_context, context)
    return context.run(call)


class Worker:
    """One thread. Everything but `_work` runs on the loop's thread.

    `wrapper` is the thread's Django connection once it has connected, and `was_read_only` whether that could only read
    then. `sessions` looks after the thread's connections.

    The thread is a daemon, so that a loop that was stopped without being closed does not keep the process.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, sessions: ThreadSessions) -> None:
        self.sessions = sessions
        self.idle_since, self.freshened_at = loop.time(), time.monotonic()
        self.expires_at = math.inf
        self.is_connecting = True
        self.wrapper: Any = None
        self.was_read_only = False
        self._loop = loop
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._pending = 0
        self.is_stopped = False
        self._when_free: Callable[[Worker], None] | None = None
        self.ended: asyncio.Future[None] = loop.create_future()
        self._thread = _WorkerThread(target=self._work, name=name, daemon=True)
        self._thread.worker = self
        self._thread.start()

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function on the thread, in a copy of the caller's context.

        Django keeps its time zone and language in asgiref's `Local`, which is tagged with its thread: asgiref's own
        function moves it to the worker's, as `sync_to_async` does.

        A cancelled caller does not stop the function: a thread cannot be stopped. Its result is dropped.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        context = contextvars.copy_context()
        self._pending += 1

        def call() -> None:
            try:
                result = _run_in(context, partial(function, *args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the caller
                self._post(self._fail, future, error)
            else:
                self._post(self._succeed, future, result)

        self._calls.put(call)
        return future

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

    def join(self) -> None:
        """Wait for a thread that has said it ends, which takes no longer than leaving its function."""
        self._thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            # Otherwise the last result lives for as long as the thread has nothing to do.
            del call
        try:
            close_cursors()
            close_connections()
        finally:
            # Whatever a backend raises, nobody waits for this thread for ever.
            self._post(self._end)

    def _post(self, callback: Callable[..., None], *args: Any) -> None:
        # The loop may have been closed while the call ran; then nobody waits for the result any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)

    def _succeed(self, future: asyncio.Future[T], result: T) -> None:
        if not future.cancelled():
            future.set_result(result)
        self._done()

    def _fail(self, future: asyncio.Future[Any], error: BaseException) -> None:
        # It may have been the connection's fault: it is looked at before it is used again.
        self.freshened_at = float("-inf")
        if not future.cancelled():
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                # A future cannot hold the one, and either would end whatever awaits it as if all were well.
                error = RuntimeError(f"the function raised {error!r}")
            future.set_exception(error)
        self._done()

    def _done(self) -> None:
        self._pending -= 1
        if not self._pending and self._when_free is not None:
            callback, self._when_free = self._when_free, None
            callback(self)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
