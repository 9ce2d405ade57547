"""Where Django's own asynchronous methods run: executors for asgiref that use a connection of adj's.

`sync_to_async()` sends "thread-sensitive" code, as all of Django's is, to the executor of its context. With one of
these `await book.asave()` runs on the connection of the transaction that it is called in.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

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
        task = asyncio.create_task(_settle(future, self._run(fn, *args, **kwargs)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        future.add_done_callback(lambda ended: task.cancel() if ended.cancelled() else None)
        return future


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
