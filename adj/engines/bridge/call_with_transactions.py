"""Synchronous code on a thread, and the asynchronous code that it calls: both use the transactions of the same task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ParamSpec, TypeVar

from asgiref.sync import AsyncToSync

from adj.engines.bridge.async_to_sync import call_as_asgiref_does, call_by
from adj.engines.lease.access import access, changed_access
from adj.engines.lease.nested_call import NestedCall

P = ParamSpec("P")
T = TypeVar("T")


def call_with_transactions(
    nested_call: NestedCall, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function in this thread. What it runs with `async_to_sync()` may use the transactions of `nested_call`."""

    def call(wrapped: AsyncToSync[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
        async def as_nested_call() -> object:
            # Not in the context of the thread, which a cancelled `sync_to_async()` copies to its caller.
            with changed_access(replace(access(), nested_call=nested_call)):
                return await wrapped.awaitable(*args, **kwargs)

        return call_as_asgiref_does(AsyncToSync(as_nested_call, wrapped.force_new_loop))

    before = call_by(call)
    try:
        return function(*args, **kwargs)
    finally:
        call_by(before)
        nested_call.is_running = False
