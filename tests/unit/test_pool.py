"""The pool by itself, on a clock that jumps: what it opens, whom it lets wait, and how long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from django.db import OperationalError

from adj.engines.lease.pool import FIRST_DELAY, LONGEST_DELAY, OPENING_AT_ONCE, Pool
from adj.engines.lease.pool_options import PoolOptions
from adj.engines.lease.refused_connections import is_temporary
from adj.errors import EngineNotOpen, PoolTimeout, TooManyWaiting
from tests.unit.fast_loop import run_fast


class Line:
    """What the pool keeps here. `is_ready` and `is_alive` are what its source says of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.expires_at = self.idle_since = 0.0
        self.is_ready = self.is_alive = True
        self.is_closed = False


class Server:
    """Opens lines; `takes` seconds for each, `room` of them at the same time, or `fails` with a message."""

    def __init__(self, *, takes: float = 0.01, room: int = 100) -> None:
        self.takes, self.room, self.fails = takes, room, ""
        self.lines: list[Line] = []
        self.attempts: list[float] = []
        self.opening = self.most_opening = 0
        self.error: Exception | None = None
        self.check_takes = 0.0

    async def open(self) -> Line:
        self.attempts.append(asyncio.get_running_loop().time())
        self.opening += 1
        self.most_opening = max(self.most_opening, self.opening)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.opening -= 1
        if self.error is not None:
            raise self.error
        if self.fails or self.open_lines >= self.room:
            raise EngineNotOpen(alias="x", reason=self.fails or "FATAL: too many connections for role", advice="Wait.")
        self.lines.append(Line(len(self.lines)))
        return self.lines[-1]

    def is_ready(self, line: Line) -> bool:
        return line.is_ready

    async def check(self, line: Line) -> bool:
        await asyncio.sleep(self.check_takes)
        return line.is_alive

    def close(self, line: Line) -> None:
        assert not line.is_closed, "closed twice"
        line.is_closed = True

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        return is_temporary(error.reason, was_open=was_open)

    @property
    def open_lines(self) -> int:
        return sum(not line.is_closed for line in self.lines)


def pool_of(server: Server, **options: Any) -> Pool[Line]:
    return Pool("x", server, PoolOptions(**options), setting="max_size")


def now() -> float:
    return asyncio.get_running_loop().time()


async def hold(pool: Pool[Line], seconds: float) -> float:
    """Check a line out for some seconds; when that began."""
    line = await pool.acquire()
    begun = now()
    try:
        await asyncio.sleep(seconds)
    finally:
        pool.release(line)
    return begun


async def failing(call: Coroutine[Any, Any, Any]) -> tuple[BaseException, float]:
    """The error of a call, and how long it took."""
    start = now()
    with pytest.raises(Exception) as raised:  # noqa: PT011  # looked at by the test
        await call
    return raised.value, now() - start


# -- opening -----------------------------------------------------------------------------------------------------------


def test_what_was_returned_is_used_again_the_last_one_first() -> None:
    async def main() -> None:
        pool = pool_of(server := Server())
        first, second = await pool.acquire(), await pool.acquire()
        pool.release(first)
        pool.release(second)
        assert await pool.acquire() is second
        assert await pool.acquire() is first
        assert len(server.lines) == 2

    run_fast(main())


def test_tasks_that_start_together_open_together_but_not_all_at_once() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(takes=1.0), max_size=10)
        begun = await asyncio.gather(*(hold(pool, 100) for _ in range(10)))
        assert server.most_opening == OPENING_AT_ONCE
        assert begun == sorted(begun)
        assert begun[-1] == pytest.approx(-(-10 // OPENING_AT_ONCE))

    run_fast(main())


def test_one_deadline_holds_for_waiting_opening_and_checking() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=6, timeout=1)
        line = await pool.acquire()
        line.is_ready = False
        pool.release(line)
        server.takes = server.check_takes = 1_000
        errors = await asyncio.gather(*(failing(pool.acquire()) for _ in range(6)))
        assert [seconds for _, seconds in errors] == [1.0] * 6
        assert {type(error) for error, _ in errors} == {PoolTimeout}
        assert line.is_closed
        assert isinstance(errors[0][0], OperationalError)

    run_fast(main())


def test_a_line_that_is_returned_is_taken_while_another_one_is_opened() -> None:
    async def main() -> None:
        pool = pool_of(server := Server())
        line = await pool.acquire()
        server.takes = 5
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(1)
        pool.release(line)
        assert await waiting is line
        assert now() < 2
        await asyncio.sleep(5)
        # The other one was opened all the same, for who comes next.
        assert pool.stats().idle == 1

    run_fast(main())


def test_an_attempt_outlives_the_query_that_began_it() -> None:
    """A server that takes longer than a query waits is not asked in vain for ever."""

    async def main() -> None:
        pool = pool_of(Server(takes=2), timeout=30)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await pool.acquire()
        async with asyncio.timeout(1.5):
            await pool.acquire()

    run_fast(main())


def test_an_attempt_ends_with_the_timeout_of_the_pool() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(takes=1_000), timeout=3)
        await failing(pool.acquire())
        await asyncio.sleep(1)
        assert (server.opening, pool.stats().failed) == (0, 1)

    run_fast(main())


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_full_server_fails_nobody_who_can_wait() -> None:
    """60 queries of half a second, where the server has room for 3 of the pool's 10."""

    async def main() -> None:
        pool = pool_of(server := Server(room=3), max_size=10, timeout=11)
        await asyncio.gather(*(hold(pool, 0.5) for _ in range(60)))
        assert now() == pytest.approx(10, abs=0.5)
        assert len(server.attempts) < 30
        stats = pool.stats()
        assert (stats.opened, stats.in_use, stats.idle) == (3, 0, 3)
        assert stats.failed == len(server.attempts) - 3

    run_fast(main())


def test_a_full_server_is_waited_for_also_where_the_pool_has_nothing() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(room=0), timeout=10)
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(5)
        server.room = 1
        await waiting
        assert now() < 5 + 1.5 * LONGEST_DELAY + 0.1
        with pytest.raises(PoolTimeout, match="The last attempt to open one failed: FATAL: too many") as raised:
            await pool.acquire()
        assert isinstance(raised.value.__cause__, EngineNotOpen)

    run_fast(main())


def test_attempts_at_a_server_that_refuses_become_rare_and_are_spread() -> None:
    async def delays() -> list[float]:
        pool = pool_of(server := Server(takes=0, room=0), timeout=60)
        await asyncio.gather(*(failing(pool.acquire()) for _ in range(20)))
        assert server.most_opening == OPENING_AT_ONCE
        # Those that were on their way together count as one.
        return [later - earlier for earlier, later in zip(server.attempts, server.attempts[1:], strict=False)][3:]

    first, second = run_fast(delays()), run_fast(delays())
    assert first[0] == pytest.approx(FIRST_DELAY, rel=0.51)
    assert all(LONGEST_DELAY / 2 <= delay <= LONGEST_DELAY * 1.5 for delay in first[8:])
    assert 30 < len(first) < 80
    assert first != second


def test_all_waiters_connect_at_once_when_the_server_accepts_again() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(takes=0.1, room=0), max_size=8, timeout=30)
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(8)]
        await asyncio.sleep(10)
        server.room = 8
        await asyncio.wait(waiting)
        assert now() - 10 < 1.5 * LONGEST_DELAY + 0.1 * (1 + 8 / OPENING_AT_ONCE) + 0.1

    run_fast(main())


@pytest.mark.parametrize(
    "message",
    ['password authentication failed for user "x"', 'database "x" does not exist', "connection refused"],
)
def test_all_waiters_get_the_error_of_a_server_that_never_accepts(message: str) -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=2)
        server.fails = message
        errors = await asyncio.gather(*(failing(pool.acquire()) for _ in range(5)))
        assert all(seconds < 0.05 for _, seconds in errors)
        assert {str(error) for error, _ in errors} == {f'Database "x" is not open: {message} Wait.'}
        # Each has its own, to which a note may be added.
        assert len({id(error) for error, _ in errors}) == 5

    run_fast(main())


def test_a_server_that_was_there_and_is_gone_is_waited_for() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), timeout=10)
        pool.discard(await pool.acquire())
        server.fails = "connection refused"
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(5)
        server.fails = ""
        await waiting
        pool.discard(server.lines[-1])
        server.fails = "password authentication failed"
        assert (await failing(pool.acquire()))[1] < 0.1

    run_fast(main())


def test_who_has_something_to_wait_for_waits_whatever_the_server_says() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), timeout=10)
        holding = asyncio.create_task(hold(pool, 3))
        await asyncio.sleep(0.1)
        server.fails = "password authentication failed"
        assert await hold(pool, 0) == pytest.approx(3, abs=0.1)
        await holding

    run_fast(main())


def test_a_fault_in_the_projects_code_is_raised_once_and_as_it_is() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=2)
        server.error = KeyError("no token")
        errors = await asyncio.gather(*(failing(pool.acquire()) for _ in range(3)))
        assert [type(error) for error, _ in errors] == [KeyError] * 3
        assert len(server.attempts) >= 3

    run_fast(main())


# -- waiting -----------------------------------------------------------------------------------------------------------


def test_who_waits_longest_is_served_first_and_the_error_names_the_holders() -> None:
    async def main() -> None:
        pool = pool_of(Server(), max_size=1, timeout=5)
        line = await pool.acquire()
        waiting = [asyncio.create_task(hold(pool, 1)) for _ in range(3)]
        await asyncio.sleep(1)
        pool.release(line)
        begun = await asyncio.gather(*waiting)
        assert [later - begun[0] for later in begun] == pytest.approx([0, 1, 2])
        holder = asyncio.create_task(hold(pool, 100), name="the holder")
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeout, match=r"\(1 of 1 in use, 0 opening\). Held by: the holder for 5.0 s") as raised:
            await pool.acquire()
        assert "raise max_size" in str(raised.value)
        holder.cancel()

    run_fast(main())


def test_too_many_that_wait_are_refused_at_once() -> None:
    async def main() -> None:
        pool = pool_of(Server(), max_size=2, max_waiting=3, timeout=5)
        # Those for whom there is room to open one do not count.
        tasks = [asyncio.create_task(hold(pool, 1)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting, match='All 2 connections to "x" are in use, and 5 queries') as raised:
            await pool.acquire()
        assert isinstance(raised.value, OperationalError)
        assert not isinstance(raised.value, PoolTimeout)
        await asyncio.sleep(0.5)
        with pytest.raises(TooManyWaiting):
            await pool.acquire()
        await asyncio.gather(*tasks)
        await pool.acquire()

    run_fast(main())


def test_a_line_that_arrives_with_a_cancellation_goes_to_the_next() -> None:
    async def main() -> None:
        pool = pool_of(Server(), max_size=1)
        line = await pool.acquire()
        first, second = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        pool.release(line)
        first.cancel()
        assert await second is line
        assert first.cancelled()
        pool.release(line)
        assert (pool.stats().in_use, pool.stats().idle, pool.stats().waiting) == (0, 1, 0)

    run_fast(main())


def test_cancelling_at_every_step_loses_nothing() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=2)
        for steps in range(12):
            server.check_takes = 0.01
            for line in server.lines:
                line.is_ready = False
            tasks = [asyncio.create_task(hold(pool, 0.01)) for _ in range(4)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.wait(tasks)
            await asyncio.sleep(1)
            stats = pool.stats()
            assert (stats.in_use, stats.opening, stats.waiting) == (0, 0, 0)
            assert stats.idle == stats.size == server.open_lines <= 2

    run_fast(main())


# -- checking, renewing, closing ---------------------------------------------------------------------------------------


def test_dead_lines_are_replaced_at_once_all_of_them() -> None:
    """M8."""

    async def main() -> None:
        pool = pool_of(server := Server(), max_size=5)
        await asyncio.gather(*(hold(pool, 1) for _ in range(5)))
        for line in server.lines:
            line.is_ready = line.is_alive = False
        start = now()
        fresh = await pool.acquire()
        assert now() - start < 0.05
        assert not fresh.is_closed
        assert server.open_lines == 1

    run_fast(main())


def test_a_connection_with_pending_notices_is_reused() -> None:
    async def main() -> None:
        pool = pool_of(Server(), max_size=1)
        line = await pool.acquire()
        pool.release(line)
        line.is_ready = False
        assert await pool.acquire() is line

    run_fast(main())


def test_lines_are_not_replaced_all_at_the_same_time() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=10, max_lifetime=1_000)
        await asyncio.gather(*(hold(pool, 1) for _ in range(10)))
        ends = sorted(line.expires_at for line in server.lines)
        assert 900 <= ends[0] < ends[-1] <= 1_001
        assert ends[-1] - ends[0] > 10
        await asyncio.sleep(1_001)
        await pool.acquire()
        assert server.open_lines == 1

    run_fast(main())


def test_a_line_that_has_become_too_old_in_use_is_closed_when_it_is_returned() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_lifetime=10)
        await hold(pool, 11)
        assert (server.open_lines, pool.stats().size) == (0, 0)

    run_fast(main())


def test_idle_lines_are_closed_after_a_while_but_for_the_least() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), min_size=1, max_size=5, max_idle=60)
        await asyncio.gather(*(hold(pool, 1) for _ in range(5)))
        await asyncio.sleep(59)
        assert server.open_lines == 5
        await asyncio.sleep(5)
        assert server.open_lines == 1

    run_fast(main())


def test_renewing_closes_what_is_idle_now_and_what_is_in_use_when_it_is_returned() -> None:
    async def main() -> None:
        pool = pool_of(Server(), max_size=2)
        used, idle = await pool.acquire(), await pool.acquire()
        pool.release(idle)
        pool.renew()
        assert (idle.is_closed, used.is_closed) == (True, False)
        pool.release(used)
        assert used.is_closed
        assert not (await pool.acquire()).is_closed

    run_fast(main())


def test_renewing_replaces_what_is_being_opened() -> None:
    """A server that was demoted: the connection was begun before that was known."""

    async def main() -> None:
        pool = pool_of(server := Server(), max_size=1)
        acquired = asyncio.create_task(pool.acquire())
        await asyncio.sleep(server.takes / 2)
        pool.renew()
        line = await acquired
        assert [other.is_closed for other in server.lines] == [True, False]
        assert line is server.lines[1]
        pool.release(line)
        assert await pool.acquire() is line

    run_fast(main())


def test_a_closed_pool_refuses_and_closes_what_comes_back() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(), max_size=1)
        line = await pool.acquire()
        waiting = asyncio.create_task(failing(pool.acquire()))
        await asyncio.sleep(0)
        pool.close()
        assert isinstance((await waiting)[0], EngineNotOpen)
        assert isinstance((await failing(pool.acquire()))[0], EngineNotOpen)
        pool.release(line)
        pool.release(line)
        assert server.open_lines == 0

    run_fast(main())


def test_a_pool_that_is_closed_while_it_opens_leaves_nothing_open() -> None:
    async def main() -> None:
        pool = pool_of(server := Server(takes=1))
        waiting = asyncio.create_task(failing(pool.acquire()))
        await asyncio.sleep(0.5)
        pool.close()
        await waiting
        await asyncio.sleep(2)
        assert (server.open_lines, pool.stats().opening) == (0, 0)

    run_fast(main())


def test_the_figures_add_up() -> None:
    async def main() -> None:
        pool = pool_of(Server(takes=1), max_size=3)
        tasks = [asyncio.create_task(hold(pool, 10)) for _ in range(4)]
        await asyncio.sleep(0.5)
        stats = pool.stats()
        assert (stats.size, stats.opening, stats.in_use, stats.waiting) == (3, 3, 0, 4)
        await asyncio.sleep(1)
        stats = pool.stats()
        assert (stats.size, stats.opening, stats.in_use, stats.waiting, stats.opened) == (3, 0, 3, 1, 3)
        await asyncio.gather(*tasks)
        stats = pool.stats()
        assert (stats.idle, stats.max_size, stats.failed) == (3, 3, 0)
        # Three waited a second for an attempt, the fourth for one of them to be done as well.
        assert stats.wait_seconds == pytest.approx(3 * 1 + 11)

    run_fast(main())
