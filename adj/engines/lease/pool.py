"""One pool for connections and for threads: a bounded number of them, each checked out by one task at a time.

Not psycopg's own pool, for these reasons: its worker tasks are cancelled by an event loop that ends, after which it can
neither continue nor close; returning a connection waits for a lock, and a cancellation there loses the connection; and
it waits longer and longer between dead connections. Here returning is synchronous, and the only tasks are those that
open something which a caller waits for; losing one loses an attempt. Callers wait for whatever comes first, a
connection that is returned or one that is opened, until their one deadline.
"""

from __future__ import annotations

import asyncio
import copy
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from adj.errors import EngineNotOpen, PoolTimeout, TooManyWaiting
from adj.settings import POOL_OPTIONS

OPENING_AT_ONCE = 4
"""How many connections a pool opens at the same time; one while the server refuses them."""

FIRST_DELAY, LONGEST_DELAY = 0.05, 2.0
"""Seconds until a pool asks a server again that has refused a connection: doubled each time, up to the longest."""

LIFETIME_JITTER = 0.1
"""The share of `max_lifetime` by which connections may be replaced early, so that they are not replaced all at once."""


class PooledResource(Protocol):
    """A connection or a thread, with the two times that its pool notes on it."""

    expires_at: float
    idle_since: float


T = TypeVar("T", bound=PooledResource)


class ResourceFactory(Protocol[T]):
    """Opens and closes what a pool keeps."""

    async def open(self) -> T:
        """Open one, ready for use. Raises `EngineNotOpen` when the server refuses or cannot be reached."""
        ...

    def is_ready(self, resource: T, /) -> bool:
        """Whether one that was idle can be used as it is. Looks, but does not wait."""
        ...

    async def check(self, resource: T, /) -> bool:
        """Whether one that is not ready is usable after all; it is made ready then."""
        ...

    def close(self, resource: T, /) -> None:
        """Close one that is not in use any more."""
        ...

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon. `was_open`: this pool has opened one before."""
        ...


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The limits of a pool, with the names and defaults of psycopg's; times are seconds.

    A connection is closed when it is older than `max_lifetime`, and while there are more than `min_size`, when it was
    idle for `max_idle`. `timeout` is how long a query waits for a connection, opening included. `max_waiting` limits
    how many queries may wait while all are in use (0: any number).
    """

    min_size: int = 0
    max_size: int = 10
    timeout: float = 30.0
    max_waiting: int = 0
    max_lifetime: float = 3600.0
    max_idle: float = 600.0

    @classmethod
    def of(cls, adj_options: Mapping[str, Any], django_options: Any) -> PoolOptions:
        """From `ADJ[alias]["pool"]`, or else Django's `OPTIONS["pool"]` as far as it means the same here."""
        values = {**(django_options if isinstance(django_options, dict) else {}), **adj_options}
        options = cls(**{name: values[name] for name in POOL_OPTIONS if values.get(name) is not None})
        return options if options.max_size >= options.min_size else replace(options, max_size=options.min_size)


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The figures of one pool, that of one alias on one event loop.

    `size`: connections that exist or are being opened, at most `max_size`; `in_use`, `idle` and `opening` add up to it.
    `waiting`: queries that wait for one now. Since the pool exists: `opened` and `failed` count attempts to open a
    connection, and `wait_seconds` adds up how long queries have waited.
    """

    size: int
    max_size: int
    in_use: int
    idle: int
    opening: int
    waiting: int
    opened: int
    failed: int
    wait_seconds: float


class _Waiter(Generic[T]):
    """A task that waits for what is returned or opened next."""

    __slots__ = ("future", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[T] = loop.create_future()
        self.task = asyncio.current_task()


class Pool(Generic[T]):
    """The connections, or threads, of one alias on one event loop. `setting` names the setting of their limit."""

    def __init__(self, alias: str, factory: ResourceFactory[T], options: PoolOptions, *, setting: str) -> None:
        self.options = options
        self._alias, self._factory, self._setting = alias, factory, setting
        self._loop = asyncio.get_running_loop()
        self._idle: list[T] = []
        # The task that has checked each one out, and since when.
        self._holders: dict[T, tuple[asyncio.Task[Any] | None, float]] = {}
        self._opening: set[asyncio.Task[T]] = set()
        self._waiting: deque[_Waiter[T]] = deque()
        self._is_closed = False
        self._delay = 0.0
        self._retrying: asyncio.TimerHandle | None = None
        self._reaping: asyncio.TimerHandle | None = None
        self._last_failure: Exception | None = None
        self._opened, self._failed, self._waited = 0, 0, 0.0

    async def acquire(self) -> T:
        """Check one out: an idle one, or whichever comes first of one that is returned and one that is opened.

        Raises `PoolTimeout` after `timeout` seconds, `TooManyWaiting`, `EngineNotOpen` on a closed pool or when the
        server refuses for good, and what else opening raises.
        """
        while self._idle:
            resource, now = self._idle.pop(), self._loop.time()
            self._holders[resource] = (asyncio.current_task(), now)
            if now >= resource.expires_at:
                self.discard(resource)
            elif self._factory.is_ready(resource):
                return resource
            else:
                return await self._acquire_before_deadline(resource)
        if self._is_closed:
            raise pool_closed_error(self._alias)
        return await self._acquire_before_deadline(None)

    def release(self, resource: T) -> None:
        """Return one to the pool, or to the query that waits longest."""
        if self._holders.pop(resource, None) is None:
            return
        now = self._loop.time()
        if self._is_closed or now >= resource.expires_at:
            self._close(resource)
        else:
            self._hand_out(resource, now)

    def discard(self, resource: T) -> None:
        """Close one that is checked out, instead of returning it."""
        if self._holders.pop(resource, None) is not None:
            self._close(resource)

    def replace(self, resource: T, other: T) -> None:
        """From now on another one stands for one that is checked out."""
        other.expires_at = resource.expires_at
        self._holders[other] = self._holders.pop(resource)

    def renew(self) -> None:
        """Replace everything that is open by now: at once what is idle, what is in use when it is returned."""
        for resource in self._holders:
            resource.expires_at = -math.inf
        while self._idle:
            self._close(self._idle.pop())

    def close(self) -> None:
        """Close what is idle, and what is in use when it is returned; waiting queries raise `EngineNotOpen`."""
        self._is_closed = True
        for timer in (self._reaping, self._retrying):
            if timer is not None:
                timer.cancel()
        while self._idle:
            self._close(self._idle.pop())
        if not self._loop.is_closed():
            for task in self._opening:
                task.cancel()
            self._fail_waiters(pool_closed_error(self._alias))

    def abandon(self) -> None:
        """The same on a loop that was closed, and what is in use is closed at once: it will not be returned."""
        self.close()
        while self._holders:
            self.discard(next(iter(self._holders)))

    def checked_out(self) -> tuple[T, ...]:
        """Everything that is checked out."""
        return tuple(self._holders)

    def stats(self) -> PoolStats:
        """The figures of this moment."""
        return PoolStats(
            size=self._size,
            max_size=self.options.max_size,
            in_use=len(self._holders),
            idle=len(self._idle),
            opening=len(self._opening),
            waiting=len(self._waiting),
            opened=self._opened,
            failed=self._failed,
            wait_seconds=self._waited,
        )

    @property
    def _size(self) -> int:
        return len(self._holders) + len(self._idle) + len(self._opening)

    # -- waiting -------------------------------------------------------------------------------------------------------

    async def _acquire_before_deadline(self, resource: T | None) -> T:
        """Check one out that has to be checked, opened or waited for. `resource` is checked out already."""
        start = self._loop.time()
        limit = asyncio.timeout_at(start + self.options.timeout)
        try:
            async with limit:
                while resource is None or not await self._is_usable(resource):
                    resource = self._next_idle() or await self._wait()
                return resource
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._timeout_error() from self._last_failure
        finally:
            self._waited += self._loop.time() - start

    async def _is_usable(self, resource: T) -> bool:
        """Whether it is ready, or becomes so; if not, it is closed."""
        is_usable = False
        try:
            is_usable = self._factory.is_ready(resource) or await self._factory.check(resource)
        finally:
            if not is_usable:
                self.discard(resource)
        return is_usable

    def _next_idle(self) -> T | None:
        if not self._idle:
            return None
        resource = self._idle.pop()
        self._holders[resource] = (asyncio.current_task(), self._loop.time())
        return resource

    async def _wait(self) -> T:
        in_line = len(self._holders) + len(self._waiting) - self.options.max_size
        if self.options.max_waiting and in_line >= self.options.max_waiting:
            raise TooManyWaiting(alias=self._alias, waiting=len(self._waiting), size=self.options.max_size)
        waiter: _Waiter[T] = _Waiter(self._loop)
        self._waiting.append(waiter)
        self._open_more()
        try:
            return await waiter.future
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                # It arrived together with the cancellation: the next one in line gets it.
                self.release(waiter.future.result())
            raise

    def _hand_out(self, resource: T, now: float) -> None:
        """Let the query that waits longest have it, or keep it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.future.done():
                self._holders[resource] = (waiter.task, now)
                waiter.future.set_result(resource)
                return
        resource.idle_since = now
        self._idle.append(resource)
        if self._reaping is None and self.options.max_idle < math.inf:
            self._reaping = self._loop.call_later(self.options.max_idle, self._reap)

    def _fail_waiters(self, error: EngineNotOpen) -> None:
        """Raise an error in every query that waits, in each its own."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.future.done():
                own = copy.copy(error)
                own.__cause__ = error.__cause__
                waiter.future.set_exception(own)

    # -- opening -------------------------------------------------------------------------------------------------------

    def _open_more(self) -> None:
        """Open as many as are waited for, as far as the limits allow."""
        most = 1 if self._delay else OPENING_AT_ONCE
        while (
            len(self._opening) < min(most, len(self._waiting))
            and self._size < self.options.max_size
            and self._retrying is None
            and not self._is_closed
        ):
            task = self._loop.create_task(self._open(), name=f"adj opens a connection to {self._alias}")
            self._opening.add(task)
            # Not in the task: one that is cancelled before its first step would never come to it.
            task.add_done_callback(self._on_opened)

    async def _open(self) -> T:
        async with asyncio.timeout(self.options.timeout):
            return await self._factory.open()

    def _on_opened(self, task: asyncio.Task[T]) -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._failed += 1
            self._failed_to_open(error)
        elif error is None and not task.cancelled():
            self._opened += 1
            self._add(task.result())
        self._open_more()

    def _add(self, resource: T) -> None:
        self._delay, self._last_failure = 0.0, None
        if self._retrying is not None:
            self._retrying.cancel()
            self._retrying = None
        early, now = random.uniform(0, LIFETIME_JITTER), self._loop.time()  # noqa: S311  # no secret
        resource.expires_at = now + self.options.max_lifetime * (1 - early)
        if self._is_closed:
            self._factory.close(resource)
        else:
            self._hand_out(resource, now)

    def _failed_to_open(self, error: Exception) -> None:
        """The queries that wait go on waiting for what exists, unless there is nothing to wait for."""
        if not isinstance(error, (EngineNotOpen, TimeoutError)):
            # A fault in the project's code or settings: one attempt, one query that gets the error.
            self._fail_first_waiter(error)
            return
        self._last_failure = error
        if (
            isinstance(error, EngineNotOpen)
            and not (self._holders or self._idle)
            and not self._factory.is_temporary(error, was_open=bool(self._opened))
        ):
            self._fail_waiters(error)
        elif self._retrying is None:
            self._delay = min(max(2 * self._delay, FIRST_DELAY), LONGEST_DELAY)
            # Spread, as other processes have been refused at the same moment.
            delay = self._delay * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
            self._retrying = self._loop.call_later(delay, self._retry)

    def _fail_first_waiter(self, error: Exception) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.future.done():
                waiter.future.set_exception(error)
                return

    def _retry(self) -> None:
        self._retrying = None
        self._open_more()

    # -- closing -------------------------------------------------------------------------------------------------------

    def _close(self, resource: T) -> None:
        self._factory.close(resource)
        self._open_more()

    def _reap(self) -> None:
        """Close what was idle for too long."""
        self._reaping = None
        latest = self._loop.time() - self.options.max_idle
        # Taken from the end and returned there: the first ones have been idle for longest.
        while self._idle and self._size > self.options.min_size and self._idle[0].idle_since <= latest:
            self._close(self._idle.pop(0))
        if self._idle:
            delay = max(self._idle[0].idle_since - latest, min(self.options.max_idle, 1.0))
            self._reaping = self._loop.call_later(delay, self._reap)

    def _timeout_error(self) -> PoolTimeout:
        now = self._loop.time()
        return PoolTimeout(
            alias=self._alias,
            size=self.options.max_size,
            seconds=self.options.timeout,
            in_use=len(self._holders),
            opening=len(self._opening),
            holders=[
                f"{task.get_name() if task else 'no task'} for {now - since:.1f} s"
                for task, since in sorted(self._holders.values(), key=lambda holder: holder[1])
            ],
            failure=_failure_reason(self._last_failure),
            setting=self._setting,
        )


def pool_closed_error(alias: str) -> EngineNotOpen:
    """The error of queries on an engine that is closed."""
    return EngineNotOpen(
        alias=alias,
        reason="it was closed by `await adj.close()`, or because its event loop ends.",
        advice="Run the query before, or in another event loop.",
    )


def _failure_reason(error: Exception | None) -> str:
    match error:
        case None:
            return ""
        case EngineNotOpen():
            return error.reason
        case _:
            return "the server did not answer."
