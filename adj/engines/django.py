"""The engine of Django's own connection: every call goes through its thread-sensitive thread.

It sees what Django's own code on that thread sees: the transaction of a `TestCase`, an in-memory database. Queries run
one after another, as Django's own async ORM runs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from adj.abc import RunCall, ServerFacts
from adj.engines.calls import read_facts
from adj.engines.companions import call_on_errand, errand_for, has_companions, new_errand
from adj.engines.on_thread import ConnectionOnThread

P = ParamSpec("P")
T = TypeVar("T")


class DjangoEngine:
    """Django's own connection of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._connection = DjangoConnection(alias)
        self._transaction = asyncio.Lock()

    async def open(self) -> ServerFacts:
        """Read the server's facts through Django's connection."""
        return await self._connection.run(read_facts, self._alias)

    @asynccontextmanager
    async def connection(self, *, exclusive: bool = False) -> AsyncGenerator[DjangoConnection]:
        """Django's connection; its thread keeps the order. Waits for the end of another task's transaction."""
        async with self._transaction:
            if exclusive:
                yield self._connection
                return
        yield self._connection

    def thread_executor(self, run: RunCall) -> None:
        """Django's own asynchronous methods use its connection in any case."""

    async def close(self) -> None:
        """Nothing to close: the connection is Django's."""


class DjangoConnection(ConnectionOnThread):
    """Django's connection, reached through its thread."""

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code where Django runs its own."""
        if (errand := errand_for(self)) is not None:
            await errand.admission()
        call: Callable[P, T] = partial(call_on_errand, new_errand(), function) if has_companions() else function
        return await sync_to_async(call, thread_sensitive=True)(*args, **kwargs)

    async def run_last(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same as `run()`: the connection is Django's before and after."""
        return await self.run(function, *args, **kwargs)
