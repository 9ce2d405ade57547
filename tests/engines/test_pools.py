"""`adj.pools()`, and what the pools of both engines do with sessions that end and loops that end."""

from __future__ import annotations

import asyncio
import time

import pytest
from django.test import override_settings

import adj
from adj import PoolStats, TooManyWaiting, atomic, q
from tests.engines.faults import network_to
from tests.engines.places import NATIVE, Place
from tests.engines.sessions import elsewhere, end_all_sessions
from tests.running import run, worker_threads
from tests.shop.models import Book, Country

THREADS = Place("threads", "postgres", "threads")
POOLED = pytest.mark.parametrize("pooled", [NATIVE, THREADS], ids=lambda place: place.name)


def test_the_figures_are_those_of_the_aliases_that_were_used(place: Place) -> None:
    async def main() -> None:
        assert adj.pools() == {}
        await q(Country).using(place.alias).acount()
        found = adj.pools()
        if place.engine == "django":
            assert found == {}
            return
        assert list(found) == [place.alias]
        stats = found[place.alias]
        assert isinstance(stats, PoolStats)
        assert (stats.size, stats.in_use, stats.idle, stats.opened, stats.failed) == (1, 0, 1, 1, 0)
        assert 0 < stats.wait_seconds < 5
        async with atomic(place.alias):
            stats = adj.pools()[place.alias]
            assert (stats.size, stats.in_use, stats.idle, stats.waiting) == (1, 1, 0, 0)
        await adj.close()
        assert adj.pools() == {}

    run(main())


def test_the_figures_need_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        adj.pools()


@POOLED
def test_sessions_that_were_ended_while_idle_are_replaced_silently(postgres: str, pooled: Place) -> None:
    """P33 and M8: at once, and for all connections, without CONN_HEALTH_CHECKS."""

    async def use(together: asyncio.Barrier) -> None:
        async with atomic(postgres):
            await q(Book).using(postgres).acount()
            await together.wait()

    async def main() -> None:
        together = asyncio.Barrier(5)
        await asyncio.gather(*(use(together) for _ in range(5)))
        assert await elsewhere(end_all_sessions) >= 5
        start = time.perf_counter()
        for _ in range(10):
            assert await q(Book).using(postgres).acount() > 0
        await asyncio.gather(*(use(together) for _ in range(5)))
        # Without waiting for any of them.
        assert time.perf_counter() - start < 10

    with pooled.chosen():
        run(main())


@POOLED
def test_too_many_that_wait_are_refused(postgres: str, pooled: Place) -> None:
    async def hold(may_end: asyncio.Event) -> None:
        async with atomic(postgres):
            await may_end.wait()

    async def main() -> None:
        may_end = asyncio.Event()
        await q(Book).using(postgres).acount()
        tasks = [asyncio.create_task(hold(may_end)) for _ in range(3)]
        while adj.pools()[postgres].waiting < 2:  # noqa: ASYNC110  # whichever of them comes last
            await asyncio.sleep(0.01)
        with pytest.raises(TooManyWaiting, match=r'All 1 connections to "postgres" are in use, and 2 queries'):
            await q(Book).using(postgres).acount()
        may_end.set()
        await asyncio.gather(*tasks)
        assert await q(Book).using(postgres).acount() > 0

    limits = {"threads": 1, "pool": {"max_size": 1, "max_waiting": 2}}
    with pooled.chosen(), override_settings(ADJ={postgres: {"engine": pooled.engine, **limits}}):
        run(main())


@POOLED
def test_a_loop_that_ends_while_connections_are_opened_ends_soon(postgres: str, pooled: Place) -> None:
    """The server accepts and stays silent; adj does not wait for it."""

    async def main() -> None:
        async with network_to(postgres) as network:
            network.go_down()
            tasks = [asyncio.create_task(q(Book).using(postgres).acount()) for _ in range(3)]
            while not network.connections:  # noqa: ASYNC110  # a thread connects, outside the event loop
                await asyncio.sleep(0.01)
            start = time.perf_counter()
            await adj.close()
            assert time.perf_counter() - start < 1.5
            assert {type(task.exception()) for task in (await asyncio.wait(tasks))[0]} == {adj.EngineNotOpen}

    with pooled.chosen():
        asyncio.run(main())
        assert_threads_end()


def assert_threads_end() -> None:
    """Fail if a worker thread does not end once its server is gone."""
    end = time.monotonic() + 5
    while worker_threads():
        assert time.monotonic() < end
        time.sleep(0.02)
