"""One after another on a connection that several tasks may reach, as those of a transaction may.

What Django's code calls while it has its turn, and waits for, is part of that turn: within it there are turns anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar

_locks: ContextVar[Mapping[int, asyncio.Lock]] = ContextVar("adj_turns", default={})  # noqa: B039  # never changed


class Turns:
    """The turns on one connection."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and keep it until the block ends."""
        async with _locks.get().get(id(self), self._lock):
            token = _locks.set({**_locks.get(), id(self): asyncio.Lock()})
            try:
                yield
            finally:
                _locks.reset(token)
