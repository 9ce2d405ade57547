"""`async with native():` Django's own asynchronous methods on adj's engine, without a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection, Engine
from adj.completion import to_its_end
from adj.engines.bridge.thread_sensitive import LastingContext
from adj.engines.lease.access import access, changed_access
from adj.engines.lease.task_transactions import has_transactions, on_behalf_of_current_task
from adj.execution.databases import executor_for
from adj.execution.transaction import current


@asynccontextmanager
async def native(using: str | None = None) -> AsyncGenerator[None]:
    """Inside, Django's own a-methods and `sync_to_async(code)` run on adj's engine for an alias, or for `default`.

    On PostgreSQL's native engine that is on the event loop, in a greenlet: `await book.asave()`, `await
    Book.objects.aget(pk=1)` and third-party code need no thread. They run one after another, as Django runs them, on a
    connection that goes back after each call, unless something is open on it that the next one may need: a cursor, a
    transaction, a changed session. Then the block keeps it, and its other queries and transactions use it too;
    otherwise queries of adj have connections of their own, and so has `run_sync()`, which uses the alias's engine in
    the block. Code that waits for something else than the database belongs in
    `sync_to_async(code, thread_sensitive=False)`.

    On threads, each call takes a worker thread and its connection, and gives both back, or keeps them in the same
    cases. Two calls may therefore run on different threads: keep state in context variables or asgiref's `Local`, not
    in `threading.local`.

    A task that was started in the block may outlive it: each of its calls then takes a connection for itself.

    Changes nothing inside of `atomic()`, which does the same with its own connection.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if current(alias) is not None:
        yield
        return
    shared = _SharedConnection((await executor_for(alias)).engine)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(shared.close)
        stack.enter_context(changed_access(preferred=alias, native_blocks=(shared, *access().native_blocks)))
        if (context := shared.context()) is not None:
            await stack.enter_async_context(context)
        yield


class _SharedConnection:
    """The connection of a block, for as long as one of its calls needs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lent: _Lent | None = None
        self._taking = asyncio.Lock()
        self._is_closed = False

    def context(self) -> LastingContext | None:
        """What lets asgiref use the connection; None where it would in any case."""
        executor = self._engine.thread_executor(self.run)
        return None if executor is None else LastingContext(executor)

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run a function on the connection, in the transactions of the task that calls this.

        After the end of the block it runs on a connection that is taken for this once.
        """
        return on_behalf_of_current_task(self._run(function, *args, **kwargs))

    async def _run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        lent = await self._take()
        try:
            return await lent.connection.run(function, *args, **kwargs)
        finally:
            await self._leave(lent)

    async def close(self) -> None:
        """End the block: the connection goes back as soon as nobody uses it.

        Within a transaction the calls that still run are waited for: they may have its connection as well.
        """
        self._is_closed = True
        if (lent := self._lent) is not None:
            self._lent = None
            lent.users += 1
            try:
                if lent.users > 1 and has_transactions():
                    await to_its_end(lent.others_left())
            finally:
                await self._leave(lent)

    def join(self, engine: Engine, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
        """The connection, for a query or a transaction in the block, while something is open on it; otherwise None.

        An exclusive one keeps the block's other calls waiting.
        """
        lent = self._lent
        if lent is None or engine is not self._engine or self._taking.locked() or not lent.connection.is_needed():
            return None
        return self._joined(lent, exclusive)

    @asynccontextmanager
    async def _joined(self, lent: _Lent, exclusive: bool) -> AsyncGenerator[Connection]:
        lent.users += 1
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._leave, lent)
            if exclusive:
                await stack.enter_async_context(self._taking)
            yield lent.connection

    async def _take(self) -> _Lent:
        async with self._taking:
            lent = self._lent or await self._take_new()
            lent.users += 1
            if not self._is_closed:
                self._lent = lent
            return lent

    async def _take_new(self) -> _Lent:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._engine.connection())
            connection.share(may_return=True)
            return _Lent(connection, stack.pop_all().aclose)

    async def _leave(self, lent: _Lent) -> None:
        """One user less. The last one gives the connection back, unless the block's next call may need it."""
        lent.users -= 1
        if lent.users == 1 and lent.closing is not None:
            lent.closing.set()
        if lent.users or (lent is self._lent and lent.connection.is_needed()):
            return
        if lent is self._lent:
            self._lent = None
        await to_its_end(lent.give_back())


@dataclass(eq=False, slots=True)
class _Lent:
    """A connection, and how many calls use it or wait for it."""

    connection: Connection
    give_back: Callable[[], Coroutine[Any, Any, None]]
    users: int = 0
    closing: asyncio.Event | None = None

    async def others_left(self) -> None:
        """Wait until only the caller uses it."""
        self.closing = asyncio.Event()
        await self.closing.wait()
