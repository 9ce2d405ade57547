"""The engine for PostgreSQL: a pool of asynchronous connections for one alias on one event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import psycopg
from django.db import connections

from adj.abc import RunCall
from adj.completion import to_its_end
from adj.engines.bridge.thread_sensitive import CallExecutor
from adj.engines.lease.native_blocks import joined
from adj.engines.lease.pool import Pool, PoolOptions, PoolStats
from adj.engines.postgres.connection import Link
from adj.engines.postgres.connection_factory import LinkSource
from adj.engines.postgres.pooled_connection import PsycopgConnection
from adj.engines.postgres.wrapper import check_settings
from adj.errors import EngineNotOpen
from adj.settings import pool_setting


class PsycopgEngine:
    """A pool of connections, each of which a query, a stream or a transaction has for itself."""

    def __init__(self, alias: str, pool: Mapping[str, float]) -> None:
        check_settings(alias)
        self._alias = alias
        self._process = os.getpid()
        options = PoolOptions.of(pool, connections.settings[alias]["OPTIONS"].get("pool"))
        self._pool = Pool(alias, LinkSource(alias), options, setting=pool_setting(alias, "max_size"))

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[PsycopgConnection]:
        """Check a connection out for the length of a block; waits while all are in use.

        In a block of `native()` that keeps a connection, everything takes that one: it may have another session, and a
        second one might never become free.

        Raises `PoolTimeout` when that takes too long, `TooManyWaiting`, and `EngineNotOpen` where the server cannot be
        reached.
        """
        if (kept := joined(self, exclusive=exclusive)) is not None:
            return _beside(kept)
        return _Lease(self)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs what Django's own asynchronous methods send to their thread in a bridge."""
        return CallExecutor(run)

    def stats(self) -> PoolStats:
        """The figures of the pool."""
        return self._pool.stats()

    async def close(self) -> None:
        """Close every connection; one that is in use, when it is returned."""
        self._pool.close()

    def abandon(self) -> None:
        """Close every connection after the end of the event loop."""
        self._pool.abandon()

    async def take(self) -> Link:
        """Check out a connection that the server has not ended."""
        if os.getpid() != self._process:
            raise EngineNotOpen(
                alias=self._alias,
                reason="this process was forked after the connections were opened, and must not use its parent's.",
                advice="Run queries in an event loop that the child process starts itself.",
            )
        return await self._pool.acquire()

    async def give_back(self, link: Link) -> None:
        """Return a connection; its session goes to the next one as it came, or is ended."""
        pool = self._pool
        wrapper: Any = link.wrapper
        now: Link = wrapper.link
        if now is not link:
            # Django's code has closed it, and used it again.
            pool.replace(link, now)
        if now.is_as_lent:
            pool.release(now)
            return
        if now.is_lost:
            pool.discard(now)
            return
        try:
            with suppress(TimeoutError):
                await to_its_end(self._clean(now))
        finally:
            self._put(now)

    def _put(self, link: Link) -> None:
        """Return a connection that was cleaned. That may be cut short, as it is in a coroutine that is closed."""
        if link.is_as_lent:
            self._pool.release(link)
        else:
            self._pool.discard(link)

    async def _clean(self, link: Link) -> None:
        """Undo what is open on a connection, as far as that is enough to end its session's use."""
        link.close_if_busy()
        if link.is_lost or link.is_marked:
            return
        with suppress(psycopg.Error), link.undoing():
            await link.rollback()
            await link.set_autocommit(True)
            await link.judge_functions()
            if link.is_suspect and not await _is_demoted(link):
                link.is_suspect = False
        if link.is_suspect:
            # The others were opened to the same server.
            self._pool.renew()


async def _is_demoted(link: Link) -> bool:
    """Whether a session that could write, and has refused to, cannot do so any more, as after a failover."""
    if link.was_read_only:
        return False
    found: Any = await (await link.execute("SHOW transaction_read_only")).fetchone()
    return bool(found == ("on",))


@asynccontextmanager
async def _beside(kept: AbstractAsyncContextManager[Any]) -> AsyncGenerator[PsycopgConnection]:
    """A connection that a block around the running code keeps, shared with the calls of the block."""
    async with kept as connection:
        beside: PsycopgConnection = connection.beside()
        try:
            yield beside
        finally:
            beside.end()


class _Lease:
    """Checks a connection out on entering, and returns it on leaving."""

    __slots__ = ("_connection", "_engine", "_link")

    def __init__(self, engine: PsycopgEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> PsycopgConnection:
        self._link = link = await self._engine.take()
        self._connection = PsycopgConnection(self._engine._alias, link)
        return self._connection

    async def __aexit__(self, *exc_info: object) -> None:
        self._connection.end()
        await self._engine.give_back(self._link)
