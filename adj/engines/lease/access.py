"""What the running code may use: its transactions, blocks and connections, in one context variable.

Each alias has its own transaction. Code that uses two databases has to find both transactions, no matter which of the
two connections it runs on. Asynchronous code that synchronous code calls with `async_to_sync()` may use what its caller
may use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar, Unpack, cast

from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection, Engine
from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.lease.contexts import Task, shares_context

T = TypeVar("T")

Users: TypeAlias = set[Task | None]
"""The tasks that may use a transaction. The set changes as tasks start and end."""


@dataclass(frozen=True, slots=True)
class TransactionHandle:
    """How other code reaches a transaction: its connection, Django's wrapper, its event loop and its users."""

    connection: Connection
    wrapper: DjangoWrapper
    users: Users
    loop: asyncio.AbstractEventLoop


class OpenTransaction(Protocol):
    """A transaction that has begun."""

    @property
    def handle(self) -> TransactionHandle:
        """How code on the connections of the task's other transactions reaches it."""
        ...


class NativeBlock(Protocol):
    """A block of `native()`, which may keep a connection between calls."""

    def join(self, engine: Engine, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
        """The connection of an engine that the block keeps; None if it keeps none, or if it is in exclusive use."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What the running code may use.

    After Django has sent a signal to asynchronous receivers, it copies the context variables that differ to the
    caller. This value must stay in its own context, so all instances compare equal.
    """

    transactions: Mapping[str, OpenTransaction] = MappingProxyType({})
    """The transactions by alias, outermost first, including those that have ended or belong to another task."""

    native_blocks: tuple[NativeBlock, ...] = ()
    """The `native()` blocks around the code, innermost first."""

    nested_call: NestedCall | None = None
    """The call of `async_to_sync()` that the code runs in."""

    block: object = None
    """The `atomic()` block that the code is in, of those in `nested_call`."""

    nested_locks: Mapping[int, asyncio.Lock] = MappingProxyType({})
    """By the `id()` of a `ConnectionLock`: the lock to use while the caller of the code holds that one."""

    preferred: str = DEFAULT_DB_ALIAS
    """The alias of code that does not name one."""

    __hash__ = None  # type: ignore[assignment]  # unused, and it would be the same for all

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Access)

    def __ne__(self, other: object) -> bool:
        return not self == other


class Changes(TypedDict, total=False):
    """The fields of `Access`, to be changed."""

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
    """Change fields of `Access` in the current context."""
    _access.set(replace(access(), **changes))


@contextmanager
def changed_access(**changes: Unpack[Changes]) -> Generator[None]:
    """Change fields of `Access` in a block. At its end, these fields get their previous values."""
    before = cast("Changes", {name: getattr(access(), name) for name in changes})
    change_access(**changes)
    try:
        yield
    finally:
        # Not with a token: other fields may have changed, and the block of a pytest fixture may end in another context.
        change_access(**before)


# -- transactions ------------------------------------------------------------------------------------------------------


def has_transactions() -> bool:
    """Whether the current code is in a transaction, or was started in one."""
    return bool(access().transactions)


def transaction_handles() -> Iterator[tuple[str, TransactionHandle]]:
    """The transactions that the current task may use, by alias, outermost first."""
    if transactions := access().transactions:
        task = asyncio.current_task()
        for alias, transaction in transactions.items():
            handle = transaction.handle
            if task in handle.users or is_nested_call_for(handle.connection):
                yield alias, handle


def on_behalf_of_current_task(call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Let another task, which runs this coroutine, use the transactions of the current task, which waits for it."""
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


# -- nested calls ------------------------------------------------------------------------------------------------------


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
            change_access(block=self._open)
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

    def in_same_block(self, call: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Let another task, which runs this coroutine, be in the block that the current task is in."""
        return _in_block(self._open if self._is_inside() else None, call)

    def _is_inside(self) -> bool:
        # The task that began the block, or one that was started in it. Tasks that share the context of the first
        # have the same block in it, but are outside.
        is_holder = asyncio.current_task() is self._holder
        return is_holder or (access().block is self._open and not shares_context(self._holder))


async def _in_block(block: object, call: Coroutine[Any, Any, T]) -> T:
    change_access(block=block)
    return await call


def new_nested_call() -> NestedCall:
    """A nested call with the transactions that the current task may use."""
    return NestedCall(tuple(handle.connection for _, handle in transaction_handles()))


@contextmanager
def running_nested_call(nested_call: NestedCall) -> Generator[None]:
    """Let the current task, and the tasks that it starts in this block, act for a nested call until the block ends."""
    with changed_access(nested_call=nested_call):
        try:
            yield
        finally:
            nested_call.is_running = False


def nested_call_for(connection: object) -> NestedCall | None:
    """The nested call that the current task belongs to, if it may use a connection's transaction."""
    call = access().nested_call
    is_for_it = call is not None and call.is_running and any(each is connection for each in call.connections)
    return call if is_for_it else None


def is_nested_call_for(connection: object) -> bool:
    """Whether the current task belongs to a nested call that may use a connection's transaction."""
    return nested_call_for(connection) is not None
