"""The native engine stops abandoned queries on the server, and its pool keeps all connections."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import time

import pytest
from django.db import connections

import adj
from adj import QueryTimeout, atomic, q
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.engines.sessions import (
    active_queries,
    assert_nothing_runs,
    assert_run_at_once,
    native_engine,
    sleeping,
    until_active,
)
from tests.running import run
from tests.shop.models import Book, Country, Review


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_query_has_ended_on_the_server(five_connections: str, times: int) -> None:
    """P22, P23 and M3."""

    async def main() -> None:
        tasks = [asyncio.create_task(wait_for_answer()) for _ in range(5)]
        await until_active(5)
        for task in tasks:
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
        start = time.perf_counter()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        await assert_nothing_runs()
        await asyncio.gather(*(sleeping(0.01).run() for _ in range(5)))
        # The queries would have taken half a minute.
        assert time.perf_counter() - start < 15

    async def wait_for_answer() -> None:
        await sleeping(30).run()

    run(main())


def test_a_storm_of_cancellations_leaves_the_pool_whole(five_connections: str) -> None:
    """P26 and M4: a thousand tasks, each cancelled at a random moment within 20 ms."""
    chance = random.Random(7)

    async def work() -> None:
        async with atomic(five_connections):
            await q(Book).using(five_connections).acount()
            async with atomic(five_connections):
                await sleeping(0.005).run()

    async def cancelled_soon() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(chance.random() * 0.02)
        for _ in range(chance.randrange(1, 4)):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(task, return_exceptions=True)

    async def main() -> None:
        for _ in range(20):
            await asyncio.gather(*(cancelled_soon() for _ in range(50)))
        await assert_nothing_runs()
        await assert_run_at_once([sleeping(30)] * 5)
        stats = (await native_engine()).stats()
        assert (stats.waiting, stats.in_use) == (0, 0)
        assert stats.idle == stats.size <= 5

    run(main())


def test_a_cancellation_at_any_step_leaves_nothing_open(five_connections: str) -> None:
    """P24 and P25: the task is cancelled at its first, second, ... wait, until it gets to its end."""

    async def work() -> None:
        async with atomic(five_connections):
            await adj.run_sync(Country.objects.using(five_connections).create, code="+1", name="x")
            async with atomic(five_connections):
                await q(Country).using(five_connections).acount()
            async with q(Review).using(five_connections).stream(1) as rows:
                async for _ in rows:
                    break
            await adj.set_rollback(using=five_connections)

    async def main() -> int:
        for steps in range(1, 200):
            task = asyncio.create_task(work())
            for _ in range(steps):
                await asyncio.sleep(0)
                # Let what the server has answered arrive, so that each step of ours is one of the task's.
                await asyncio.sleep(0.0005)
            if task.done():
                await task
                return steps
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await native_engine()).stats().in_use == 0
        raise AssertionError("the task never came to its end")

    assert run(main()) > 3
    assert active_queries() == 0
    assert not Country.objects.using(five_connections).filter(code="+1").exists()


def test_a_query_that_takes_too_long_is_stopped(native: Place) -> None:
    """P27."""
    slow = sleeping(30, native.alias).timeout(0.1)

    async def main() -> None:
        with pytest.raises(QueryTimeout, match=r"longer than 0\.1 s and was stopped. The query: q\(Book\)"):
            await slow.run()
        await assert_nothing_runs()
        async with atomic(native.alias):
            assert await slow.timeout(None)[:0].run() == []
            with pytest.raises(QueryTimeout):
                async with slow.stream() as rows:
                    await anext(rows)
            await adj.set_rollback(using=native.alias)
        assert (await native_engine()).stats().in_use == 0

    run(main())
    with pytest.raises(ValueError, match=r"timeout\(\) expects a positive number of seconds; got 0"):
        q(Book).timeout(0)


def test_a_query_that_takes_too_long_is_stopped_when_nobody_is_there_to_cancel_it(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P27: the server has its own limit for it, which ends with the query."""
    monkeypatch.setattr("adj.engines.postgres.connection.GRACE_SECONDS", 0.1)

    async def main() -> None:
        waiting = asyncio.create_task(sleeping(30).timeout(2).run())
        await until_active(1)
        # The event loop is stuck, and cannot cancel.
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            assert thread.submit(ends_by_itself).result()
        with pytest.raises(QueryTimeout):
            await waiting
        assert await (await executor_for(native.alias)).run(setting) == "0"
        assert len(await q(Book).using(native.alias).timeout(5).run()) > 0
        assert await (await executor_for(native.alias)).run(setting) == "0"

    def ends_by_itself() -> bool:
        """Whether the query ends long before its half minute is over."""
        end = time.monotonic() + 15
        while (is_active := active_queries() > 0) and time.monotonic() < end:
            time.sleep(0.05)
        connections[native.alias].close()
        return not is_active

    def setting() -> str:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            found: str = cursor.fetchone()[0]
            return found

    run(main())
