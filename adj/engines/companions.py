"""The connections of all transactions that a task is in: code that runs on one of them finds the others too.

Each alias has a transaction of its own. Code that uses two databases has to meet both of their transactions, whichever
of the two connections it runs on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Users: TypeAlias = Collection["asyncio.Task[Any] | None"]
"""The tasks that may use a transaction; it changes while they come and go."""

Companions: TypeAlias = Mapping[str, tuple[Any, Users]]

_companions: ContextVar[Companions] = ContextVar("adj_companions", default={})  # noqa: B039  # never changed


def join_companions(alias: str, connection: Any, users: Users) -> None:
    """From now on, in this context, a connection accompanies the others."""
    _companions.set({**_companions.get(), alias: (connection, users)})


def leave_companions(alias: str, connection: Any) -> None:
    """A connection's transaction has ended."""
    now = _companions.get()
    if alias in now and now[alias][0] is connection:
        _companions.set({other: found for other, found in now.items() if other != alias})


def companions() -> Iterator[tuple[str, Any]]:
    """The connections by alias, of those transactions that the current task may use; the outermost first."""
    if found := _companions.get():
        task = asyncio.current_task()
        yield from (
            (alias, connection)
            for alias, (connection, users) in found.items()
            if task in users or is_on_behalf(connection)
        )


@dataclass(eq=False, slots=True)
class Errand:
    """Asynchronous code that synchronous code has called, and waits for: its tasks act for the one that waits."""

    connections: tuple[Any, ...]
    is_running: bool = True
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _holder: asyncio.Task[Any] | None = None
    _depth: int = 0

    async def begin_block(self) -> None:
        """Wait until no other task of the errand is in a block: savepoints end in the opposite order of their start."""
        task = asyncio.current_task()
        if self._holder is not task:
            await self._lock.acquire()
            self._holder = task
        self._depth += 1

    def end_block(self) -> None:
        """Let the next task begin one."""
        self._depth -= 1
        if not self._depth:
            self._holder = None
            self._lock.release()


_errand: ContextVar[Errand | None] = ContextVar("adj_errand", default=None)


@contextmanager
def errand() -> Generator[None]:
    """Let the tasks that are started in the block use the transactions that the current one may, until its end."""
    started = Errand(tuple(connection for _, connection in companions()))
    token = _errand.set(started)
    try:
        yield
    finally:
        started.is_running = False
        _errand.reset(token)


def errand_for(connection: Any) -> Errand | None:
    """The errand that the current task runs, of one that may use a connection's transaction."""
    return _errand.get() if is_on_behalf(connection) else None


def is_on_behalf(connection: Any) -> bool:
    """Whether the current task runs an errand of one that may use a connection's transaction."""
    found = _errand.get()
    return found is not None and found.is_running and any(each is connection for each in found.connections)
