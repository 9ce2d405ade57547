"""Calls of `async_to_sync()` in synchronous code of a task. Their tasks may use the transactions of that task."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from adj.abc import Connection
from adj.engines.lease.access import access, changed_access, set_access
from adj.engines.lease.contexts import Task, shares_context

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class NestedCall:
    """A call of `async_to_sync()` in synchronous code that a task runs: its tasks act for that task, which waits.

    They share the task's transactions. In a transaction, savepoints have to end in reverse order, and every statement
    belongs to the innermost one. So while one task is in an `atomic()` block, the others wait.
    """

    connections: tuple[Connection, ...]
    is_running: bool = True
    _holder: Task | None = None
    # Identifies the open block; the contexts of the code in it have the same object in `Access.block`.
    _open: object = None
    _depth: int = 0
    _closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin_block(self) -> None:
        """Wait until no other task is in a block, then keep the others out of the transaction."""
        await self.wait_for_open_block()
        if self._open is None:
            self._open, self._holder = object(), asyncio.current_task()
            self._closed = asyncio.Event()
            set_access(replace(access(), block=self._open))
        self._depth += 1

    def end_block(self) -> None:
        """Let the other tasks continue."""
        self._depth -= 1
        if not self._depth:
            self._open = self._holder = None
            self._closed.set()

    async def wait_for_open_block(self) -> None:
        """Wait until no block is open, except one that the current task is in."""
        while self._open is not None and not self._is_inside():
            await self._closed.wait()

    def excludes_current_task(self) -> bool:
        """Whether the current task was started in the open block by another task, and may not use its transaction."""
        return self._open is not None and asyncio.current_task() is not self._holder and self._is_inside()

    def in_same_block(self, call: Coroutine[object, None, T]) -> Coroutine[object, None, T]:
        """Let another task, which runs this coroutine, be in the block that the current task is in."""
        return _in_block(self._open if self._is_inside() else None, call)

    def _is_inside(self) -> bool:
        # The task that began the block, or one that was started in it. Tasks that share the context of the first
        # have the same block in it, but are outside.
        is_holder = asyncio.current_task() is self._holder
        return is_holder or (access().block is self._open and not shares_context(self._holder))


async def _in_block(block: object, call: Coroutine[object, None, T]) -> T:
    set_access(replace(access(), block=block))
    return await call


@contextmanager
def running_nested_call(nested_call: NestedCall) -> Generator[None]:
    """Let the current task, and the tasks that it starts in this block, act for a nested call until the block ends."""
    with changed_access(replace(access(), nested_call=nested_call)):
        try:
            yield
        finally:
            nested_call.is_running = False


def nested_call_for(connection: object) -> NestedCall | None:
    """The nested call that the current task belongs to, if it may use a connection's transaction."""
    call = access().nested_call
    if not isinstance(call, NestedCall) or not call.is_running:
        return None
    return call if any(each is connection for each in call.connections) else None


def is_nested_call_for(connection: object) -> bool:
    """Whether the current task belongs to a nested call that may use a connection's transaction."""
    return nested_call_for(connection) is not None
