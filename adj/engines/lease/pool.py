"""One pool for connections and for threads: a bounded number of them, each checked out by one task at a time.

adj does not use psycopg's pool for three reasons. An event loop that ends cancels its worker tasks, and the pool can
then neither continue nor close. Returning a connection waits for a lock, and a cancellation at that moment loses the
connection. After dead connections it waits longer each time before it opens the next.

Here, returning a connection is synchronous. The only tasks are those that open a connection for a waiting query, so
that a cancelled task loses one attempt and nothing else. A query takes the first connection that is returned or
opened before its deadline.
"""

from __future__ import annotations

import asyncio
import math
import random
from typing import Generic

from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.pool_stats import PoolStats
from adj.engines.lease.resources import ResourceFactory, T
from adj.engines.lease.waiting_queries import WaitingQueries
from adj.errors import EngineNotOpen, PoolTimeout, TooManyWaiting

OPENING_AT_ONCE = 4
"""How many connections a pool opens at the same time. While the server refuses connections, it opens one at a time."""

FIRST_DELAY, LONGEST_DELAY = 0.05, 2.0
"""Seconds before the pool retries after the server refused a connection. Doubled each time, up to the longest."""

LIFETIME_JITTER = 0.1
"""The share of `max_lifetime` by which connections are replaced early, so that not all are replaced at once."""


class Pool(Generic[T]):
    """The connections, or threads, of one alias on one event loop.

    `setting` is the name of the setting that limits their number, for error messages.
    """

    def __init__(self, alias: str, factory: ResourceFactory[T], options: PoolOptions, *, setting: str) -> None:
        self.options = options
        self._alias, self._factory, self._setting = alias, factory, setting
        self._loop = asyncio.get_running_loop()
        self._idle: list[T] = []
        # The task that has checked out each resource, and when.
        self._holders: dict[T, tuple[asyncio.Task[object] | None, float]] = {}
        self._opening: set[asyncio.Task[T]] = set()
        # Those of them that began before `renew()`.
        self._outdated: set[asyncio.Task[T]] = set()
        self._waiting: WaitingQueries[T] = WaitingQueries(self._loop)
        self._is_closed = False
        self._delay = 0.0
        self._retrying: asyncio.TimerHandle | None = None
        self._reaping: asyncio.TimerHandle | None = None
        self._last_failure: Exception | None = None
        self._opened, self._failed, self._waited = 0, 0, 0.0

    async def acquire(self) -> T:
        """Check out an idle resource, or else the first one that is returned or opened.

        Raises `PoolTimeout` after `timeout` seconds, `TooManyWaiting`, `EngineNotOpen` if the pool is closed or the
        server refuses permanently, and any other error of opening.
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
        """Return a resource. The query that has waited longest gets it."""
        if self._holders.pop(resource, None) is None:
            return
        now = self._loop.time()
        if self._is_closed or now >= resource.expires_at:
            self._close(resource)
        else:
            self._hand_out(resource, now)

    def discard(self, resource: T) -> None:
        """Close a resource that is checked out, instead of returning it."""
        if self._holders.pop(resource, None) is not None:
            self._close(resource)

    def replace(self, resource: T, other: T) -> None:
        """Exchange a resource that is checked out for another one."""
        other.expires_at = resource.expires_at
        self._holders[other] = self._holders.pop(resource)

    def renew(self) -> None:
        """Replace all resources: the idle ones now, those that are being opened then, those in use when returned."""
        self._outdated |= self._opening
        for resource in self._holders:
            resource.expires_at = -math.inf
        while self._idle:
            self._close(self._idle.pop())

    def close(self) -> None:
        """Close idle resources, and those in use when they are returned. Waiting queries raise `EngineNotOpen`."""
        self._is_closed = True
        for timer in (self._reaping, self._retrying):
            if timer is not None:
                timer.cancel()
        while self._idle:
            self._close(self._idle.pop())
        if not self._loop.is_closed():
            for task in self._opening:
                task.cancel()
            self._waiting.fail_all(pool_closed_error(self._alias))

    def abandon(self) -> None:
        """Close the pool after its event loop was closed, with the resources in use, since nothing returns them."""
        self.close()
        while self._holders:
            self.discard(next(iter(self._holders)))

    def checked_out(self) -> tuple[T, ...]:
        """The resources that are checked out."""
        return tuple(self._holders)

    def stats(self) -> PoolStats:
        """The current statistics."""
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
        """Check out a resource that has to be checked, opened or waited for. `resource` is already checked out."""
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
        """Whether a resource is ready or can be made ready. If not, it is closed."""
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
        waiter = self._waiting.add()
        self._open_more()
        try:
            return await waiter.future
        except BaseException:
            self._waiting.discard(waiter)
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                # It arrived together with the cancellation: the next query in line gets it.
                self.release(waiter.future.result())
            raise

    def _hand_out(self, resource: T, now: float) -> None:
        """Give a resource to the query that has waited longest, or keep it idle."""
        if (waiter := self._waiting.pop()) is not None:
            self._holders[resource] = (waiter.task, now)
            waiter.future.set_result(resource)
            return
        resource.idle_since = now
        self._idle.append(resource)
        if self._reaping is None and self.options.max_idle < math.inf:
            self._reaping = self._loop.call_later(self.options.max_idle, self._reap)

    # -- opening -------------------------------------------------------------------------------------------------------

    def _open_more(self) -> None:
        """Open a resource for each waiting query, within the limits."""
        most = 1 if self._delay else OPENING_AT_ONCE
        while (
            len(self._opening) < min(most, len(self._waiting))
            and self._size < self.options.max_size
            and self._retrying is None
            and not self._is_closed
        ):
            task = self._loop.create_task(self._open(), name=f"adj opens a connection to {self._alias}")
            self._opening.add(task)
            # Not in the task itself: a task that is cancelled before its first step would never get there.
            task.add_done_callback(self._on_opened)

    async def _open(self) -> T:
        async with asyncio.timeout(self.options.timeout):
            return await self._factory.open()

    def _on_opened(self, task: asyncio.Task[T]) -> None:
        self._opening.discard(task)
        is_outdated = task in self._outdated
        self._outdated.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._failed += 1
            self._failed_to_open(error)
        elif error is None and not task.cancelled():
            self._opened += 1
            if is_outdated:
                self._factory.close(task.result())
            else:
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
        """Let queries wait for existing resources, or fail if there are none and the server refuses permanently."""
        if not isinstance(error, (EngineNotOpen, TimeoutError)):
            # A mistake in the project's code or settings: the query that caused the attempt gets the error.
            self._waiting.fail_first(error)
            return
        self._last_failure = error
        if (
            isinstance(error, EngineNotOpen)
            and not (self._holders or self._idle)
            and not self._factory.is_temporary(error, was_open=bool(self._opened))
        ):
            self._waiting.fail_all(error)
        elif self._retrying is None:
            self._delay = min(max(2 * self._delay, FIRST_DELAY), LONGEST_DELAY)
            # Random, since other processes were refused at the same moment.
            delay = self._delay * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
            self._retrying = self._loop.call_later(delay, self._retry)

    def _retry(self) -> None:
        self._retrying = None
        self._open_more()

    # -- closing -------------------------------------------------------------------------------------------------------

    def _close(self, resource: T) -> None:
        self._factory.close(resource)
        self._open_more()

    def _reap(self) -> None:
        """Close resources that have been idle too long."""
        self._reaping = None
        latest = self._loop.time() - self.options.max_idle
        # Resources are taken from the end and returned there, so the first has been idle longest.
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
    """The error of queries on a closed engine."""
    return EngineNotOpen(
        alias=alias,
        reason="it was closed by `await adj.close()`, or because its event loop is ending.",
        advice="Run the query earlier, or in another event loop.",
    )


def _failure_reason(error: Exception | None) -> str:
    match error:
        case None:
            return ""
        case EngineNotOpen():
            return error.reason
        case _:
            return "the server did not answer."
