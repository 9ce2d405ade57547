"""The transaction of a Django `TestCase`: who finds it, and the engine that runs in it.

The test's connection belongs to the thread that the test runs in. Coroutines run there as well, as under pytest-asyncio
and `asyncio.run()`, or on a loop that `async_to_sync()` has started in another thread, as in Django's own `TestCase`.
What Django sends to a thread runs in that of the test under `async_to_sync()`, and elsewhere in one of asgiref's, where
Django would open a connection of its own: this engine brings the test's along.

Private API used here: `Atomic._from_testcase`, `DatabaseWrapper.atomic_blocks`, `_TestState.saved_data`,
`asyncio._set_running_loop`, `AsyncToSync.loop_thread_executors`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import AsyncToSync
from django.db import connections

from adj.engines.bridge.thread_connections import Wrappers, connections_of_another_thread
from adj.engines.django.engine import DjangoConnection, DjangoEngine
from adj.engines.error_wrapper import call_recording_errors

P = ParamSpec("P")
T = TypeVar("T")


def is_testing() -> bool:
    """Whether a test runner has called Django's `setup_test_environment()`."""
    # Whoever does not test has not loaded it.
    utilities = sys.modules.get("django.test.utils")
    return utilities is not None and hasattr(cast("Any", utilities)._TestState, "saved_data")


def connections_in_test() -> Wrappers:
    """This thread's connections that are in the transaction of a test, by alias; for synchronous code."""
    return {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True) if is_in_test(wrapper)}


def is_in_test(wrapper: Any) -> bool:
    """Whether the outermost transaction of a connection is a test's."""
    blocks = wrapper.atomic_blocks
    return bool(blocks) and blocks[0]._from_testcase


def connections_around() -> Wrappers:
    """The same for coroutines: the connections of the code around the event loop, in the loop's thread."""
    loop = asyncio.get_running_loop()
    # With a running loop `connections` would be another place.
    asyncio._set_running_loop(None)
    try:
        return connections_in_test()
    finally:
        asyncio._set_running_loop(loop)


def is_called_by_a_thread() -> bool:
    """Whether the running loop was started by `async_to_sync()`, whose caller waits in another thread."""
    return asyncio.get_running_loop() in AsyncToSync.loop_thread_executors


async def connections_of_caller() -> Wrappers:
    """The connections of the thread that waits in `async_to_sync()` for the running loop."""
    loop = asyncio.get_running_loop()
    executor: Any = AsyncToSync.loop_thread_executors[loop]
    return await loop.run_in_executor(executor, connections_in_test)


class TestCaseEngine(DjangoEngine):
    """The connection of a test, and with it those of the other aliases that the test has."""

    def __init__(self, alias: str, wrappers: Wrappers) -> None:
        self._wrappers = wrappers
        super().__init__(alias)

    def _new_connection(self) -> DjangoConnection:
        return _TestCaseConnection(self._alias, self._wrappers)


class _TestCaseConnection(DjangoConnection):
    """Django's connections as they are in the test, wherever Django's synchronous code runs."""

    def __init__(self, alias: str, wrappers: Wrappers) -> None:
        super().__init__(alias)
        self._wrappers = wrappers

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Where Django runs its own code, with the connections of the test.
        call = partial(call_recording_errors, self._alias, function, *args, **kwargs)
        return await super()._run(_run, self._wrappers, call)


def _run(wrappers: Wrappers, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    mine = {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True)}
    if all(mine.get(alias) is wrapper for alias, wrapper in wrappers.items()):
        return function(*args, **kwargs)
    with connections_of_another_thread(wrappers):
        return function(*args, **kwargs)
