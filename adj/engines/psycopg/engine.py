"""The engine for PostgreSQL: a pool of asynchronous connections for one alias on one event loop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import psycopg
from django.db import connections

from adj.abc import RunCall, ServerFacts
from adj.engines.bridge import Lent, run_in_bridge
from adj.engines.calls import read_facts
from adj.engines.holders import Holders
from adj.engines.psycopg.connection import PsycopgConnection
from adj.engines.psycopg.link import Link
from adj.engines.psycopg.pool import Closed, Exhausted, Pool, PoolOptions
from adj.engines.psycopg.wrapper import connect_parameters, wrapper_on
from adj.engines.thread_sensitive import CallExecutor
from adj.errors import EngineNotOpen, PoolTimeout
from adj.persist import to_its_end


class PsycopgEngine:
    """A pool of links, and who has which."""

    def __init__(self, alias: str, pool: Mapping[str, float]) -> None:
        self._alias = alias
        self._process = os.getpid()
        self._parameters = connect_parameters(alias)
        self._holders: Holders[Link] = Holders()
        djangos = connections.settings[alias]["OPTIONS"].get("pool")
        self._pool = Pool(self._connect, PoolOptions.of(pool, djangos))

    async def open(self) -> ServerFacts:
        """Read the server's facts over the first connection. Raises `EngineNotOpen` where there is none."""
        async with self.connection() as connection:
            return await connection.run(read_facts, self._alias)

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[PsycopgConnection]:
        """Lend a connection; waits while all are in use.

        Raises `PoolTimeout` when that takes too long, and `EngineNotOpen` where the server cannot be reached.
        """
        return _Lease(self)

    def thread_executor(self, run: RunCall) -> CallExecutor:
        """Runs what Django's own asynchronous methods send to their thread in a bridge."""
        return CallExecutor(run)

    async def close(self) -> None:
        """Close every connection; one that is in use, when it is given back."""
        self._pool.close()

    async def take(self) -> Link:
        """A connection that the server has not ended."""
        if os.getpid() != self._process:
            raise EngineNotOpen(
                alias=self._alias,
                reason="this process was forked after the connections were opened, and must not use its parent's.",
                advice="Run queries in an event loop that the child process starts itself.",
            )
        while True:
            link = await self._next_link()
            try:
                # Costs one look at the socket; only what the server has sent something to is asked.
                if not link.has_news or await _is_alive(link):
                    self._holders.note(link)
                    return link
            except BaseException:
                self._pool.put(link)
                raise
            self._pool.put(link)

    async def give_back(self, link: Link) -> None:
        """Return a connection; its session goes to the next one as it came, or is ended."""
        self._holders.pop(link, None)
        link = _current(link)
        try:
            if not link.is_as_lent:
                await to_its_end(_clean(link))
        finally:
            if not link.is_as_lent:
                # Cleaning was cut short, as it is in a coroutine that is closed.
                link.pgconn.finish()
            self._pool.put(link)

    async def _next_link(self) -> Link:
        try:
            return await self._pool.take()
        except Exhausted:
            options = self._pool.options
            raise PoolTimeout(
                alias=self._alias,
                size=options.max_size,
                seconds=options.timeout,
                holders=self._holders.describe(),
                setting="max_size in OPTIONS['pool']",
            ) from None
        except Closed:
            raise EngineNotOpen(
                alias=self._alias,
                reason="it was closed by `await adj.close()`, or because its event loop ends.",
                advice="Run the query before, or in another event loop.",
            ) from None

    async def _connect(self) -> Link:
        """Open a connection, and let Django's backend prepare it: time zone, role, `connection_created`."""
        try:
            link = await Link.connect(**self._parameters)
        except psycopg.OperationalError as error:
            raise self._not_open(error) from error
        try:
            link.wrapper = wrapper = wrapper_on(link, self._alias)
            await run_in_bridge(Lent({self._alias: wrapper}), wrapper.ensure_connection)
            link.is_marked = False
            link.mode = (link.isolation_level, link.read_only, link.deferrable)
        except BaseException:
            link.pgconn.finish()
            raise
        return link

    def _not_open(self, error: Exception) -> EngineNotOpen:
        name = connections.settings[self._alias]["NAME"]
        return EngineNotOpen(
            alias=self._alias,
            reason=f'the PostgreSQL database "{name}" does not open: {str(error).strip()}.',
            advice=f'Check DATABASES["{self._alias}"], and that the database exists and its server runs.',
        )


class _Lease:
    """Takes a connection on entering, and gives it back on leaving."""

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


async def _is_alive(link: Link) -> bool:
    """Whether a connection still answers; one that does not is closed, so that the pool drops it."""
    try:
        with link.undoing():
            await link.execute("")
    except psycopg.Error:
        link.pgconn.finish()
    return not link.is_lost


def _current(link: Link) -> Link:
    """The connection that a wrapper uses now, which takes the place of one that Django's code has closed."""
    wrapper: Any = link.wrapper
    now: Link = wrapper.link
    if now is not link:
        now.opened_at = link.opened_at
    return now


async def _clean(link: Link) -> None:
    """Undo what is open on a connection; end its session if that is not enough."""
    link.close_if_busy()
    if not link.is_lost and not link.is_marked:
        with suppress(psycopg.Error), link.undoing():
            await link.rollback()
            await link.set_autocommit(True)
    if not link.is_as_lent:
        link.pgconn.finish()
