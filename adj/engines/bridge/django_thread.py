"""Runs synchronous code on the thread where Django's asynchronous methods run, which asgiref chooses.

If synchronous code waits in `async_to_sync()`, asgiref runs the calls of the asynchronous code on the waiting thread.
Its executor is in `AsyncToSync.executors`, which is in the context. A cancelled `sync_to_async()` copies the context to
its caller, which may belong to another thread. Its next call, such as a ROLLBACK, would then run in the middle of other
code, or fail because that thread has stopped waiting. So the executor is restored after each call.

Private API used here: `SyncToAsync.thread_sensitive_context`, to pass by executors of adj; `AsyncToSync.executors`,
`CurrentThreadExecutor._broken` and `CurrentThreadExecutor._old_executor`, to find and restore the executor of the
waiting thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, sync_to_async

from adj.engines.bridge.async_methods import context_outside

P = ParamSpec("P")
T = TypeVar("T")


def waiting_executor() -> CurrentThreadExecutor | None:
    """The executor of the thread that waits for the current code; None if no thread waits for it."""
    return _if_waiting(getattr(AsyncToSync.executors, "current", None))


async def run_on_django_thread(
    executor: CurrentThreadExecutor | None, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function on the waiting thread, or else on asgiref's thread for all of Django's code.

    The executor in the context is the same afterwards, also if the call was cancelled.
    """
    executor = _if_waiting(executor)
    _set_waiting_executor(executor)
    joining, outside = SyncToAsync.thread_sensitive_context.get(None), context_outside()
    if joining is not outside:
        # Blocks of adj around this code run Django's methods on their connections. This call must not go there, but to
        # the thread where those connections are.
        SyncToAsync.thread_sensitive_context.set(cast("ThreadSensitiveContext", outside))
    try:
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    finally:
        _set_waiting_executor(executor)
        if joining is not None:
            SyncToAsync.thread_sensitive_context.set(joining)


def _if_waiting(executor: CurrentThreadExecutor | None) -> CurrentThreadExecutor | None:
    """An executor; None if its thread, and those that waited for it in turn, have all stopped waiting."""
    outer = executor
    while outer is not None and outer._broken:
        outer = outer._old_executor
    return None if outer is None else executor


def _set_waiting_executor(executor: CurrentThreadExecutor | None) -> None:
    if getattr(AsyncToSync.executors, "current", None) is not executor:
        AsyncToSync.executors.current = executor
