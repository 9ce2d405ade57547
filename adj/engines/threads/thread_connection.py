"""The base class of connections that live on a thread: everything they do is a call that runs there."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

from adj.abc import Command, DatabaseRow
from adj.completion import to_its_end
from adj.engines.bridge.loop_calls import call_with_connections
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.lease.lease import Lease
from adj.engines.lease.task_transactions import has_transactions, on_behalf_of_current_task, transaction_handles
from adj.engines.threads.blocking_calls import fetch_all
from adj.engines.threads.chunked_cursor import ChunkedCursor, close_opened_and_call
from adj.engines.threads.opened import Opened
from adj.engines.threads.thread_copy import ThreadCopy
from adj.engines.watching.watchers import watchers_of_others

if TYPE_CHECKING:
    from typing import Self

P = ParamSpec("P")
T = TypeVar("T")

OtherConnections: TypeAlias = "tuple[Wrappers, asyncio.AbstractEventLoop | None]"
"""The connections of other transactions by alias, and the event loop that some of them belong to."""


class ThreadConnection(ABC):
    """A Django connection, used on its thread."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._lease = Lease(alias)
        self._opened: Opened = set()

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code on the thread, where `connections[alias]` is this connection."""
        self._lease.check()
        return await self._run_with(self._other_connections(), function, *args, **kwargs)

    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with a last call, which runs after the calls that were made before."""
        self._lease.leave()
        return await self._run(close_opened_and_call, self._opened, function, *args, **kwargs)

    async def run_with(self, wrappers: Wrappers, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`run()` with other connections as well, which belong to the running event loop."""
        self._lease.check()
        loop = asyncio.get_running_loop()
        others, _ = self._other_connections()
        return await self._run_with(({**others, **wrappers}, loop), function, *args, **kwargs)

    async def _run_with(
        self, connections: OtherConnections, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        wrappers, loop = connections
        if not wrappers:
            return await self._run(function, *args, **kwargs)
        call_with = partial(call_with_connections, wrappers, loop, watchers_of_others(self._alias))
        return await self._run_with_connections(call_with, function, *args, **kwargs)

    async def _run_with_connections(
        self, call_with: Callable[..., T], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run code on the thread with other connections, which `call_with` puts there.

        A thread cannot be stopped, and a transaction must not end while a thread uses its connection. So this is not
        cancelled.
        """
        return await to_its_end(on_behalf_of_current_task(self._run(call_with, function, *args, **kwargs)))

    def _other_connections(self) -> OtherConnections:
        """The connections of the task's other transactions, and the event loop that some of them belong to."""
        if not has_transactions():
            return {}, None
        others = {alias: handle for alias, handle in transaction_handles() if handle.connection is not self}
        loops = [handle.loop for handle in others.values() if not isinstance(handle.connection, ThreadConnection)]
        wrappers = {alias: handle.wrapper for alias, handle in others.items() if alias != self._alias}
        return wrappers, loops[0] if loops else None

    @abstractmethod
    async def _run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run code on the thread, without a check of the lease."""

    def for_other_loop(self) -> Self:
        """The connection for code on another event loop."""
        return self

    def end(self) -> None:
        """End the lease: code that still has this object must not reach the connection."""
        self._lease.end()

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` returns for its rows, in one call on the thread."""
        return await self.run(fetch_all, self._alias, command, receive)

    def cursor(self, command: Command, size: int) -> ChunkedCursor:
        """Run a statement, whose rows are fetched in chunks. The cursor is closed when the block ends."""
        return ChunkedCursor(self, self._alias, command, size, self._opened)

    def copy(self, statement: str) -> ThreadCopy:
        """Run `COPY ... FROM STDIN`. The statement ends with the block."""
        return ThreadCopy(self, self._alias, statement, self._opened)

    @property
    def patience(self) -> float:
        """No limit, since a thread that waits for its server cannot be stopped. A deadline only releases its caller."""
        return math.inf

    def was_not_started(self, error: Exception) -> bool:
        """False: it is not known. With CONN_HEALTH_CHECKS, Django checks connections before it uses them."""
        return False

    def is_needed(self) -> bool:
        """True: a thread keeps its connection, as Django's threads do."""
        return True

    def share(self, *, may_return: bool = False) -> None:  # noqa: B027  # optional
        """Several tasks may use it. Calls already run in order."""
