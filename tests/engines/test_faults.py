"""N10: faults of the network at each moment: what has a deadline ends with it, and the pool works when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections
from django.test import override_settings

import adj
from adj import EngineNotOpen, PoolTimeout, QueryTimeout, atomic, q
from adj.engines.outcome import OUTCOME_UNKNOWN
from tests.engines.faults import Fault, Network, network_to
from tests.engines.places import NATIVE, Place
from tests.engines.sessions import native_engine
from tests.running import run
from tests.shop.models import Book, Country, Review

THREADS = Place("threads", "postgres", "threads")
LIMIT = 0.5
# Far less than the eight seconds after which `ended()` gives up, with room for a busy machine.
GRACE = 1.0
"""What may pass after a deadline."""
TASKS = 6


@pytest.fixture(params=[NATIVE, THREADS], ids=lambda place: place.name)
def far(postgres: str, request: Any) -> Generator[Place]:
    """An engine whose server is behind a network with faults."""
    with request.param.chosen():
        yield request.param


@contextmanager
def pool(place: Place, **options: Any) -> Generator[None]:
    """Settings of the pool, of either engine."""
    with override_settings(ADJ={place.alias: {"engine": place.engine, "threads": 10, "pool": options}}):
        yield


@asynccontextmanager
async def faulty(place: Place, *, warm: bool) -> AsyncGenerator[Network]:
    """A network to the server; warm, with a connection for each task. At block exit everything has to work again."""
    async with network_to(place.alias) as network:
        try:
            if warm:
                start = asyncio.Barrier(TASKS)
                await asyncio.gather(*(warm_up(place, start) for _ in range(TASKS)))
            yield network
            network.come_back()
            async with asyncio.timeout(10):
                assert await q(Book).using(place.alias).acount() > 0
            if place is NATIVE:
                assert (await native_engine(place.alias)).stats().in_use == 0
        finally:
            # Threads that are still waiting for an answer get one: the end of their connection.
            network.come_back()
            await network.end()
            await adj.close()


async def warm_up(place: Place, start: asyncio.Barrier) -> None:
    async with atomic(place.alias):
        await q(Book).using(place.alias).acount()
        await start.wait()


async def ended(work: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[BaseException | None, float]:
    """The error with which something ends, and after how many seconds; it must end before the test does."""
    begun = time.monotonic()
    task = asyncio.create_task(work())
    # Not `timeout()`: what is not bounded does not mind being cancelled either.
    done, _ = await asyncio.wait([task], timeout=8)
    assert done, "it is still waiting for an answer"
    return (None if task.cancelled() else task.exception()), time.monotonic() - begun


async def query_with_timeout(alias: str) -> None:
    await q(Book).using(alias).timeout(LIMIT).acount()


async def stream_with_timeout(alias: str) -> None:
    async with q(Review).using(alias).timeout(LIMIT).stream(1) as rows:
        await anext(rows)


async def block_with_timeout(alias: str) -> None:
    async with atomic(alias, timeout=LIMIT):
        await q(Book).using(alias).acount()


async def inner_block_with_timeout(alias: str) -> None:
    async with atomic(alias, timeout=LIMIT), atomic(alias):
        await q(Book).using(alias).acount()


async def idle_block_with_timeout(alias: str) -> None:
    async with atomic(alias, timeout=LIMIT):
        await asyncio.sleep(10)


async def read_in_block(alias: str) -> None:
    async with atomic(alias):
        await q(Book).using(alias).timeout(LIMIT).acount()


WORKS = [
    query_with_timeout,
    stream_with_timeout,
    block_with_timeout,
    inner_block_with_timeout,
    idle_block_with_timeout,
]


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
def test_a_deadline_holds_though_the_server_is_silent(far: Place, warm: bool, work: Callable[..., Any]) -> None:
    """Six tasks at once. P29."""

    async def main() -> None:
        async with faulty(far, warm=warm) as network:
            network.go_down()
            ends = await asyncio.gather(*(ended(lambda: work(far.alias)) for _ in range(TASKS)))
            assert {type(error) for error, _ in ends} == {QueryTimeout}
            assert max(seconds for _, seconds in ends) < LIMIT + GRACE

    run(main())


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("used", [False, True], ids=["opening", "full"])
def test_the_timeout_of_the_pool_holds_though_the_server_is_silent(far: Place, warm: bool, used: bool) -> None:
    """It includes opening: while the pool grows, and while another task holds all there is."""

    async def main() -> None:
        with pool(far, timeout=LIMIT):
            async with faulty(far, warm=warm) as network:
                network.go_down()
                # Warm ones answer no more, and keep those that come first.
                holders = [asyncio.create_task(hold(far.alias)) for _ in range(10 if used else TASKS)]
                await asyncio.sleep(0.1 if warm else 0)
                ends = await asyncio.gather(*(ended(lambda: plain(far.alias)) for _ in range(TASKS)))
                assert {type(error) for error, _ in ends} == {PoolTimeout}
                assert max(seconds for _, seconds in ends) < LIMIT + GRACE
                for holder in holders:
                    holder.cancel()
                await asyncio.wait(holders, timeout=8)

    run(main())


async def plain(alias: str) -> None:
    await q(Book).using(alias).acount()


async def hold(alias: str) -> None:
    await q(Book).using(alias).timeout(3).acount()


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.ONE_WAY])
def test_a_commit_without_an_answer_ends_with_its_deadline_and_says_what_is_not_known(far: Place, fault: Fault) -> None:
    """P27. What was committed is there, what was not is not; the error says that it may be either."""

    async def write() -> None:
        async with atomic(far.alias, timeout=LIMIT):
            await q(Country).using(far.alias).acreate(code="+1", name="x")

    async def main() -> None:
        async with faulty(far, warm=True) as network:
            network.break_at(fault, "COMMIT")
            error, seconds = await ended(write)
            assert isinstance(error, OperationalError)
            assert OUTCOME_UNKNOWN in getattr(error, "__notes__", [])
            assert LIMIT - 0.1 < seconds < LIMIT + GRACE

    run(main())
    assert ("+1" in far.codes()) is (fault is Fault.ONE_WAY)


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.RESET])
@pytest.mark.parametrize("moment", ["shop_book", "COMMIT"])
def test_a_line_that_is_cut_is_an_error_at_once(far: Place, fault: Fault, moment: str) -> None:
    """P13: also in the middle of an answer. No transaction is half there."""

    async def write() -> None:
        async with atomic(far.alias):
            await q(Country).using(far.alias).acreate(code="+1", name="x")
            await q(Book).using(far.alias).acount()

    async def main() -> None:
        async with faulty(far, warm=True) as network:
            network.break_at(fault, moment)
            error, seconds = await ended(write)
            assert isinstance(error, DatabaseError)
            assert seconds < 4
            assert (OUTCOME_UNKNOWN in getattr(error, "__notes__", [])) is (moment == "COMMIT")

    run(main())
    assert ("+1" in far.codes()) is (fault is Fault.TRUNCATED and moment == "COMMIT")


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.ONE_WAY, Fault.TRUNCATED, Fault.RESET])
def test_a_stream_whose_line_breaks_ends(far: Place, fault: Fault) -> None:
    async def read() -> None:
        async with q(Review).using(far.alias).timeout(LIMIT).stream(1) as rows:
            await anext(rows)
            network.break_at(fault, "FETCH")
            async for _ in rows:
                pass

    network: Network

    async def main() -> None:
        nonlocal network
        async with faulty(far, warm=True) as network:
            error, seconds = await ended(read)
            assert isinstance(error, OperationalError)
            assert seconds < LIMIT + GRACE

    run(main())


def test_a_slow_line_is_slow_and_nothing_else(far: Place) -> None:
    async def main() -> None:
        async with faulty(far, warm=True) as network:
            network.delay = 0.2
            network.break_at(Fault.DELAYED, "shop_book")
            assert await q(Book).using(far.alias).timeout(5).acount() > 0
            with pytest.raises(QueryTimeout):
                await q(Book).using(far.alias).timeout(0.05).acount()

    run(main())


def test_a_read_whose_answer_is_cut_is_not_sent_again(far: Place) -> None:
    """N16: the server has run it, however soon the line broke."""

    async def main() -> None:
        async with faulty(far, warm=True) as network:
            before = network.connections
            network.break_at(Fault.TRUNCATED, "shop_review")
            with pytest.raises(OperationalError):
                await q(Review).using(far.alias).acount()
            assert network.connections == before

    run(main())


def test_a_connection_that_is_not_clean_by_the_deadline_is_closed_and_the_request_to_cancel_still_sent(
    native_far: Place,
) -> None:
    """The caller does not wait for a network that needs longer than a deadline allows, but the query is stopped."""

    async def main() -> None:
        async with faulty(native_far, warm=True) as network:
            from tests.engines.sessions import assert_nothing_runs, sleeping

            network.delay = 0.5
            network.break_at(Fault.DELAYED)
            begun = time.monotonic()
            with pytest.raises(QueryTimeout):
                await sleeping(30, native_far.alias).timeout(0.2).run()
            assert time.monotonic() - begun < 0.2 + GRACE
            await asyncio.sleep(0.6)
            network.come_back()
            await assert_nothing_runs()

    run(main())


@pytest.fixture
def native_far(postgres: str) -> Generator[Place]:
    """The native engine."""
    with NATIVE.chosen():
        yield NATIVE


def test_a_name_that_does_not_resolve_in_time_does_not_outlast_the_deadline(
    native_far: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow DNS, cold: six tasks at once."""
    monkeypatch.setitem(connections.settings[native_far.alias], "HOST", "slow.invalid")

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()

        async def resolve(*_: Any, **__: Any) -> Any:
            await asyncio.sleep(20)

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        ends = await asyncio.gather(*(ended(lambda: query_with_timeout(native_far.alias)) for _ in range(TASKS)))
        assert {type(error) for error, _ in ends} == {QueryTimeout}
        assert max(seconds for _, seconds in ends) < LIMIT + GRACE
        await adj.close()

    run(main())


def test_a_server_that_nobody_answers_at_is_an_error_at_once_at_the_first_query(
    far: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = connections.settings[far.alias]
    monkeypatch.setitem(settings, "HOST", "127.0.0.1")
    monkeypatch.setitem(settings, "PORT", "1")

    async def main() -> None:
        ends = await asyncio.gather(*(ended(lambda: plain(far.alias)) for _ in range(TASKS)))
        assert {type(error) for error, _ in ends} == {EngineNotOpen}
        assert max(seconds for _, seconds in ends) < 4

    run(main())
