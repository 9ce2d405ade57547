"""What the running code may use: one value in its context, which belongs to the task and not to the code.

Each alias has a transaction of its own. Code that uses two databases has to meet both of their transactions, whichever
of the two connections it runs on. Asynchronous code that synchronous code has called uses what its caller may use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar, Unpack

from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection
from adj.engines.lease.contexts import shares_context

T = TypeVar("T")

Users: TypeAlias = set["asyncio.Task[Any] | None"]
"""The tasks that may use a transaction; it changes while they come and go."""


@dataclass(frozen=True, slots=True)
class TransactionHandle:
    """The connection of a transaction: ours, Django's, its event loop, and the tasks that may use it."""

    connection: Any
    wrapper: Any
    users: Users
    loop: asyncio.AbstractEventLoop


class OpenTransaction(Protocol):
    """A transaction that has begun."""

    @property
    def handle(self) -> TransactionHandle:
        """What code on the connections of the task's other transactions needs of it."""
        ...


class NativeBlock(Protocol):
    """A block of `native()`, which may keep a connection."""

    def join(self, engine: Any, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
        """The connection that the block keeps of an engine, if it does and nobody has it exclusively."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What the running code may use.

    When Django has sent a signal to asynchronous receivers, it gives its caller what differs in their context. This
    stays where it is: it says that it does not differ.
    """

    transactions: Mapping[str, OpenTransaction] = MappingProxyType({})
    """The transactions by alias, also those that have ended or are another task's; the outermost first."""

    native_blocks: tuple[NativeBlock, ...] = ()
    """The `native()` blocks around the code; the innermost first."""

    nested_call: NestedCall | None = None
    """What the code does for synchronous code that waits for it."""

    block: object = None
    """The block of the errand that the code is in."""

    nested_locks: Mapping[int, asyncio.Lock] = MappingProxyType({})
    """For connections by the `id()` of their turns: the turns within a turn that the caller of the code has."""

    preferred: str = DEFAULT_DB_ALIAS
    """The alias where code goes that names none."""

    __hash__ = None  # type: ignore[assignment]  # nobody needs it, and all would be the same

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Access)

    def __ne__(self, other: object) -> bool:
        return not self == other


class Changes(TypedDict, total=False):
    """The fields of `Access`."""

    transactions: Mapping[str, OpenTransaction]
    native_blocks: tuple[NativeBlock, ...]
    nested_call: NestedCall | None
    block: object
    nested_locks: Mapping[int, asyncio.Lock]
    preferred: str


_access: ContextVar[Access] = ContextVar("adj_access", default=Access())  # noqa: B039  # never changed

access = _access.get
"""What the running code may use."""


def change_access(**changes: Unpack[Changes]) -> None:
    """From now on the code of this context may use something else."""
    _access.set(replace(access(), **changes))


@contextmanager
def changed_access(**changes: Unpack[Changes]) -> Generator[None]:
    """A block whose code may use something else; its end gives these fields the values that they had."""
    before: Any = {name: getattr(access(), name) for name in changes}
    change_access(**changes)
    try:
        yield
    finally:
        # Not by a token: the other fields may have changed, and a fixture's block may end in another context.
        change_access(**before)


# -- transactions ------------------------------------------------------------------------------------------------------


def has_transactions() -> bool:
    """Whether the current code is in a transaction, or was started in one."""
    return bool(access().transactions)


def transaction_handles() -> Iterator[tuple[str, TransactionHandle]]:
    """The connections by alias, of those transactions that the current task may use; the outermost first."""
    if transactions := access().transactions:
        task = asyncio.current_task()
        for alias, transaction in transactions.items():
            handle = transaction.handle
            if task in handle.users or is_nested_call_for(handle.connection):
                yield alias, handle


def on_behalf_of_current_task(call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """What another task does for the current one, which waits: it is in the same transactions meanwhile."""
    return _on_behalf_of([handle.users for _, handle in transaction_handles()], call)


async def _on_behalf_of(users: list[Users], call: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    for each in users:
        each.add(task)
    try:
        return await call
    finally:
        for each in users:
            each.discard(task)


# -- errands -----------------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class NestedCall:
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
        await self.wait_for_open_block()
        if self._open is None:
            self._open, self._holder = object(), asyncio.current_task()
            self._closed = asyncio.Event()
            change_access(block=self._open)
        self._depth += 1

    def end_block(self) -> None:
        """Let the others go on."""
        self._depth -= 1
        if not self._depth:
            self._open = self._holder = None
            self._closed.set()

    async def wait_for_open_block(self) -> None:
        """Wait until no block is open, but for one that the current task is in."""
        while self._open is not None and not self._is_inside():
            await self._closed.wait()

    def excludes_current_task(self) -> bool:
        """Whether the current task was started in the open block, which is another one's."""
        return self._open is not None and asyncio.current_task() is not self._holder and self._is_inside()

    def in_same_block(self, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """What the current task waits for while another task does it: it is in the block if this one is."""
        return _in_block(self._open if self._is_inside() else None, call)

    def _is_inside(self) -> bool:
        # The task that has begun the block, or one that was started in it; what they may use is also that of the
        # tasks which share its context.
        is_holder = asyncio.current_task() is self._holder
        return is_holder or (access().block is self._open and not shares_context(self._holder))


async def _in_block(block: object, call: Coroutine[Any, Any, T]) -> T:
    change_access(block=block)
    return await call


def new_nested_call() -> NestedCall:
    """An errand for those transactions that the current task may use."""
    return NestedCall(tuple(handle.connection for _, handle in transaction_handles()))


@contextmanager
def running_nested_call(nested_call: NestedCall) -> Generator[None]:
    """Let the current task, and those that it starts in the block, run an errand, until the block's end."""
    with changed_access(nested_call=nested_call):
        try:
            yield
        finally:
            nested_call.is_running = False


def nested_call_for(connection: Any) -> NestedCall | None:
    """The errand that the current task runs, of one that may use a connection's transaction."""
    call = access().nested_call
    is_for_it = call is not None and call.is_running and any(each is connection for each in call.connections)
    return call if is_for_it else None


def is_nested_call_for(connection: Any) -> bool:
    """Whether the current task runs an errand of one that may use a connection's transaction."""
    return nested_call_for(connection) is not None
