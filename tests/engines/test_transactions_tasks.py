"""Who may use a transaction: the task that has begun it, until it ends, however it ends."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from collections.abc import AsyncGenerator

import pytest
from asgiref.sync import sync_to_async

import adj
from adj import CrossTaskTransaction, NestingError, QueryTimeout, atomic, q
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country

# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_child_task_is_refused_and_the_block_goes_on(place: Place) -> None:
    """P7."""

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            results = await asyncio.gather(codes(place.alias), create(place.alias, "+2"), return_exceptions=True)
            assert [type(result) for result in results] == [CrossTaskTransaction, CrossTaskTransaction]
            assert "adj.gather" in str(results[0])
            assert await codes(place.alias) == ["+1"]

    run(main())
    assert written(place) == ["+1"]


def test_a_task_that_outlives_the_block_is_refused(place: Place) -> None:
    """P8 and M7."""

    async def main() -> None:
        is_over = asyncio.Event()

        async def late() -> Country:
            await is_over.wait()
            return await create(place.alias, "+2")

        async with atomic(place.alias):
            await create(place.alias, "+1")
            task = asyncio.create_task(late())
        is_over.set()
        with pytest.raises(CrossTaskTransaction, match=r"has (since )?ended"):
            await task

    run(main())
    assert written(place) == ["+1"]


def test_django_s_methods_are_refused_in_a_task_that_outlives_the_block(place: Place) -> None:
    """P8: with an error that says so, also while the connection is in the next transaction of the task."""

    async def main() -> None:
        is_over = asyncio.Event()

        async def late() -> Country:
            await is_over.wait()
            return await Country.objects.using(place.alias).acreate(code="+2", name="late")

        async def begin_late() -> asyncio.Task[Country]:
            async with atomic(place.alias):
                return asyncio.create_task(late())

        task = await begin_late()
        async with atomic(place.alias):
            await create(place.alias, "+1")
            is_over.set()
            with pytest.raises(CrossTaskTransaction, match=r"has (since )?ended"):
                await task
        assert await Country.objects.using(place.alias).filter(code="+1").aexists()

    run(main())
    assert written(place) == ["+1"]


def test_a_task_that_was_there_before_is_not_in_the_transaction(place: Place) -> None:
    """P9."""
    if place.engine == "django" or place.alias == "default":
        pytest.skip("one connection for all, or a database that lets one writer in: the other task waits")

    async def main() -> None:
        has_written, has_looked = asyncio.Event(), asyncio.Event()

        async def other() -> list[str]:
            await has_written.wait()
            found = await codes(place.alias)
            has_looked.set()
            return found

        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        async with atomic(place.alias):
            await create(place.alias, "+1")
            has_written.set()
            await has_looked.wait()
        assert await task == []

    run(main())


def test_gather_runs_one_after_another_inside_and_at_once_outside(place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            one, two = await adj.gather(codes(place.alias), q(Country).using(place.alias).filter(code="+1").acount())
            assert (one, two) == (["+1"], 1)
            with pytest.raises(Undo):
                await adj.gather(raising(), create(place.alias, "+2"))
        assert await adj.gather(codes(place.alias), codes(place.alias)) == (["+1"], ["+1"])

    async def raising() -> None:
        raise Undo

    run(main())
    assert written(place) == ["+1"]


def test_transactions_of_two_tasks_do_not_see_each_other(place: Place) -> None:
    async def write(code: str) -> list[str]:
        async with atomic(place.alias):
            await create(place.alias, code)
            found = await codes(place.alias)
            await asyncio.sleep(0.01)
            raise Undo(found)

    async def main() -> None:
        results = await asyncio.gather(*map(write, ("+1", "+2", "+3")), return_exceptions=True)
        assert [result.args[0] for result in results if isinstance(result, Undo)] == [["+1"], ["+2"], ["+3"]]

    run(main())
    assert written(place) == []


def test_a_block_that_another_task_leaves_is_undone(place: Place) -> None:
    """P15."""

    async def main() -> None:
        block = atomic(place.alias)

        async def enter() -> None:
            await block.__aenter__()
            await create(place.alias, "+1")

        await asyncio.create_task(enter(), name="who enters")
        with pytest.raises(NestingError, match=r"left by task 'Task-\d+', but entered by task 'who enters'"):
            await block.__aexit__(None, None, None)
        with pytest.raises(RuntimeError, match="left twice"):
            await block.__aexit__(None, None, None)
        assert await codes(place.alias) == []
        async with atomic(place.alias):
            await create(place.alias, "+2")

    run(main())
    assert written(place) == ["+2"]


def test_a_block_is_left_only_after_it_was_entered() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="left without being entered"):
            await atomic().__aexit__(None, None, None)

    run(main())


def test_a_generator_that_is_not_run_to_its_end_leaves_its_transaction(place: Place) -> None:
    """P15: the event loop ends it in another task."""

    async def generate() -> AsyncGenerator[int]:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            yield 1
            yield 2

    async def main() -> None:
        async for _ in generate():
            break
        gc.collect()
        for _ in range(50):
            await asyncio.sleep(0.01)
            if not adj.in_transaction(place.alias):
                break
        assert await codes(place.alias) == []
        async with atomic(place.alias):
            await create(place.alias, "+2")
        await Country(code="+3", name="x").asave(using=place.alias)
        assert (await Country.objects.using(place.alias).aget(code="+2")).code == "+2"

    run(main())
    assert written(place) == ["+2", "+3"]


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_a_cancelled_block_is_undone(place: Place) -> None:
    """M2 and P22."""

    async def main() -> None:
        is_inside = asyncio.Event()

        async def write() -> None:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                is_inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(write())
        await is_inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await codes(place.alias) == []

    run(main())
    assert written(place) == []


def test_a_block_that_takes_too_long_is_undone(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(QueryTimeout, match=r"longer than 0\.05 s"):
            async with atomic(place.alias, timeout=0.05):
                await create(place.alias, "+1")
                await asyncio.sleep(60)
        assert await codes(place.alias) == []

    run(main())


def test_what_waits_for_its_turn_when_the_block_ends_is_refused(place: Place) -> None:
    """P8: it must not run on a connection that somebody else has by then."""
    if place.engine == "django":
        pytest.skip("the connection is Django's, before and after")

    def slow(code: str) -> None:
        time.sleep(0.02)
        Country.objects.using(place.alias).create(code=code, name="x")

    async def first() -> list[asyncio.Task[None]]:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            return [asyncio.create_task(sync_to_async(slow)(f"+{number}")) for number in range(2, 6)]

    async def main() -> None:
        tasks = await asyncio.create_task(first())
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await asyncio.sleep(0.2)
                raise Undo
        results = await asyncio.gather(*tasks, return_exceptions=True)
        done = [f"+{number}" for number, result in enumerate(results, 2) if result is None]
        assert await codes(place.alias) == ["+1", *done]

    run(main())


def test_a_stream_that_outlives_its_transaction_does_not_reach_the_next_one(place: Place) -> None:
    """P44."""
    if place.alias == "mariadb" or place.engine == "django":
        pytest.skip("its cursors are not on the server, or the connection is Django's before and after")

    async def main() -> None:
        async with atomic(place.alias):
            stream = q(Country).using(place.alias).stream(1)
            await stream.__aenter__()
            await anext(stream)
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(CrossTaskTransaction, match=r"has (since )?ended"):
                await anext(stream)
            await stream.__aexit__(None, None, None)
            assert await codes(place.alias) == ["+1"]

    with warnings.catch_warnings():
        # The server has closed the cursor with its transaction; adj must not close it again.
        warnings.simplefilter("ignore", ResourceWarning)
        run(main())
        gc.collect()
    assert written(place) == ["+1"]


def test_closing_everything_ends_a_transaction_that_is_open(place: Place) -> None:
    if place.engine == "django":
        pytest.skip("the connection is Django's, and stays")

    async def write() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await asyncio.sleep(0.1)
            await create(place.alias, "+2")

    async def main() -> None:
        async with asyncio.timeout(5):
            task = asyncio.create_task(write())
            await asyncio.sleep(0.05)
            await adj.close()
            await asyncio.gather(task, return_exceptions=True)

    run(main())
