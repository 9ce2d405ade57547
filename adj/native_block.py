"""`async with native():` Django's own asynchronous methods on adj's engine, without a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import DEFAULT_DB_ALIAS

from adj.abc import Connection
from adj.databases import executor_for
from adj.executor import Executor
from adj.persist import to_its_end
from adj.transaction import current


@asynccontextmanager
async def native(using: str | None = None) -> AsyncGenerator[None]:
    """Inside, Django's own a-methods and `sync_to_async(code)` run on adj's engine for an alias, or for `default`.

    On PostgreSQL's native engine that is on the event loop, in a greenlet: `await book.asave()`, `await
    Book.objects.aget(pk=1)` and third-party code need no thread. The first such call takes a connection, which all
    those of the block share, one after another, until its end; queries of adj have connections of their own. Code that
    waits for something else than the database belongs in `sync_to_async(code, thread_sensitive=False)`.

    Changes nothing inside of `atomic()`, which does the same with its own connection.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if current(alias) is not None:
        yield
        return
    shared = _SharedConnection(await executor_for(alias))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(shared.close)
        if (context := shared.context()) is not None:
            await stack.enter_async_context(context)
        yield


class _SharedConnection:
    """The connection of a block, taken when it is first needed."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lease = executor.engine.connection()
        self._connection: Connection | None = None
        self._taking = asyncio.Lock()
        self._is_closed = False

    def context(self) -> ThreadSensitiveContext | None:
        """What lets asgiref use the connection; None where it would in any case."""
        executor = self._executor.engine.thread_executor(self.run)
        return None if executor is None else ThreadSensitiveContext(executor=executor)

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function on the connection. Raises `RuntimeError` after the end of the block."""
        async with self._taking:
            if self._is_closed:
                raise RuntimeError("the block of adj.native() that this was started in has ended.")
            if self._connection is None:
                self._connection = await self._lease.__aenter__()
                self._connection.share()
        return await self._connection.run(function, *args, **kwargs)

    async def close(self) -> None:
        """Give the connection back, after what runs on it; what waits for its turn is refused."""
        self._is_closed = True
        async with self._taking:
            connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await to_its_end(connection.run_last(_nothing))
            finally:
                await self._lease.__aexit__(None, None, None)


def _nothing() -> None:
    """Wait for a turn, and leave it."""
