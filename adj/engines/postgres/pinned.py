"""One connection for everybody, in a transaction that is undone at the end: for tests on the native engine.

Every query of the event loop runs on it, one after another. A transaction of the code under test is a savepoint in it,
and others wait until that has ended.

Private Django API used here: `Atomic._from_testcase`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from django.db import connections
from django.db.transaction import Atomic

from adj.abc import RunCall
from adj.completion import to_its_end
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.bridge.thread_sensitive import CallExecutor
from adj.engines.lease.connection_lock import Turns
from adj.engines.lease.pool import PoolStats
from adj.engines.postgres.connection import Link
from adj.engines.postgres.engine import PsycopgEngine
from adj.engines.postgres.pooled_connection import PsycopgConnection


class PinnedEngine:
    """An alias whose connection is taken by the first query, and begins its transaction then.

    `siblings` are the pinned engines of all aliases: code that uses two of them finds both connections.
    """

    def __init__(self, alias: str, engine: PsycopgEngine, siblings: Mapping[str, PinnedEngine], turns: Turns) -> None:
        self._alias, self._engine = alias, engine
        self._siblings, self._turns = siblings, turns
        self._link: Link | None = None
        self._beginning, self._transaction = asyncio.Lock(), asyncio.Lock()

    @asynccontextmanager
    async def connection(self, *, exclusive: bool = False) -> AsyncGenerator[PsycopgConnection]:
        """The connection. Waits for the end of another task's transaction."""
        link = await self._begun()
        async with self._transaction:
            if exclusive:
                async with self._lent(link) as connection:
                    yield connection
                return
        async with self._lent(link) as connection:
            yield connection

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs what Django's own asynchronous methods send to their thread in a bridge."""
        return CallExecutor(run)

    def stats(self) -> PoolStats:
        """The figures of the pool that the connection is from."""
        return self._engine.stats()

    async def close(self) -> None:
        """Undo everything, and close the connection."""
        if self._link is not None:
            await to_its_end(self._end(self._link))
        await self._engine.close()

    def abandon(self) -> None:
        """Close the connection, with which everything is undone, after the end of the event loop."""
        self._link = None
        self._engine.abandon()

    @property
    def wrapper(self) -> Any:
        """Django's wrapper of the connection; None before the first query."""
        return None if self._link is None else self._link.wrapper

    @asynccontextmanager
    async def _lent(self, link: Link) -> AsyncGenerator[PsycopgConnection]:
        connection = _PinnedConnection(self._alias, link, self._siblings, self._turns)
        try:
            yield connection
        finally:
            connection.end()

    async def _begun(self) -> Link:
        async with self._beginning:
            if self._link is None:
                link = await self._engine.take()
                try:
                    await to_its_end(PsycopgConnection(self._alias, link).run(_begin, self._alias))
                except BaseException:
                    await self._engine.give_back(link)
                    raise
                self._link = link
            return self._link

    async def _end(self, link: Link) -> None:
        self._link = None
        try:
            await PsycopgConnection(self._alias, link).run(_undo, self._alias)
        finally:
            await self._engine.give_back(link)


class _PinnedConnection(PsycopgConnection):
    """The connection of all, lent for one query or one transaction."""

    def __init__(self, alias: str, link: Link, siblings: Mapping[str, PinnedEngine], turns: Turns) -> None:
        super().__init__(alias, link)
        self._siblings, self._turns = siblings, turns

    def _wrappers(self) -> Wrappers:
        pinned = {alias: engine.wrapper for alias, engine in self._siblings.items() if engine.wrapper is not None}
        return {**pinned, **super()._wrappers()}


def _begin(alias: str) -> None:
    block: Any = Atomic(alias, savepoint=True, durable=False)
    # As Django marks the transaction of a TestCase, within which a durable block is allowed.
    block._from_testcase = True
    block.__enter__()


def _undo(alias: str) -> None:
    """End the outermost block, and with it those that tasks have not left."""
    connection: Any = connections[alias]
    while connection.atomic_blocks:
        connection.needs_rollback = True
        connection.atomic_blocks[-1].__exit__(None, None, None)
