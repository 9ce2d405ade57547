"""Synchronous code where Django runs its own: on the thread that asgiref chooses for it.

Asynchronous code that synchronous code waits for in `async_to_sync()` sends its calls to the thread that waits, which
asgiref notes in the context. A `sync_to_async()` that is cancelled meanwhile hands this note to its caller, who is not
waited for: his next call, a ROLLBACK for one, would run in the midst of the code that waits, or find that it has ended.

Private API used here: `SyncToAsync.thread_sensitive_context`, `SyncToAsync.context_to_thread_executor`,
`AsyncToSync.executors`, `CurrentThreadExecutor._broken`, `CurrentThreadExecutor._old_executor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async

from adj.engines.bridge.thread_sensitive import CallExecutor

P = ParamSpec("P")
T = TypeVar("T")

# asgiref takes what is not true for no context.
_no_context: Any = None


def waiting_executor() -> Any:
    """What runs calls on the thread that waits for the current code; None where no thread does, or none any more."""
    return _if_waiting(getattr(AsyncToSync.executors, "current", None))


async def run_on_django_thread(executor: Any, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on the thread that waits, or where none does, on the one that Django's code has to itself.

    The note in the context is the same afterwards, also when the call was cancelled.
    """
    executor = _if_waiting(executor)
    _set_waiting_executor(executor)
    joining = SyncToAsync.thread_sensitive_context.get(None)
    if joining is not None and isinstance(SyncToAsync.context_to_thread_executor.get(joining), CallExecutor):
        # A block around this one sends what Django runs on its thread to a connection of adj's: this is not meant.
        SyncToAsync.thread_sensitive_context.set(_no_context)
    try:
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    finally:
        _set_waiting_executor(executor)
        if joining is not None:
            SyncToAsync.thread_sensitive_context.set(joining)


def _if_waiting(executor: Any) -> Any:
    """An executor, unless its thread has gone on, and so have those that waited for it in turn."""
    outer = executor
    while outer is not None and outer._broken:
        outer = outer._old_executor
    return None if outer is None else executor


def _set_waiting_executor(executor: Any) -> None:
    if getattr(AsyncToSync.executors, "current", None) is not executor:
        AsyncToSync.executors.current = executor
