"""One after another on a connection that several tasks may reach, as those of a transaction may.

What Django's code calls while it has its turn, and waits for, is part of that turn: within it there are turns anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager

from adj.engines.lease.access import access, changed_access


class ConnectionLock:
    """The turns on one connection."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._nested: set[asyncio.Lock] = set()

    def hold(self) -> AbstractAsyncContextManager[None]:
        """Wait for a turn, and keep it until the block ends."""
        inner = access().nested_locks.get(id(self))
        return inner if inner in self._nested else self._lock

    @contextmanager
    def nested(self) -> Generator[None]:
        """The tasks of this context, which is nobody else's, are part of the turn that somebody has meanwhile."""
        inner = asyncio.Lock()
        self._nested.add(inner)
        try:
            with changed_access(nested_locks={**access().nested_locks, id(self): inner}):
                yield
        finally:
            self._nested.discard(inner)
