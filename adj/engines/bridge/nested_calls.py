"""Synchronous code on a thread: the asynchronous code that it calls runs an errand for the task that waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import AsyncToSync

from adj.engines.bridge.async_to_sync import call_as_asgiref_does, call_by
from adj.engines.lease.access import Errand, having

P = ParamSpec("P")
T = TypeVar("T")


def call_on_errand(started: Errand, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread; asynchronous code that it calls there may use the transactions of its caller."""

    def call(wrapped: Any, args: Any, kwargs: Any) -> Any:
        async def on_errand() -> Any:
            # In its own context, not in the thread's, which a cancelled `sync_to_async()` gives to its caller.
            with having(errand=started):
                return await wrapped.awaitable(*args, **kwargs)

        return call_as_asgiref_does(AsyncToSync(on_errand, wrapped.force_new_loop))

    before = call_by(call)
    try:
        return function(*args, **kwargs)
    finally:
        call_by(before)
        started.is_running = False
