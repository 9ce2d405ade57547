"""`async with native():` Django's own asynchronous methods on adj's engine, without a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection
from adj.databases import executor_for, preferring
from adj.engines.companions import acting_for_current
from adj.executor import Executor
from adj.persist import to_its_end
from adj.transaction import current


@asynccontextmanager
async def native(using: str | None = None) -> AsyncGenerator[None]:
    """Inside, Django's own a-methods and `sync_to_async(code)` run on adj's engine for an alias, or for `default`.

    On PostgreSQL's native engine that is on the event loop, in a greenlet: `await book.asave()`, `await
    Book.objects.aget(pk=1)` and third-party code need no thread. They run one after another, as Django runs them, on a
    connection that goes back after each call, unless something is open on it that the next one may need: a cursor, a
    transaction, a changed session. Queries of adj have connections of their own, and so has `run_sync()`, which uses
    the alias's engine in the block. Code that waits for something else than the database belongs in
    `sync_to_async(code, thread_sensitive=False)`.

    Changes nothing inside of `atomic()`, which does the same with its own connection.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if current(alias) is not None:
        yield
        return
    shared = _SharedConnection(await executor_for(alias))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(shared.close)
        stack.enter_context(preferring(alias))
        if (context := shared.context()) is not None:
            await stack.enter_async_context(context)
        yield


class _SharedConnection:
    """The connection of a block, for as long as one of its calls needs it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lent: _Lent | None = None
        self._taking = asyncio.Lock()
        self._is_closed = False

    def context(self) -> ThreadSensitiveContext | None:
        """What lets asgiref use the connection; None where it would in any case."""
        executor = self._executor.engine.thread_executor(self.run)
        return None if executor is None else ThreadSensitiveContext(executor=executor)

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Run a function on the connection, in the transactions of the task that calls this.

        Raises `RuntimeError` after the end of the block.
        """
        return acting_for_current(self._run(function, *args, **kwargs))

    async def _run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        lent = await self._take()
        try:
            return await lent.connection.run(function, *args, **kwargs)
        finally:
            lent.users -= 1
            if lent is self._lent and not lent.users and not lent.connection.is_needed():
                self._lent = None
                await to_its_end(lent.give_back())

    async def close(self) -> None:
        """Give the connection back, after what runs on it; what waits for its turn is refused."""
        self._is_closed = True
        lent, self._lent = self._lent, None
        if lent is not None:
            try:
                await to_its_end(lent.connection.leave(_nothing))
            finally:
                await to_its_end(lent.give_back())

    async def _take(self) -> _Lent:
        async with self._taking:
            self._check_open()
            if self._lent is None:
                self._lent = await self._take_new()
            self._lent.users += 1
            return self._lent

    async def _take_new(self) -> _Lent:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._executor.engine.connection())
            # The block may have ended meanwhile; it does not wait for a connection that comes late.
            self._check_open()
            connection.share()
            return _Lent(connection, stack.pop_all().aclose)

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the block of adj.native() that this was started in has ended.")


@dataclass(eq=False, slots=True)
class _Lent:
    """A connection, and how many calls use it or wait for it."""

    connection: Connection
    give_back: Callable[[], Coroutine[Any, Any, None]]
    users: int = 0


def _nothing() -> None:
    """Wait for a turn, and leave it."""
