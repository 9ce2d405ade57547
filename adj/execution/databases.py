"""The databases of each event loop: one per alias, opened by its first query and closed with the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Iterator
from contextvars import Context
from weakref import WeakKeyDictionary

from django.db import connections

from adj.abc import Engine
from adj.compiler.django.dialect import dialect_for
from adj.engines import engine_for, pinned_engines
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.django.testcase import (
    TestCaseEngine,
    connections_around,
    connections_of_caller,
    is_called_by_a_thread,
    is_testing,
)
from adj.engines.lease.access import access
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.threads.server_facts import read_facts
from adj.errors import EngineNotOpen
from adj.execution.executor import Executor
from adj.settings import alias_settings

CLOSE_SECONDS = 10.0
"""How long a loop of another thread may take to close its databases."""


class Database:
    """An alias on an event loop: its engine, and its executor once the server's facts are known."""

    def __init__(
        self, alias: str, engine: Engine, executor_for: Callable[[str], Coroutine[object, None, Executor]]
    ) -> None:
        self.alias, self.engine = alias, engine
        self._executor_for = executor_for
        self.executor: Executor | None = None

    async def open(self) -> Executor:
        """Connect to the server, the first time. Raises the errors of checking out a connection.

        Tasks that open it at the same time do not wait for each other, since each has its own deadline.
        """
        dialect = dialect_for(self.alias)
        if not dialect.has_facts:
            async with self.engine.connection() as connection:
                # Another task may have opened it meanwhile.
                if self.executor is not None:
                    return self.executor
                dialect = dialect_for(self.alias, await connection.run(read_facts, self.alias))
        self.executor = self.executor or Executor(self.engine, dialect, self._executor_for)
        return self.executor

    async def close(self) -> None:
        """End the engine."""
        await self.engine.close()


class LoopDatabases:
    """The databases of one event loop.

    asyncio ends a loop by closing its async generators. `_guard` is one of them, and closes the databases, so programs
    and tests need not. A loop that is closed without this step drops its timers, one of which belongs to `_AtClose`.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        # The key includes the database's name, since a test run changes it.
        self._databases: dict[tuple[str, object], Database] = {}
        self._pinned: dict[str, Database] = {}
        self._in_test: dict[str, Database] = {}
        self._connections_in_test: Wrappers = {}
        self._connections_of_caller: Wrappers | None = None
        self._guard = self._close_at_shutdown()
        _run_to_first_wait(self._guard.asend(None))
        _AtClose(self).wait()

    async def executor(self, alias: str) -> Executor:
        """The executor of an alias, which is opened if necessary."""
        if _sandbox or self._pinned:
            self.pin(_sandbox)
            if alias in self._pinned:
                return await self._pinned[alias].open()
        if is_testing() and alias in (wrappers := await self._wrappers_in_test()):
            return await self._executor_in_test(alias, wrappers)
        key = alias, connections.settings.get(alias, {}).get("NAME")
        database = self._databases.get(key)
        if database is None:
            database = self._databases[key] = Database(alias, engine_for(alias), self.executor)
        return database.executor or await database.open()

    def pools(self) -> dict[str, PoolStats]:
        """The statistics of the open pools, by alias."""
        engines = {database.alias: database.engine for database in self._open()}
        return {alias: stats for alias, engine in engines.items() if (stats := engine.stats()) is not None}

    def _open(self) -> Iterator[Database]:
        yield from self._databases.values()
        yield from self._pinned.values()

    async def close(self) -> None:
        """Close all databases; the next query opens its database again."""
        await self.unpin()
        databases, self._databases = self._databases, {}
        for database in databases.values():
            await database.close()

    @property
    def is_pinned(self) -> bool:
        """Whether aliases are pinned."""
        return bool(self._pinned)

    def pin(self, aliases: Collection[str]) -> None:
        """Give each of these aliases a single connection, in a transaction; does nothing if some are pinned."""
        if not self._pinned:
            engines = pinned_engines(aliases)
            self._pinned = {alias: Database(alias, engine, self.executor) for alias, engine in engines.items()}

    async def unpin(self) -> None:
        """Roll back all changes since `pin()`, and release the connections."""
        databases, self._pinned = self._pinned, {}
        for database in databases.values():
            await database.close()

    def abandon(self) -> None:
        """Close the databases of a closed loop. In a forked process, the parent's connections stay open."""
        databases = tuple(self._open())
        self._databases, self._pinned = {}, {}
        if os.getpid() == self._process:
            for database in databases:
                database.engine.abandon()

    async def _executor_in_test(self, alias: str, wrappers: Wrappers) -> Executor:
        """The executor that runs in a test's transaction. It is not closed: the connection belongs to the test."""
        if wrappers != self._connections_in_test:
            self._connections_in_test, self._in_test = wrappers, {}
        database = self._in_test.get(alias)
        if database is None:
            # Invalid settings should fail in tests, not first in production.
            alias_settings(alias)
            database = self._in_test[alias] = Database(alias, TestCaseEngine(alias, wrappers), self.executor)
        return database.executor or await database.open()

    async def _wrappers_in_test(self) -> Wrappers:
        """The connections that are in a test's transaction, by alias."""
        if not is_called_by_a_thread():
            return connections_around()
        if self._connections_of_caller is None:
            # Such a loop ends before its caller continues, and so before the test ends.
            self._connections_of_caller = await connections_of_caller()
        return self._connections_of_caller

    async def _close_at_shutdown(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.close()
            # The generator refers to its loop, which would keep the entry of `_loops` alive.
            del self._guard


class _AtClose:
    """Notices that the loop was closed: only a timer refers to this object, and `loop.close()` drops all timers."""

    def __init__(self, databases: LoopDatabases) -> None:
        self._databases = databases
        self._loop = asyncio.get_running_loop()

    def wait(self) -> None:
        """Start a long timer, again and again, in an empty context, which does not keep the caller's alive."""
        self._loop.call_later(_LONG, self.wait, context=Context())

    def __del__(self) -> None:
        if self._loop.is_closed():
            self._databases.abandon()


_LONG = 86_400.0 * 365

_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopDatabases] = WeakKeyDictionary()

_sandbox: list[str] = []
"""The aliases that every loop pins, during tests that use the sandbox."""


def pin_everywhere(aliases: Collection[str]) -> None:
    """Let every loop pin these aliases when it first uses one of them; without aliases, stop this for new loops."""
    _sandbox[:] = aliases


def databases_of_loop() -> LoopDatabases:
    """The databases of the running event loop. Raises `RuntimeError` without one."""
    loop = asyncio.get_running_loop()
    databases = _loops.get(loop)
    if databases is None:
        databases = _loops[loop] = LoopDatabases()
    return databases


async def executor_for(alias: str) -> Executor:
    """The executor of an alias on the running event loop.

    Raises `EngineNotOpen` without a running asyncio event loop, or when the database cannot be reached.
    """
    try:
        databases = databases_of_loop()
    except RuntimeError:
        raise EngineNotOpen(
            alias=alias,
            reason="no asyncio event loop is running in this thread.",
            advice="Await the query in async code, for example with asyncio.run(); in synchronous code use "
            "`query.queryset`, the equivalent Django QuerySet.",
        ) from None
    return await databases.executor(alias)


def preferred_alias() -> str:
    """The alias for code that does not name one: that of the surrounding `native()` block, or `default`."""
    return access().preferred


def close_all() -> None:
    """Close the databases of all event loops, from synchronous code, such as before a test run drops its databases.

    Waits at most `CLOSE_SECONDS` (10) for a loop that runs in another thread. Raises `RuntimeError` in a coroutine; use
    `await adj.close()` there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("close_all() cannot be called in async code. Use `await adj.close()`.")
    for loop, databases in list(_loops.items()):
        if loop.is_closed():
            databases.abandon()
        elif loop.is_running():
            asyncio.run_coroutine_threadsafe(databases.close(), loop).result(CLOSE_SECONDS)
        else:
            loop.run_until_complete(databases.close())


def pools() -> dict[str, PoolStats]:
    """Return the statistics of the running event loop's pools, by alias.

    The engine `psycopg` has a pool of connections, `threads` a pool of threads, and `django` none. An alias is included
    once this event loop has used it. Raises `RuntimeError` if no event loop is running.
    """
    databases = _loops.get(asyncio.get_running_loop())
    return {} if databases is None else databases.pools()


async def close() -> None:
    """Close all databases of the running event loop, with their connections and threads.

    The next query opens its database again. `asyncio.run()` closes the databases when it ends its loop.
    """
    databases = _loops.get(asyncio.get_running_loop())
    if databases is not None:
        await databases.close()


def _run_to_first_wait(awaitable: Coroutine[object, None, object]) -> None:
    """Run an awaitable that does not wait to its first `yield` or its end, so that the loop registers a generator."""
    try:
        awaitable.send(None)
    except StopIteration:
        return
