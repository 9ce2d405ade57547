"""The engine of Django's own connection: every call goes through its thread-sensitive thread.

It sees what Django's own code on that thread sees: the transaction of a `TestCase`, an in-memory database. Queries run
one after another, as Django's own async ORM runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from adj.abc import Command, DatabaseRow, ServerFacts
from adj.engines.calls import fetch_all, read_facts
from adj.engines.cursor import ChunkedCursor

P = ParamSpec("P")
T = TypeVar("T")


class DjangoEngine:
    """Django's own connection of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._connection = DjangoConnection(alias)

    async def open(self) -> ServerFacts:
        """Read the server's facts through Django's connection."""
        return await self._connection.run(read_facts, self._alias)

    def connection(self) -> AbstractAsyncContextManager[DjangoConnection]:
        """Django's connection; its thread keeps the order."""
        return nullcontext(self._connection)

    async def close(self) -> None:
        """Nothing to close: the connection is Django's."""


class DjangoConnection:
    """Django's connection, reached through its thread."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T]) -> T:
        """Run a statement and return what `receive` makes of its rows, in one trip to the thread."""
        return await self.run(fetch_all, self._alias, command, receive)

    def cursor(self, command: Command, size: int) -> ChunkedCursor:
        """Run a statement and give its rows in lists; the cursor is closed at block exit, cancelled or not."""
        return ChunkedCursor(self, self._alias, command, size)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code where Django runs its own."""
        return await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
