"""A lock for a connection that several tasks share, such as the tasks of a transaction.

While synchronous code holds the lock, asynchronous code that it calls with `async_to_sync()` uses the connection as
well. That code has a nested lock, so that its tasks wait for each other but not for their caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace

from adj.engines.lease.access import access, changed_access


class ConnectionLock:
    """The lock of one connection."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._nested: set[asyncio.Lock] = set()

    def hold(self) -> AbstractAsyncContextManager[None]:
        """Acquire the lock, and hold it until the block ends."""
        inner = access().nested_locks.get(id(self))
        return inner if inner in self._nested else self._lock

    @contextmanager
    def nested(self) -> Generator[None]:
        """Let the tasks of this context, which only they use, share the lock with their caller, which holds it."""
        inner = asyncio.Lock()
        self._nested.add(inner)
        try:
            with changed_access(replace(access(), nested_locks={**access().nested_locks, id(self): inner})):
                yield
        finally:
            self._nested.discard(inner)
