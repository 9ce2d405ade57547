"""How synchronous code on a thread waits for a connection that belongs to an event loop: the loop does the work.

Code of a task may run on a worker thread while the task is in a transaction on the native engine, whose connection is
lent to the thread meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from adj.engines.bridge.thread_connections import Wrappers, connections_of_another_thread
from adj.engines.watching.watchers import others_watched_by

P = ParamSpec("P")
T = TypeVar("T")


class _Here(threading.local):
    loop: asyncio.AbstractEventLoop | None = None
    wrappers: Wrappers | None = None


_here = _Here()


def call_with_connections(
    wrappers: Wrappers,
    loop: asyncio.AbstractEventLoop | None,
    watchers: Mapping[str, Any],
    function: Callable[P, T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function on a thread that finds other connections as well, those of an event loop among them.

    They show their queries to those who watch.
    """
    others = {alias: wrapper for alias, wrapper in wrappers.items() if connections[alias] is not wrapper}
    with connections_of_another_thread(others), _waiting_for(loop, wrappers), others_watched_by(watchers, others):
        return function(*args, **kwargs)


@contextmanager
def _waiting_for(loop: asyncio.AbstractEventLoop | None, wrappers: Wrappers) -> Generator[None]:
    before = _here.loop, _here.wrappers
    _here.loop, _here.wrappers = loop or _here.loop, {**(_here.wrappers or {}), **wrappers}
    try:
        yield
    finally:
        _here.loop, _here.wrappers = before


def can_wait_on_loop() -> bool:
    """Whether this thread may wait for an event loop."""
    return _here.loop is not None


def wait_on_loop(awaitable: Awaitable[T]) -> T:
    """Let the loop await something, and wait for it. For a thread that may."""
    loop: Any = _here.loop
    result: T = asyncio.run_coroutine_threadsafe(_await(awaitable), loop).result()
    return result


def is_usable_here(wrapper: Any) -> bool:
    """Whether this thread has a connection now."""
    return (_here.wrappers or {}).get(wrapper.alias) is wrapper


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable
