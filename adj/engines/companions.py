"""The connections of all transactions that a task is in: code that runs on one of them finds the others too.

Each alias has a transaction of its own. Code that uses two databases has to meet both of their transactions, whichever
of the two connections it runs on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeAlias, TypeVar

from asgiref.sync import AsyncToSync

from adj.engines.async_to_sync import call_as_asgiref_does, call_by
from adj.engines.contexts import Kept, shares_context

P = ParamSpec("P")
T = TypeVar("T")

Users: TypeAlias = set["asyncio.Task[Any] | None"]
"""The tasks that may use a transaction; it changes while they come and go."""


@dataclass(frozen=True, slots=True)
class Companion:
    """The connection of a transaction: ours, Django's, its event loop, and the tasks that may use it."""

    connection: Any
    wrapper: Any
    users: Users
    loop: asyncio.AbstractEventLoop


Companions: TypeAlias = Kept[str, Companion]

_companions: ContextVar[Companions] = ContextVar("adj_companions", default=Kept())  # noqa: B039  # never changed


def join_companions(alias: str, companion: Companion) -> None:
    """From now on, in this context, a connection accompanies the others."""
    _companions.set(Kept({**_companions.get(), alias: companion}))


def leave_companions(alias: str, connection: Any) -> None:
    """A connection's transaction has ended."""
    now = _companions.get()
    if alias in now and now[alias].connection is connection:
        _companions.set(Kept({other: found for other, found in now.items() if other != alias}))


def companions() -> Iterator[tuple[str, Companion]]:
    """The connections by alias, of those transactions that the current task may use; the outermost first."""
    if found := _companions.get():
        task = asyncio.current_task()
        yield from (
            (alias, companion)
            for alias, companion in found.items()
            if task in companion.users or is_on_behalf(companion.connection)
        )


def acting_for_current(call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """What another task does for the current one, which waits: it is in the same transactions meanwhile."""
    return _acting([companion.users for _, companion in companions()], call)


async def _acting(users: list[Users], call: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    for each in users:
        each.add(task)
    try:
        return await call
    finally:
        for each in users:
            each.discard(task)


_block: ContextVar[object] = ContextVar("adj_block", default=None)


@dataclass(eq=False, slots=True)
class Errand:
    """Asynchronous code that synchronous code has called, and waits for: its tasks act for the one that waits.

    They share one transaction, in which savepoints end in the opposite order of their start, and in which whatever
    comes between belongs to the last one. So while one task is in a block, the others wait.
    """

    connections: tuple[Any, ...]
    is_running: bool = True
    _holder: asyncio.Task[Any] | None = None
    # The block that is open, as the contexts of the code in it know it.
    _open: object = None
    _depth: int = 0
    _closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin_block(self) -> None:
        """Wait until no other task is in a block, and keep the others from the transaction."""
        await self.admission()
        if self._open is None:
            self._open, self._holder = object(), asyncio.current_task()
            self._closed = asyncio.Event()
            _block.set(self._open)
        self._depth += 1

    def end_block(self) -> None:
        """Let the others go on."""
        self._depth -= 1
        if not self._depth:
            self._open = self._holder = None
            self._closed.set()

    async def admission(self) -> None:
        """Wait until no block is open, but for one that the current task is in."""
        while self._open is not None and not self._is_inside():
            await self._closed.wait()

    def refuses(self) -> bool:
        """Whether the current task was started in the open block, which is another one's."""
        return self._open is not None and asyncio.current_task() is not self._holder and self._is_inside()

    def continued(self, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """What the current task waits for while another task does it: it is in the block if this one is."""
        return _in_block(self._open if self._is_inside() else None, call)

    def _is_inside(self) -> bool:
        # The task that has begun the block, or one that was started in it; their variable is also that of the tasks
        # which share its context.
        is_holder = asyncio.current_task() is self._holder
        return is_holder or (_block.get() is self._open and not shares_context(self._holder))


async def _in_block(block: object, call: Coroutine[Any, Any, T]) -> T:
    _block.set(block)
    return await call


_errand: ContextVar[Errand | None] = ContextVar("adj_errand", default=None)


def has_companions() -> bool:
    """Whether the current code is in a transaction, or was started in one."""
    return bool(_companions.get())


def new_errand() -> Errand:
    """An errand for those transactions that the current task may use."""
    return Errand(tuple(companion.connection for _, companion in companions()))


@contextmanager
def running(started: Errand) -> Generator[None]:
    """Let the current task, and those that it starts in the block, run an errand, until the block's end."""
    with _known(started):
        try:
            yield
        finally:
            started.is_running = False


def call_on_errand(started: Errand, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread; asynchronous code that it calls there may use the transactions of its caller."""

    def call(wrapped: Any, args: Any, kwargs: Any) -> Any:
        async def on_errand() -> Any:
            # In its own context, not in the thread's, which a cancelled `sync_to_async()` gives to its caller.
            with _known(started):
                return await wrapped.awaitable(*args, **kwargs)

        return call_as_asgiref_does(AsyncToSync(on_errand, wrapped.force_new_loop))

    before = call_by(call)
    try:
        return function(*args, **kwargs)
    finally:
        call_by(before)
        started.is_running = False


@contextmanager
def _known(started: Errand) -> Generator[None]:
    token = _errand.set(started)
    try:
        yield
    finally:
        _errand.reset(token)


def errand_for(connection: Any) -> Errand | None:
    """The errand that the current task runs, of one that may use a connection's transaction."""
    found = _errand.get()
    is_ours = found is not None and found.is_running and any(each is connection for each in found.connections)
    return found if is_ours else None


def is_on_behalf(connection: Any) -> bool:
    """Whether the current task runs an errand of one that may use a connection's transaction."""
    return errand_for(connection) is not None
