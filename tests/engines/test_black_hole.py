"""P29: a network that swallows everything: what cleans up gives up in time, and the pool works when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import override_settings

import adj
from adj import QueryTimeout, atomic, q
from adj.engines.postgres import connection
from tests.engines.faults import Network, network_to
from tests.engines.places import Place
from tests.engines.sessions import native_engine, sleeping
from tests.running import run
from tests.shop.models import Book, Country, Review

BOUND = 2.0
"""Seconds within which everything has to end here, where a cancellation may take a tenth of one."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CANCEL_SECONDS", 0.1)


@pytest.fixture
def two_connections(native: Place) -> Generator[str]:
    """The native engine with at most two connections."""
    with override_settings(ADJ={native.alias: {"pool": {"max_size": 2, "timeout": 5}}}):
        yield native.alias


@asynccontextmanager
async def black_hole(alias: str) -> AsyncGenerator[Network]:
    """A network that carries until the test stops it; at block exit it is back, and the pool has to be whole."""
    async with network_to(alias) as network:
        try:
            yield network
            network.come_back()
            async with asyncio.timeout(BOUND):
                counts = await asyncio.gather(*(q(Book).using(alias).acount() for _ in range(5)))
            assert len(set(counts)) == 1
            engine = await native_engine(alias)
            stats = engine.stats()
            assert stats.in_use == 0
            assert stats.idle + stats.opening == stats.size <= 2
        finally:
            await adj.close()


async def in_time(ending: Coroutine[Any, Any, Any]) -> float:
    """Await something that has to end within the bound; how long it took."""
    start = time.monotonic()
    # Not `timeout()`: what is not bounded does not mind being cancelled either.
    done, _ = await asyncio.wait([task := asyncio.create_task(ending)], timeout=BOUND)
    assert done, "it is still waiting for an answer"
    task.result()
    return time.monotonic() - start


def test_a_query_that_takes_too_long_gives_up(two_connections: str) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            await q(Book).using(two_connections).acount()
            network.go_down()
            await in_time(ask())

    async def ask() -> None:
        with pytest.raises(QueryTimeout):
            await q(Book).using(two_connections).timeout(0.1).acount()

    run(main())


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_query_gives_up(two_connections: str, times: int) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            task = asyncio.create_task(sleeping(1, two_connections).run())
            await asyncio.sleep(0.02)
            network.go_down()
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            await in_time(ended(task))
            assert task.cancelled()

    run(main())


async def ended(task: asyncio.Task[Any]) -> None:
    """Wait for a task, whatever becomes of it."""
    await asyncio.wait([task])


def test_a_transaction_that_is_undone_gives_up(two_connections: str) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            await in_time(undo(network))

    async def undo(network: Network) -> None:
        with pytest.raises(ValueError, match="no") as raised:
            async with atomic(two_connections):
                await q(Book).using(two_connections).acount()
                network.go_down()
                raise ValueError("no")
        assert raised.type is ValueError

    run(main())


def test_an_inner_block_that_is_undone_gives_up_and_so_does_the_outer_one(two_connections: str) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            await in_time(undo(network))

    async def undo(network: Network) -> None:
        with pytest.raises((ValueError, DatabaseError)):
            async with atomic(two_connections), atomic(two_connections):
                network.go_down()
                raise ValueError("no")

    run(main())


@pytest.mark.parametrize("seconds", [0.1, None])
def test_a_transaction_that_is_stopped_gives_up(two_connections: str, seconds: float | None) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            task = asyncio.create_task(write(network))
            if seconds is None:
                await asyncio.sleep(0.1)
                task.cancel()
            await in_time(ended(task))
            assert task.cancelled() or isinstance(task.exception(), QueryTimeout)

    async def write(network: Network) -> None:
        async with atomic(two_connections, timeout=seconds):
            await q(Country).using(two_connections).acount()
            network.go_down()
            await q(Country).using(two_connections).acount()

    run(main())


def test_a_commit_that_is_stopped_gives_up(two_connections: str, caplog: pytest.LogCaptureFixture) -> None:
    """P27. Whether it was done is not known, and said also to who looks at no error; the connection is gone anyway."""

    async def main() -> None:
        async with black_hole(two_connections) as network:
            is_down = asyncio.Event()
            task = asyncio.create_task(write(network, is_down))
            await is_down.wait()
            await asyncio.sleep(0.1)
            task.cancel()
            await in_time(ended(task))
            assert "may or may not have taken effect" in "".join(getattr(task.exception(), "__notes__", []))
            assert "may or may not have taken effect" in caplog.text

    async def write(network: Network, is_down: asyncio.Event) -> None:
        async with atomic(two_connections):
            await q(Country).using(two_connections).acount()
            network.go_down()
            is_down.set()

    run(main())


def test_a_stream_that_is_left_gives_up(two_connections: str) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            await in_time(read(network))

    async def read(network: Network) -> None:
        try:
            async with q(Review).using(two_connections).stream(1) as rows:
                await anext(rows)
                network.go_down()
        except DatabaseError:
            # It may say so, or not; but it ends.
            pass

    run(main())


def test_closing_gives_up_what_nobody_answers(two_connections: str) -> None:
    async def main() -> None:
        async with black_hole(two_connections) as network:
            await asyncio.gather(*(q(Book).using(two_connections).acount() for _ in range(2)))
            network.go_down()
            task = asyncio.create_task(q(Book).using(two_connections).acount())
            await asyncio.sleep(0.05)
            await in_time(adj.close())
            task.cancel()
            await in_time(ended(task))

    run(main())
