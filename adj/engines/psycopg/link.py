"""A connection to the server: psycopg's, which leaves nothing running when it is cancelled, with Django's wrapper."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import pq, waiting

from adj.persist import to_its_end

if TYPE_CHECKING:
    from psycopg.abc import PQGen

T = TypeVar("T")

CANCEL_SECONDS = 5.0
"""How long a server may take to give up a query that is cancelled, before its connection is closed."""


class Link(psycopg.AsyncConnection[tuple[Any, ...]]):
    """One connection of a pool.

    `wrapper` is the Django wrapper whose code runs on it in a bridge; there is one as soon as the pool has prepared the
    connection. `is_marked` says that its session was changed in a way that outlives a transaction. `mode` is its
    isolation, and what else was set for transactions to come, when it was prepared. `open_cursors` are those that
    Django's code has on the server.
    """

    wrapper: BaseDatabaseWrapper
    is_marked = False
    mode: tuple[Any, ...] = ()
    opened_at = 0.0
    idle_since = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.open_cursors: set[object] = set()

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109
        """Wait for an operation on the connection; cancelled, the server's query has ended before this returns.

        psycopg stops the query as well, but gives up, and leaves it running, when it is cancelled once more meanwhile.
        """
        # The signature is psycopg's, whose older versions do not know a timeout, and never pass one.
        options = {} if timeout is None else {"timeout": timeout}
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, **options)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
                await to_its_end(self._stop(gen))
            raise

    async def _stop(self, gen: PQGen[Any]) -> None:
        """End what the server is doing; close the connection if it does not end in time."""
        try:
            async with asyncio.timeout(2 * CANCEL_SECONDS):
                await self.cancel_safe(timeout=CANCEL_SECONDS)
                await waiting.wait_async(gen, self.pgconn.socket, interval=0.1)
        except psycopg.errors.QueryCanceled:
            pass
        except Exception:  # noqa: BLE001  # in an unknown state, it is of no use to anybody
            self.pgconn.finish()

    @property
    def is_lost(self) -> bool:
        """Whether the connection is closed or broken."""
        return self.pgconn.status != pq.ConnStatus.OK

    @property
    def is_as_lent(self) -> bool:
        """Whether it is as it was when it was lent: idle, in autocommit, nothing open on it, its session unchanged."""
        wrapper: Any = self.wrapper
        return (
            self.pgconn.transaction_status == pq.TransactionStatus.IDLE
            and self.autocommit
            and not self.is_marked
            and not self.open_cursors
            and not wrapper.in_atomic_block
            and wrapper.connection is not None
            and not wrapper.execute_wrappers
            and not wrapper.force_debug_cursor
            and self.mode == (self.isolation_level, self.read_only, self.deferrable)
        )

    @property
    def has_news(self) -> bool:
        """Whether the server has sent something that nobody asked for, as it does when it ends a session."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))
