"""What the running code may use: its transactions, blocks and connections, in one context variable.

Each alias has its own transaction. Code that uses two databases has to find both transactions, no matter which of the
two connections it runs on. Asynchronous code that synchronous code calls with `async_to_sync()` may use what its caller
may use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, TypeAlias

from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection, Engine
from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.lease.contexts import Task

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

    transactions: Mapping[str, OpenTransaction] = field(default_factory=dict)
    """The transactions by alias, outermost first, including those that have ended or belong to another task."""

    native_blocks: tuple[NativeBlock, ...] = ()
    """The `native()` blocks around the code, innermost first."""

    nested_call: object = None
    """The `NestedCall` that the code runs in; None if there is none."""

    block: object = None
    """The `atomic()` block that the code is in, of those in `nested_call`."""

    nested_locks: Mapping[int, asyncio.Lock] = field(default_factory=dict)
    """By the `id()` of a `ConnectionLock`: the lock to use while the caller of the code holds that one."""

    preferred: str = DEFAULT_DB_ALIAS
    """The alias of code that does not name one."""

    __hash__ = None  # type: ignore[assignment]  # unused, and it would be the same for all

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Access)

    def __ne__(self, other: object) -> bool:
        return not self == other


_FIELDS = tuple(each.name for each in fields(Access))

_access: ContextVar[Access] = ContextVar("adj_access", default=Access())  # noqa: B039  # never changed

access = _access.get
"""What the running code may use."""


def set_access(changed: Access) -> None:
    """Use `changed`, a `replace(access(), ...)`, from here on in the current context."""
    _access.set(changed)


@contextmanager
def changed_access(changed: Access) -> Generator[None]:
    """Use `changed`, a `replace(access(), ...)`, in a block. At its end, its changes are taken back."""
    before = access()
    _access.set(changed)
    try:
        yield
    finally:
        # Not with a token: other fields may have changed, and the block of a pytest fixture may end in another context.
        _access.set(replace(access(), **_differences(before, changed)))


def _differences(one: Access, other: Access) -> dict[str, Any]:
    """The fields of the first one that differ. Any: the fields have several types."""
    return {name: value for name in _FIELDS if (value := getattr(one, name)) is not getattr(other, name)}
