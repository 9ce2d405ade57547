"""What every connection that lives on a thread does in the same way: all of it by calls that run there."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from adj.abc import Command, DatabaseRow
from adj.engines.calls import fetch_all
from adj.engines.copying import CopyOnThread
from adj.engines.cursor import ChunkedCursor

P = ParamSpec("P")
T = TypeVar("T")


class ConnectionOnThread(ABC):
    """A connection of Django's, reached through its thread."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    @abstractmethod
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code on the thread, where `connections[alias]` is this connection."""

    @abstractmethod
    async def run_last(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one more function after what the thread has got already."""

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of its rows, in one trip to the thread."""
        return await self.run(fetch_all, self._alias, command, receive)

    def cursor(self, command: Command, size: int) -> ChunkedCursor:
        """Run a statement and give its rows in lists; the cursor is closed at block exit, cancelled or not."""
        return ChunkedCursor(self, self._alias, command, size)

    def copy(self, statement: str) -> CopyOnThread:
        """Run `COPY ... FROM STDIN`; the statement ends with the block."""
        return CopyOnThread(self, self._alias, statement)

    @property
    def patience(self) -> float:
        """A thread that waits for its server cannot be stopped, but a deadline lets its caller leave it alone."""
        return math.inf

    def was_not_started(self, error: Exception) -> bool:
        """Not known here; Django checks connections beforehand where CONN_HEALTH_CHECKS is set."""
        return False

    def is_needed(self) -> bool:
        """A thread keeps its connection, as Django's threads do."""
        return True

    def share(self) -> None:  # noqa: B027  # nothing is to be done
        """The calls of several tasks run in their order, as they do in any case."""
