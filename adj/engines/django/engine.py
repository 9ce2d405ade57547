"""The engine that uses Django's own connection, on the thread where Django's asynchronous methods run.

It sees what Django's code on that thread sees: the transaction of a `TestCase`, an in-memory database. Queries run one
after another, as they do in Django's async ORM.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from asgiref.current_thread_executor import CurrentThreadExecutor

from adj.abc import RunCall
from adj.engines.bridge.async_methods import CallExecutor
from adj.engines.bridge.call_with_transactions import call_with_transactions
from adj.engines.bridge.django_thread import run_on_django_thread, waiting_executor
from adj.engines.error_wrapper import call_recording_errors
from adj.engines.lease.nested_call import nested_call_for
from adj.engines.lease.task_transactions import has_transactions, new_nested_call
from adj.engines.outcome import record_outcome
from adj.engines.threads.thread_connection import ThreadConnection

P = ParamSpec("P")
T = TypeVar("T")


class DjangoEngine:
    """Django's own connection of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._connection = self._new_connection()
        self._transaction = asyncio.Lock()

    @asynccontextmanager
    async def connection(self, *, exclusive: bool = False) -> AsyncGenerator[DjangoConnection]:
        """Django's connection. Waits until the transaction of another task has ended."""
        async with self._transaction:
            if exclusive:
                connection = self._new_connection()
                connection.stay_on(waiting_executor())
                try:
                    yield connection
                finally:
                    connection.end()
                return
        yield self._connection

    def _new_connection(self) -> DjangoConnection:
        return DjangoConnection(self._alias)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs in this engine's calls what Django's asynchronous methods would run in asgiref's thread.

        The calls of a transaction let asynchronous receivers use it, and those of a test have the test's connections.
        """
        return CallExecutor(run)

    def stats(self) -> None:
        """Return None, since this engine has one connection and not a pool."""

    async def close(self) -> None:
        """Do nothing: the connection belongs to Django."""

    def abandon(self) -> None:
        """Do nothing: the connection belongs to Django."""


class DjangoConnection(ThreadConnection):
    """Django's connection, reached through its thread."""

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._thread_of: Callable[[], CurrentThreadExecutor | None] = waiting_executor

    def stay_on(self, waiting: CurrentThreadExecutor | None) -> None:
        """Use one thread from now on, even if a cancelled asynchronous method of Django changes the context."""
        self._thread_of = lambda: waiting

    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        waiting = self._thread_of()
        if (nested_call := nested_call_for(self)) is not None:
            await nested_call.wait_for_open_block()
            waiting = waiting_executor()
        call: Callable[P, T] = (
            partial(call_with_transactions, new_nested_call(), function) if has_transactions() else function
        )
        try:
            return await run_on_django_thread(waiting, call_recording_errors, self._alias, call, *args, **kwargs)
        except asyncio.CancelledError as error:
            record_outcome(error, "continues")
            raise
