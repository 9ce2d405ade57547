"""Finds the transaction of a Django `TestCase`, and runs queries in it.

The test's connection belongs to the thread of the test. Coroutines run in the same thread, as with pytest-asyncio and
`asyncio.run()`, or on a loop that `async_to_sync()` starts in another thread, as in Django's `TestCase`. What Django
sends to a thread runs in the test's thread under `async_to_sync()`, and otherwise in one of asgiref's threads, where
Django would open another connection. This engine puts the test's connections there.

Private API used here: `Atomic._from_testcase` and `DatabaseWrapper.atomic_blocks`, to recognize the transaction of a
test; `_TestState.saved_data`, to recognize a test run; `asyncio._set_running_loop`, to see the connections around the
loop; `AsyncToSync.loop_thread_executors`, to run code in the thread of the test.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from asgiref.sync import AsyncToSync

from adj.engines.bridge.thread_connections import Wrappers, connections_of_another_thread
from adj.engines.django.engine import DjangoConnection, DjangoEngine
from adj.engines.django_wrapper import DjangoWrapper, thread_wrappers
from adj.engines.error_wrapper import call_recording_errors

P = ParamSpec("P")
T = TypeVar("T")


def is_testing() -> bool:
    """Whether a test runner has called Django's `setup_test_environment()`."""
    # Only tests load this module.
    utilities = sys.modules.get("django.test.utils")
    return utilities is not None and hasattr(vars(utilities)["_TestState"], "saved_data")


def connections_in_test() -> Wrappers:
    """This thread's connections that are in the transaction of a test, by alias. For synchronous code."""
    return {alias: wrapper for alias, wrapper in thread_wrappers().items() if is_in_test(wrapper)}


def is_in_test(wrapper: DjangoWrapper) -> bool:
    """Whether the outermost transaction of a connection is that of a test."""
    blocks = wrapper.atomic_blocks
    return bool(blocks) and bool(vars(blocks[0])["_from_testcase"])


def connections_around() -> Wrappers:
    """The same for coroutines: the connections of the code around the event loop, in its thread."""
    loop = asyncio.get_running_loop()
    # With a running loop, `connections` would be that of the coroutine.
    asyncio._set_running_loop(None)
    try:
        return connections_in_test()
    finally:
        asyncio._set_running_loop(loop)


def is_called_by_a_thread() -> bool:
    """Whether `async_to_sync()` started the running loop, and its caller waits in another thread."""
    return asyncio.get_running_loop() in AsyncToSync.loop_thread_executors


async def connections_of_caller() -> Wrappers:
    """The connections of the thread that waits in `async_to_sync()` for the running loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(AsyncToSync.loop_thread_executors[loop], connections_in_test)


class TestCaseEngine(DjangoEngine):
    """The connection of a test, together with the test's connections to other aliases."""

    def __init__(self, alias: str, wrappers: Wrappers) -> None:
        self._wrappers = wrappers
        super().__init__(alias)

    def _new_connection(self) -> DjangoConnection:
        return _TestCaseConnection(self._alias, self._wrappers)


class _TestCaseConnection(DjangoConnection):
    """Runs code where Django runs its own, with the connections of the test."""

    def __init__(self, alias: str, wrappers: Wrappers) -> None:
        super().__init__(alias)
        self._wrappers = wrappers

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = partial(call_recording_errors, self._alias, function, *args, **kwargs)
        return await super()._run(_run, self._wrappers, call)


def _run(wrappers: Wrappers, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    mine = thread_wrappers()
    if all(mine.get(alias) is wrapper for alias, wrapper in wrappers.items()):
        return function(*args, **kwargs)
    with connections_of_another_thread(wrappers):
        return function(*args, **kwargs)
