"""`async with native():` runs Django's own async methods on adj's engine, without a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection, Engine
from adj.completion import to_its_end
from adj.engines.bridge.async_methods import LastingContext
from adj.engines.lease.access import access, changed_access
from adj.engines.lease.task_transactions import has_transactions, on_behalf_of_current_task
from adj.execution.databases import executor_for
from adj.execution.transaction import current


@asynccontextmanager
async def native(using: str | None = None) -> AsyncGenerator[None]:
    """Run Django's own async methods, and functions passed to `sync_to_async()`, on adj's engine inside the block.

    ```python
    async with native():
        await book.asave()
    ```

    `using` is the alias, `default` if omitted. With the native PostgreSQL engine, the calls run in greenlets on the
    event loop: `await book.asave()` and third-party code need no thread. As in Django they run one after another. Each
    call checks out a connection and returns it to the pool, unless a later call may need its state: an open cursor or
    transaction, or a changed session. In that case the block keeps the connection, and its other queries and
    transactions use it too. Otherwise adj's queries and `run_sync()` use other connections; `run_sync()` uses the
    alias's engine in the block. Call code that does not use the database with
    `sync_to_async(code, thread_sensitive=False)`.

    With the threads engine, each call uses a worker thread and its connection in the same way. Calls may therefore run
    on different threads: keep state in context variables or asgiref's `Local`, not in `threading.local`.

    A task that was started in the block may outlive it; each of its calls then checks out a connection.

    The block has no effect inside `atomic()`, which does the same with the transaction's connection.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if current(alias) is not None:
        yield
        return
    shared = _SharedConnection((await executor_for(alias)).engine)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(shared.close)
        blocks = (shared, *access().native_blocks)
        stack.enter_context(changed_access(replace(access(), preferred=alias, native_blocks=blocks)))
        if (context := shared.context()) is not None:
            await stack.enter_async_context(context)
        yield


class _SharedConnection:
    """The connection of a block, while one of its calls needs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._current: _CheckedOut | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    def context(self) -> LastingContext | None:
        """The context in which asgiref uses the connection; None if it uses the engine's connection anyway."""
        executor = self._engine.thread_executor(self.run)
        return None if executor is None else LastingContext(executor)

    def run(self, function: Callable[..., Any], /, *args: object, **kwargs: object) -> Coroutine[object, None, Any]:
        """Run a function on the connection, in the transactions of the calling task.

        After the end of the block it runs on a connection that is checked out for this call.
        """
        return on_behalf_of_current_task(self._run(function, *args, **kwargs))

    async def _run(self, function: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
        shared = await self._check_out()
        try:
            return await shared.connection.run(function, *args, **kwargs)
        finally:
            await self._leave(shared)

    async def close(self) -> None:
        """End the block: the connection is returned to the pool when its last call has ended.

        Inside a transaction, this waits for the running calls, which may use the transaction's connection as well.
        """
        self._is_closed = True
        if (shared := self._current) is not None:
            self._current = None
            shared.users += 1
            try:
                if shared.users > 1 and has_transactions():
                    await to_its_end(shared.others_left())
            finally:
                await self._leave(shared)

    def join(self, engine: Engine, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
        """The block's connection, for a query or a transaction, while it has state that is needed; otherwise None.

        While it is exclusive, the block's other calls wait.
        """
        shared = self._current
        if shared is None or engine is not self._engine or self._lock.locked() or not shared.connection.is_needed():
            return None
        return self._joined(shared, exclusive)

    @asynccontextmanager
    async def _joined(self, shared: _CheckedOut, exclusive: bool) -> AsyncGenerator[Connection]:
        shared.users += 1
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._leave, shared)
            if exclusive:
                await stack.enter_async_context(self._lock)
            yield shared.connection

    async def _check_out(self) -> _CheckedOut:
        async with self._lock:
            shared = self._current or await self._check_out_new()
            shared.users += 1
            if not self._is_closed:
                self._current = shared
            return shared

    async def _check_out_new(self) -> _CheckedOut:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._engine.connection())
            connection.share(may_return=True)
            return _CheckedOut(connection, stack.pop_all().aclose)

    async def _leave(self, shared: _CheckedOut) -> None:
        """End a use. The last one returns the connection to the pool, unless the next call may need its state."""
        shared.users -= 1
        if shared.users == 1 and shared.closing is not None:
            shared.closing.set()
        if shared.users or (shared is self._current and shared.connection.is_needed()):
            return
        if shared is self._current:
            self._current = None
        await to_its_end(shared.return_to_pool())


@dataclass(eq=False, slots=True)
class _CheckedOut:
    """A connection that is checked out, and the number of calls that use it or wait for it."""

    connection: Connection
    return_to_pool: Callable[[], Coroutine[object, None, None]]
    users: int = 0
    closing: asyncio.Event | None = None

    async def others_left(self) -> None:
        """Wait until only the caller uses the connection."""
        self.closing = asyncio.Event()
        await self.closing.wait()
