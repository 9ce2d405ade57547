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
    async with AsyncExitStack() as stack:
        shared = _SharedConnection(await executor_for(alias), stack)
        if (context := shared.context()) is not None:
            await stack.enter_async_context(context)
        yield


class _SharedConnection:
    """The connection of a block, taken when it is first needed."""

    def __init__(self, executor: Executor, stack: AsyncExitStack) -> None:
        self._executor, self._stack = executor, stack
        self._connection: Connection | None = None
        self._taking = asyncio.Lock()

    def context(self) -> ThreadSensitiveContext | None:
        """What lets asgiref use the connection; None where it would in any case."""
        executor = self._executor.engine.thread_executor(self.run)
        return None if executor is None else ThreadSensitiveContext(executor=executor)

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function on the connection."""
        async with self._taking:
            if self._connection is None:
                self._connection = await self._stack.enter_async_context(self._executor.engine.connection())
                self._connection.share()
        return await self._connection.run(function, *args, **kwargs)
