"""Executors for asgiref that run Django's asynchronous methods on a connection of adj.

`sync_to_async()` runs "thread-sensitive" code, which includes all Django code, on the executor of its context. With one
of these executors, `await book.asave()` runs on the connection of the transaction around it.

Private API used here: `SyncToAsync.threadlocal`, to remove a note about this thread; `ThreadSensitiveContext._exited`
and `SyncToAsync.context_to_thread_executor`, to keep an executor usable after its block.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from adj.abc import RunCall

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")


class CallExecutor(concurrent.futures.Executor):
    """Runs each call with a coroutine function, in a separate task. To be called on the event loop's thread only."""

    def __init__(self, run: RunCall) -> None:
        self._run = run
        # A task without a reference may be garbage-collected while it waits.
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
    """Runs "thread-sensitive" code on an executor, also for tasks that were started in the block and outlive it.

    asgiref refuses those, since its thread ends with the block. These executors have no thread: they run each call
    where there is a connection for it.
    """

    def __init__(self, executor: concurrent.futures.Executor) -> None:
        super().__init__(executor=executor)
        self._lasting = executor
        self._outer: ThreadSensitiveContext | None = None

    async def __aenter__(self) -> Self:
        self._outer = SyncToAsync.thread_sensitive_context.get(None)
        # asgiref does not annotate it.
        await cast("Any", super()).__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await cast("Any", super()).__aexit__(*exc_info)
        self._exited = False
        # The keys are weak: the entry lives while the context of some task has this object.
        SyncToAsync.context_to_thread_executor[self] = self._lasting


def context_outside() -> ThreadSensitiveContext | None:
    """The context of asgiref around all blocks of adj, such as that of a request; it has a thread."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    while isinstance(context, LastingContext):
        context = context._outer
    return context


def _forget_loop() -> None:
    """Remove asgiref's note that this thread works for an event loop, which it makes for its own threads.

    This is the loop's thread. After the loop has stopped, `async_to_sync()` would wait for that loop forever.
    """
    SyncToAsync.threadlocal.__dict__.pop("main_event_loop", None)


async def _settle(future: concurrent.futures.Future[T], call: Awaitable[T]) -> None:
    """Set a future to the result or the error of a call, unless the future was cancelled."""
    try:
        result = await call
    except BaseException as error:  # noqa: BLE001  # it is raised in the caller
        if not future.cancelled():
            future.set_exception(error)
    else:
        if not future.cancelled():
            future.set_result(result)
