"""One after another on a connection that several tasks may reach, as those of a transaction may.

What Django's code calls while it has its turn, and waits for, is part of that turn: within it there are turns anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager

from adj.engines.lease.access import access, having


class Turns:
    """The turns on one connection."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._inner: set[asyncio.Lock] = set()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for a turn, and keep it until the block ends."""
        inner = access().turns.get(id(self))
        return inner if inner in self._inner else self._lock

    @contextmanager
    def anew(self) -> Generator[None]:
        """The tasks of this context, which is nobody else's, are part of the turn that somebody has meanwhile."""
        inner = asyncio.Lock()
        self._inner.add(inner)
        try:
            with having(turns={**access().turns, id(self): inner}):
                yield
        finally:
            self._inner.discard(inner)
