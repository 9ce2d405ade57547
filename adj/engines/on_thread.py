"""What every connection that lives on a thread does in the same way: all of it by calls that run there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from adj.abc import Command, DatabaseRow
from adj.engines.calls import fetch_all
from adj.engines.copying import CopyOnThread
from adj.engines.cursor import ChunkedCursor
from adj.engines.lease import Lease

P = ParamSpec("P")
T = TypeVar("T")


class ConnectionOnThread(ABC):
    """A connection of Django's, reached through its thread."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._lease = Lease(alias)
        self._opened: set[Any] = set()

    @abstractmethod
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code on the thread, where `connections[alias]` is this connection."""

    @abstractmethod
    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with one more function, which runs after what the thread has got already."""

    def end(self) -> None:
        """The connection goes to another task: whoever still has this object must not reach it."""
        self._lease.end()

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of its rows, in one trip to the thread."""
        return await self.run(fetch_all, self._alias, command, receive)

    def cursor(self, command: Command, size: int) -> ChunkedCursor:
        """Run a statement and give its rows in lists; the cursor is closed at block exit, cancelled or not."""
        return ChunkedCursor(self, self._alias, command, size, self._opened)

    def copy(self, statement: str) -> CopyOnThread:
        """Run `COPY ... FROM STDIN`; the statement ends with the block."""
        return CopyOnThread(self, self._alias, statement, self._opened)

    @property  # noqa: B027  # None is the answer
    def patience(self) -> None:
        """A thread that waits for its server cannot be stopped."""

    def was_lost_unused(self, error: Exception) -> bool:
        """Not known here; Django checks connections beforehand where CONN_HEALTH_CHECKS is set."""
        return False

    def is_needed(self) -> bool:
        """A thread keeps its connection, as Django's threads do."""
        return True

    def share(self) -> None:  # noqa: B027  # nothing is to be done
        """The calls of several tasks run in their order, as they do in any case."""
