"""Which databases an event loop has open: one per alias, opened by its first query, closed with the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from adj.compiler.dialect import dialect_for
from adj.engines import engine_for
from adj.errors import EngineNotOpen
from adj.executor import Executor


class Database:
    """An alias on one event loop: its engine, and the executor once the server's facts are known."""

    def __init__(self, alias: str, executor_for: Callable[[str], Coroutine[Any, Any, Executor]]) -> None:
        self.alias = alias
        self._executor_for = executor_for
        self.engine = engine_for(alias)
        self.executor: Executor | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> Executor:
        """Reach the server if this has not been done yet. Raises `EngineNotOpen` when it cannot be reached."""
        async with self._opening:
            if self.executor is None:
                dialect = dialect_for(self.alias)
                if not dialect.has_facts:
                    dialect = dialect_for(self.alias, await self.engine.open())
                self.executor = Executor(self.engine, dialect, self._executor_for)
            return self.executor

    async def close(self) -> None:
        """End the engine."""
        await self.engine.close()


class LoopDatabases:
    """The databases of one event loop.

    asyncio ends a loop by closing its asynchronous generators; `_guard` is one, and closes the databases when that
    happens, so that a program that ends, or a test, need not.
    """

    def __init__(self) -> None:
        self._databases: dict[str, Database] = {}
        self._guard = self._close_at_shutdown()
        _run_to_first_yield(self._guard)

    async def executor(self, alias: str) -> Executor:
        """The executor of an alias, opened if it is not open yet."""
        database = self._databases.get(alias)
        if database is None:
            database = self._databases[alias] = Database(alias, self.executor)
        return database.executor or await database.open()

    async def close(self) -> None:
        """Close all databases; the next query opens them anew."""
        databases, self._databases = self._databases, {}
        for database in databases.values():
            await database.close()

    async def _close_at_shutdown(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.close()
            # A generator keeps its loop alive, and would keep the entry of `_loops` with it.
            del self._guard


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopDatabases] = WeakKeyDictionary()


async def executor_for(alias: str) -> Executor:
    """The executor of an alias on the running event loop.

    Raises `EngineNotOpen` without a running asyncio event loop, or when the database cannot be reached.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise EngineNotOpen(
            alias=alias,
            reason="no asyncio event loop is running in this thread.",
            advice="Await the query in async code, as under ASGI or asyncio.run(); in synchronous code use "
            "`query.queryset`, which is Django's own QuerySet.",
        ) from None
    databases = _loops.get(loop)
    if databases is None:
        databases = _loops[loop] = LoopDatabases()
    return await databases.executor(alias)


async def close() -> None:
    """Close every database of the running event loop: ends adj's threads and their connections.

    The next query opens what it needs. A loop that ends, as `asyncio.run()` ends its loop, closes by itself.
    """
    databases = _loops.get(asyncio.get_running_loop())
    if databases is not None:
        await databases.close()


def _run_to_first_yield(generator: AsyncGenerator[None, None]) -> None:
    """Start a generator that does not wait before its first `yield`; this is when the loop takes note of it."""
    try:
        generator.asend(None).send(None)
    except StopIteration:
        return
