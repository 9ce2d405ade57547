"""A bounded set of connections for one event loop.

Not psycopg's own pool, for these reasons: its worker tasks are cancelled by an event loop that ends, after which it can
neither go on nor close; giving a connection back waits for a lock, and a cancellation there loses the connection; it
opens connections one after another, and waits for longer and longer between dead ones. This pool has no tasks. Giving
back is synchronous, and whoever finds no connection opens one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adj.engines.psycopg.link import Link
from adj.settings import POOL_OPTIONS


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """What a pool keeps to, under the names of psycopg's pool and with its defaults; times are seconds.

    A connection is closed when it is older than `max_lifetime`, and while there are more than `min_size`, when nobody
    needed it for `max_idle`. `timeout` is how long a query waits for a connection, `max_waiting` how many may wait (0:
    any number).
    """

    min_size: int = 0
    max_size: int = 10
    timeout: float = 30.0
    max_waiting: int = 0
    max_lifetime: float = 3600.0
    max_idle: float = 600.0

    @classmethod
    def of(cls, ours: Mapping[str, Any], djangos: Any) -> PoolOptions:
        """From `ADJ[alias]["pool"]`, or else Django's `OPTIONS["pool"]` as far as it means the same here."""
        given = {**(djangos if isinstance(djangos, dict) else {}), **ours}
        options = cls(**{name: given[name] for name in POOL_OPTIONS if name in given})
        return options if options.max_size >= options.min_size else replace(options, max_size=options.min_size)


class Exhausted(Exception):
    """No connection became free in time."""


class Closed(Exception):
    """The pool is closed."""


class Pool:
    """Connections that are idle, and those who wait for one."""

    def __init__(self, connect: Callable[[], Awaitable[Link]], options: PoolOptions) -> None:
        self.options = options
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._idle: list[Link] = []
        self._size = 0
        # Each is given a connection, or None: there is room for one more.
        self._waiting: deque[asyncio.Future[Link | None]] = deque()
        self._reaping: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def take(self) -> Link:
        """An idle connection, a new one, or the next one that is given back.

        Raises `Exhausted`, `Closed`, and whatever connecting raises.
        """
        deadline = self._loop.time() + self.options.timeout
        while True:
            if self._is_closed:
                raise Closed
            while self._idle:
                link = self._idle.pop()
                if not self._is_old(link):
                    return link
                self._discard(link)
            if self._size < self.options.max_size:
                return await self._open()
            if (given := await self._wait(deadline)) is not None:
                return given

    def put(self, link: Link) -> None:
        """Take a connection back; one that is closed, broken or old leaves room for another."""
        if self._is_closed or link.is_lost or self._is_old(link):
            self._discard(link)
            return
        if not self._hand_over(link):
            link.idle_since = self._loop.time()
            self._idle.append(link)
            if self._reaping is None:
                self._reaping = self._loop.call_later(self.options.max_idle, self._reap)

    def close(self) -> None:
        """Close every connection; one that is in use, when it is given back."""
        self._is_closed = True
        if self._reaping is not None:
            self._reaping.cancel()
        while self._idle:
            self._discard(self._idle.pop())
        while self._hand_over(None):
            pass

    async def _open(self) -> Link:
        self._size += 1
        try:
            link = await self._connect()
        except BaseException:
            self._size -= 1
            self._hand_over(None)
            raise
        link.opened_at = time.monotonic()
        return link

    async def _wait(self, deadline: float) -> Link | None:
        if self.options.max_waiting and len(self._waiting) >= self.options.max_waiting:
            raise Exhausted
        waiter: asyncio.Future[Link | None] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if waiter.done() and not waiter.cancelled():
                # It arrived together with the cancellation: the next one in line gets it.
                self._pass_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise Exhausted from None
            raise

    def _pass_on(self, link: Link | None) -> None:
        if link is None:
            self._hand_over(None)
        else:
            self.put(link)

    def _hand_over(self, link: Link | None) -> bool:
        """Give a connection, or room for one, to whoever waits longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(link)
                return True
        return False

    def _discard(self, link: Link) -> None:
        link.pgconn.finish()
        self._size -= 1
        self._hand_over(None)

    def _is_old(self, link: Link) -> bool:
        return time.monotonic() - link.opened_at > self.options.max_lifetime

    def _reap(self) -> None:
        """Close what was idle for too long."""
        self._reaping = None
        latest = self._loop.time() - self.options.max_idle
        # Taken from the end and given back there: the first ones have been idle for longest.
        while self._idle and self._size > self.options.min_size and self._idle[0].idle_since <= latest:
            self._discard(self._idle.pop(0))
        if self._idle:
            delay = max(self._idle[0].idle_since - latest, 1.0)
            self._reaping = self._loop.call_later(delay, self._reap)
