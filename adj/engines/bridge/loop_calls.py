"""Lets synchronous code on a thread use a connection that belongs to an event loop: the loop does the waiting.

A task may run code on a worker thread while it is in a transaction on the native engine. The code finds the
transaction's connection on the thread as well.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import ParamSpec, TypeVar, cast

from adj.engines.bridge.thread_connections import Wrappers, connections_of_another_thread
from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.watching.watchers import Watcher, others_watched_by

P = ParamSpec("P")
T = TypeVar("T")


class _ThreadState(threading.local):
    loop: asyncio.AbstractEventLoop | None = None
    wrappers: Wrappers | None = None


_state = _ThreadState()


def call_with_connections(
    wrappers: Wrappers,
    loop: asyncio.AbstractEventLoop | None,
    watchers: Mapping[str, Watcher],
    function: Callable[P, T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function on this thread with other connections as well, some of which may belong to an event loop.

    `watchers` observe the queries of these connections.
    """
    others = {alias: wrapper for alias, wrapper in wrappers.items() if thread_wrapper(alias) is not wrapper}
    with connections_of_another_thread(others), _waiting_for(loop, wrappers), others_watched_by(watchers, others):
        return function(*args, **kwargs)


@contextmanager
def _waiting_for(loop: asyncio.AbstractEventLoop | None, wrappers: Wrappers) -> Generator[None]:
    before = _state.loop, _state.wrappers
    _state.loop, _state.wrappers = loop or _state.loop, {**(_state.wrappers or {}), **wrappers}
    try:
        yield
    finally:
        _state.loop, _state.wrappers = before


def can_wait_on_loop() -> bool:
    """Whether this thread has an event loop that waits for it."""
    return _state.loop is not None


def wait_on_loop(awaitable: Awaitable[T]) -> T:
    """Let the loop await something, and wait for the result. Only if `can_wait_on_loop()`."""
    loop = cast("asyncio.AbstractEventLoop", _state.loop)
    return asyncio.run_coroutine_threadsafe(_await(awaitable), loop).result()


def is_usable_here(wrapper: DjangoWrapper) -> bool:
    """Whether this thread may use a connection of the event loop at this moment."""
    return (_state.wrappers or {}).get(wrapper.alias) is wrapper


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable
