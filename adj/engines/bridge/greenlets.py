"""Runs synchronous Django code on the event loop: in a greenlet, whose waiting is done by a coroutine.

While the greenlet runs, its thread has no running loop, so that Django's checks for synchronous calls in asynchronous
code pass. `django.db.connections` is then the thread's own. Each step puts the connections of this bridge there, and
restores the previous ones at its end, so that bridges that run at the same time do not see each other's connections.

Private API used here: `asyncio._set_running_loop`, which asyncio documents for authors of event loops;
`AsyncToSync.awaitable`, to await the function on this loop; `SyncToAsync.thread_sensitive_context` and
`SyncToAsync.context_to_thread_executor`, to see whether an executor of adj is in use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

import greenlet
from asgiref.sync import AsyncToSync, SyncToAsync

from adj.completion import ended
from adj.engines.bridge.async_methods import CallExecutor, LastingContext
from adj.engines.bridge.async_to_sync import call_by
from adj.engines.bridge.loop_calls import can_wait_on_loop, is_usable_here, wait_on_loop
from adj.engines.bridge.thread_connections import Wrappers, install_connections, restore_connections
from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.lease.connection_lock import ConnectionLock
from adj.engines.lease.contexts import apply_context
from adj.engines.lease.nested_call import NestedCall, running_nested_call
from adj.engines.lease.task_transactions import new_nested_call
from adj.errors import CrossTaskTransaction

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BridgeConnections:
    """The connections of a bridge, by alias, and the lock that it holds if they are shared."""

    wrappers: Wrappers
    lock: ConnectionLock | None = None


class _Bridge(greenlet.greenlet):
    """A greenlet in which synchronous code may wait. `is_closing` once its coroutine is being closed.

    `kept_blocks` counts the blocks around the running code that are not cancelled, and `cancelled` is what came
    meanwhile.
    """

    is_closing = False
    kept_blocks = 0
    cancelled: asyncio.CancelledError | None = None
    connections: BridgeConnections


def await_(awaitable: Awaitable[T]) -> T:
    """Wait for something in synchronous code that runs in a bridge. Raises its errors.

    Raises `RuntimeError` outside a bridge.
    """
    current = greenlet.getcurrent()
    if not isinstance(current, _Bridge):
        if can_wait_on_loop():
            return wait_on_loop(awaitable)
        dispose(awaitable)
        message = "This connection belongs to an event loop. Use it inside `adj.run_sync()`."
        raise RuntimeError(message)
    if current.is_closing:
        dispose(awaitable)
        raise GeneratorExit
    parent = cast("greenlet.greenlet", current.parent)
    return cast("T", parent.switch(awaitable))


def check_in_use(wrapper: DjangoWrapper) -> None:
    """Raise `CrossTaskTransaction` if code uses a connection that is not one of its bridge."""
    current = greenlet.getcurrent()
    if isinstance(current, _Bridge):
        is_in_use = current.connections.wrappers.get(wrapper.alias) is wrapper
    else:
        is_in_use = not can_wait_on_loop() or is_usable_here(wrapper)
    if not is_in_use:
        raise CrossTaskTransaction.after_the_end(wrapper.alias)


async def run_in_bridge(
    connections: BridgeConnections, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function in a greenlet on this thread, where it finds `connections` in `django.db.connections`.

    Context variables are shared with the caller in both directions. If an error or a cancellation arrives while the
    function waits, it is raised in the function.
    """
    loop = asyncio.get_running_loop()
    bridge = _Bridge(function)
    bridge.connections = connections
    # The caller's context itself, so that the caller sees the variables that the function sets.
    bridge.gr_context = greenlet.getcurrent().gr_context

    caller = partial(_call, bridge)

    def step(resume: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        bridge.parent = greenlet.getcurrent()
        # First, since with a running loop `connections` would be that of the coroutine.
        asyncio._set_running_loop(None)
        before, caller_before = install_connections(connections.wrappers), call_by(caller)
        try:
            return resume(*args, **kwargs)
        finally:
            call_by(caller_before)
            restore_connections(connections.wrappers, before)
            asyncio._set_running_loop(loop)

    result = step(bridge.switch, *args, **kwargs)
    while not bridge.dead:
        try:
            if bridge.kept_blocks:
                value = await _to_its_end(bridge, result)
            elif bridge.cancelled is not None:
                dispose(result)
                cancelled, bridge.cancelled = bridge.cancelled, None
                raise cancelled
            else:
                value = await result
        except GeneratorExit as closing:
            bridge.is_closing = True
            step(bridge.throw, closing)
            raise
        except BaseException as error:  # noqa: BLE001  # it is raised in the code that waits
            result = step(bridge.throw, error)
        else:
            result = step(bridge.switch, value)
    if bridge.cancelled is not None:
        raise bridge.cancelled
    return cast("T", result)


async def _to_its_end(bridge: _Bridge, awaitable: Awaitable[T]) -> T:
    """Wait for something in a block that is not cancelled, and keep a cancellation for later."""
    task, cancelled = await ended(_awaited(awaitable))
    bridge.cancelled = bridge.cancelled or cancelled
    return task.result()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


@contextmanager
def not_cancelled() -> Generator[None]:
    """A block of code in a bridge that runs to its end. A cancellation is raised where the code waits next after it."""
    current = greenlet.getcurrent()
    if not isinstance(current, _Bridge):
        yield
        return
    current.kept_blocks += 1
    try:
        yield
    finally:
        current.kept_blocks -= 1


def dispose(awaitable: Awaitable[object]) -> None:
    """Close a coroutine that will not be awaited, so that Python does not warn about it."""
    if asyncio.iscoroutine(awaitable):
        awaitable.close()


# -- async_to_sync -----------------------------------------------------------------------------------------------------


def _call(
    bridge: _Bridge, wrapped: AsyncToSync[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> object:
    """Run `async_to_sync(f)()` inside a bridge: await `f()` on the bridge's event loop.

    asgiref would start another loop in a thread, and block this one until it ends. Asynchronous signal receivers could
    then neither use the connection nor wait for this loop. As with asgiref, `f()` sees the context variables of its
    caller, and the caller sees the variables that `f()` sets.
    """
    context = copy_context()
    try:
        return await_(_await_in_task(bridge, context, partial(wrapped.awaitable, *args, **kwargs)))
    finally:
        apply_context(context)


async def _await_in_task(bridge: _Bridge, context: Context, function: Callable[[], Awaitable[T]]) -> T:
    """Await a function in a separate task with its own context."""
    call = _run_nested(bridge, new_nested_call(), function)
    return await asyncio.get_running_loop().create_task(call, context=context)


async def _run_nested(bridge: _Bridge, nested_call: NestedCall, function: Callable[[], Awaitable[T]]) -> T:
    lock = bridge.connections.lock
    with running_nested_call(nested_call), nullcontext() if lock is None else lock.nested():
        if _joins_already():
            return await function()
        async with LastingContext(_executor_in(bridge, nested_call)):
            return await function()


def _executor_in(bridge: _Bridge, nested_call: NestedCall) -> CallExecutor:
    """Runs the synchronous code that a nested call uses in the same bridge, as asgiref uses the waiting thread.

    Tasks that outlive the nested call use Django's thread, as they would without adj.
    """
    lock = ConnectionLock()
    connections = BridgeConnections(bridge.connections.wrappers, lock)

    async def run(call: Callable[..., T], /, *args: object, **kwargs: object) -> T:
        if not nested_call.is_running:
            return await asyncio.get_running_loop().run_in_executor(
                SyncToAsync.single_thread_executor, partial(call, *args, **kwargs)
            )
        async with lock.hold():
            return await run_in_bridge(connections, call, *args, **kwargs)

    return CallExecutor(run)


def _joins_already() -> bool:
    """Whether `sync_to_async()` in this context already runs on a connection of adj."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = None if context is None else SyncToAsync.context_to_thread_executor.get(context)
    return isinstance(executor, CallExecutor)
