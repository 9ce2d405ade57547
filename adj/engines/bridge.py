"""Synchronous Django code on the event loop: it runs in a greenlet, and what it waits for is awaited by a coroutine.

While the greenlet runs, its thread has no running loop, so that Django's guards against synchronous calls on a loop
pass, and `django.db.connections` is the thread's own: each step lends it the connections of this bridge and takes them
back, so that bridges that run at the same time never see each other's.

Private API used here: `asyncio._set_running_loop`, which asyncio documents for those who write event loops;
`AsyncToSync.__call__`, `AsyncToSync.awaitable`, `SyncToAsync.thread_sensitive_context`,
`SyncToAsync.context_to_thread_executor`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, ParamSpec, TypeVar, cast

import greenlet
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext

from adj.engines.companions import errand
from adj.engines.lending import Wrappers, lend, take_back
from adj.engines.thread_sensitive import CallExecutor

P = ParamSpec("P")
T = TypeVar("T")


class _Bridge(greenlet.greenlet):
    """A greenlet in which synchronous code may wait; `is_closing` once nobody will await for it any more."""

    is_closing = False
    wrappers: Wrappers


def await_(awaitable: Awaitable[T]) -> T:
    """Wait for something in synchronous code that runs in a bridge; its error is raised here.

    Raises `RuntimeError` outside of a bridge.
    """
    current = greenlet.getcurrent()
    if not isinstance(current, _Bridge):
        _dispose(awaitable)
        message = "this connection belongs to an event loop: use it inside `adj.run_sync()`."
        raise RuntimeError(message)  # noqa: TRY004  # not the type of anything is wrong, but the place of the call
    if current.is_closing:
        _dispose(awaitable)
        raise GeneratorExit
    parent = cast("greenlet.greenlet", current.parent)
    return cast("T", parent.switch(awaitable))


async def run_in_bridge(wrappers: Wrappers, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a greenlet on this thread; it finds `wrappers` in `django.db.connections`.

    Context variables are shared with the caller in both directions. An exception, a cancellation among them, that
    arrives while the function waits is raised inside it at that place.
    """
    loop = asyncio.get_running_loop()
    bridge = _Bridge(function)
    bridge.wrappers = wrappers
    # The caller's own context and no copy of it: what the function sets, the caller sees.
    bridge.gr_context = greenlet.getcurrent().gr_context

    def step(resume: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bridge.parent = greenlet.getcurrent()
        # Before lending: with a running loop `connections` would be another place.
        asyncio._set_running_loop(None)
        before = lend(wrappers)
        try:
            return resume(*args, **kwargs)
        finally:
            take_back(wrappers, before)
            asyncio._set_running_loop(loop)

    result = step(bridge.switch, *args, **kwargs)
    while not bridge.dead:
        try:
            value = await result
        except GeneratorExit as closing:
            bridge.is_closing = True
            step(bridge.throw, closing)
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the code that waits
            result = step(bridge.throw, error)
        else:
            result = step(bridge.switch, value)
    return cast("T", result)


def _dispose(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that will not be awaited, which would warn of that."""
    if asyncio.iscoroutine(awaitable):
        awaitable.close()


# -- async_to_sync -----------------------------------------------------------------------------------------------------

_call_in_other_loop = AsyncToSync.__call__


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """`async_to_sync(f)()` inside a bridge awaits `f()` on the loop that the bridge belongs to.

    asgiref would start another loop in a thread, and block this one until it ends: asynchronous receivers of signals
    could neither use the connection nor wait for anything that this loop does.
    """
    current = greenlet.getcurrent()
    if not isinstance(current, _Bridge):
        return _call_in_other_loop(self, *args, **kwargs)
    return await_(_called_from(current, self.awaitable, args, kwargs))


async def _called_from(bridge: _Bridge, function: Any, args: Any, kwargs: Any) -> Any:
    """Await a function; the synchronous code that it calls runs where its caller runs, as asgiref has it."""
    if _joins_already():
        with errand():
            return await function(*args, **kwargs)
    turns = asyncio.Lock()

    async def run(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        async with turns:
            return await run_in_bridge(bridge.wrappers, call, *args, **kwargs)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ThreadSensitiveContext(executor=CallExecutor(run)))
        return await function(*args, **kwargs)


def _joins_already() -> bool:
    """Whether synchronous code that asynchronous code calls here runs on a connection of adj's anyway."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = None if context is None else SyncToAsync.context_to_thread_executor.get(context)
    return isinstance(executor, CallExecutor)


# There is no other way in: asgiref looks for a loop, and offers no choice of how to wait for it.
AsyncToSync.__call__ = _call  # type: ignore[method-assign]
