"""Where Django's own asynchronous methods run: executors for asgiref that use a connection of adj's.

`sync_to_async()` sends "thread-sensitive" code, as all of Django's is, to the executor of its context. With one of
these `await book.asave()` runs on the connection of the transaction that it is called in.

Private API used here: `SyncToAsync.threadlocal`, `ThreadSensitiveContext._exited`,
`SyncToAsync.context_to_thread_executor`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from adj.abc import RunCall

P = ParamSpec("P")
T = TypeVar("T")


class CallExecutor(concurrent.futures.Executor):
    """Runs each call by a coroutine function, in a task of its own; called on the event loop's thread only."""

    def __init__(self, run: RunCall) -> None:
        self._run = run
        # A task that nobody refers to may be collected while it waits.
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> concurrent.futures.Future[T]:
        """Start a call."""
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        here = threading.get_ident()

        def call() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                if threading.get_ident() == here:
                    _forget_loop()

        task = asyncio.create_task(_settle(future, self._run(call)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        future.add_done_callback(lambda ended: task.cancel() if ended.cancelled() else None)
        return future


class LastingContext(ThreadSensitiveContext):
    """Sends "thread-sensitive" code to an executor, also that of tasks which were started in the block and outlive it.

    asgiref refuses them, since a thread would have ended with the block. These executors have none: they run each call
    wherever there is a connection for it.
    """

    def __init__(self, executor: concurrent.futures.Executor) -> None:
        super().__init__(executor=executor)
        self._lasting = executor

    async def __aexit__(self, *exc_info: object) -> None:
        # asgiref has no types for it.
        leave: Any = super().__aexit__
        await leave(*exc_info)
        self._exited = False
        # Weakly referenced by its key, which lives as long as a task's context has it.
        SyncToAsync.context_to_thread_executor[self] = self._lasting


def _forget_loop() -> None:
    """Let asgiref forget that this thread works for a loop, which it notes for the threads of its own.

    This one is the loop's: `async_to_sync()` would later, when the loop stands still, wait for it for ever.
    """
    SyncToAsync.threadlocal.__dict__.pop("main_event_loop", None)


async def _settle(future: concurrent.futures.Future[T], call: Coroutine[Any, Any, T]) -> None:
    """Give a future what comes of a call; nobody waits for one that was cancelled."""
    try:
        result = await call
    except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the caller
        if not future.cancelled():
            future.set_exception(error)
    else:
        if not future.cancelled():
            future.set_result(result)
