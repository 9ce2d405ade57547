"""The queries that wait for a resource of a pool, in order."""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from typing import Generic

from adj.engines.lease.resources import T


class Waiter(Generic[T]):
    """A task that is waiting for a resource."""

    __slots__ = ("future", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[T] = loop.create_future()
        self.task = asyncio.current_task()


class WaitingQueries(Generic[T]):
    """The waiting queries of one pool. The one that has waited longest is served first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: deque[Waiter[T]] = deque()

    def __len__(self) -> int:
        return len(self._waiters)

    def add(self) -> Waiter[T]:
        """Let the current task wait."""
        waiter: Waiter[T] = Waiter(self._loop)
        self._waiters.append(waiter)
        return waiter

    def discard(self, waiter: Waiter[T]) -> None:
        """Remove a task that has stopped waiting."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def pop(self) -> Waiter[T] | None:
        """Remove the task that has waited longest, and return it; None if none is waiting."""
        while self._waiters:
            waiter = self._waiters.popleft()
            # A cancelled task is still in line until it runs.
            if not waiter.future.done():
                return waiter
        return None

    def fail_first(self, error: Exception) -> None:
        """Raise an error in the task that has waited longest."""
        if (waiter := self.pop()) is not None:
            waiter.future.set_exception(error)

    def fail_all(self, error: Exception) -> None:
        """Raise a copy of an error in every waiting task."""
        while (waiter := self.pop()) is not None:
            own = copy.copy(error)
            own.__cause__ = error.__cause__
            waiter.future.set_exception(own)
