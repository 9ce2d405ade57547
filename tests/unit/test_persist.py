"""Work that outlives a cancellation, and how long a deadline lets it keep its caller; on a clock that jumps."""

from __future__ import annotations

import asyncio
import math

import pytest

from adj.completion import RELEASE_SECONDS, deadline_in, result_and_cancellation, seconds_to_clean, to_its_end
from tests.unit.fast_loop import run_fast


def now() -> float:
    return asyncio.get_running_loop().time()


async def work(seconds: float, ended: list[str]) -> str:
    """Take some time, and note how that ends."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
    ended.append("done")
    return "result"


def test_without_a_deadline_cleaning_has_all_its_time() -> None:
    async def main() -> None:
        assert seconds_to_clean(5) == 5
        with deadline_in(1):
            pass
        assert seconds_to_clean(5) == 5

    run_fast(main())


def test_the_nearest_deadline_holds() -> None:
    async def main() -> None:
        with deadline_in(1):
            assert seconds_to_clean(5) == pytest.approx(1 + RELEASE_SECONDS)
            assert seconds_to_clean(0.5) == 0.5
            with deadline_in(10):
                assert seconds_to_clean(math.inf) == pytest.approx(1 + RELEASE_SECONDS)
            with deadline_in(0.1):
                assert seconds_to_clean(5) == pytest.approx(0.1 + RELEASE_SECONDS)
            assert seconds_to_clean(5) == pytest.approx(1 + RELEASE_SECONDS)
            await asyncio.sleep(3)
            assert seconds_to_clean(5) == 0

    run_fast(main())


def test_a_task_that_outlives_the_block_is_free_of_its_deadline() -> None:
    async def later() -> float:
        await asyncio.sleep(10)
        return seconds_to_clean(5)

    async def main() -> None:
        with deadline_in(1):
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        assert await task == 5

    run_fast(main())


def test_work_is_done_before_its_caller_is_cancelled() -> None:
    ended: list[str] = []

    async def main() -> None:
        task = asyncio.create_task(to_its_end(work(10, ended)))
        await asyncio.sleep(1)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["done"]
        assert now() == pytest.approx(10)

    run_fast(main())


@pytest.mark.parametrize(("deadline", "end"), [(None, 1 + 5), (1, 1 + RELEASE_SECONDS), (30, 1 + 5)])
def test_patience_begins_with_the_cancellation_and_ends_with_the_deadline(deadline: float | None, end: float) -> None:
    ended: list[str] = []

    async def call() -> None:
        with deadline_in(math.inf if deadline is None else deadline):
            await result_and_cancellation(work(100, ended), patience=5)

    async def main() -> None:
        task = asyncio.create_task(call())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["cancelled"]
        assert now() == pytest.approx(end)

    run_fast(main())


def test_work_that_starts_after_the_deadline_is_abandoned_soon() -> None:
    """The caller was cancelled before, and will not be again, so this is not a cancellation."""
    ended: list[str] = []

    async def main() -> None:
        with deadline_in(1):
            await asyncio.sleep(1)
            assert await to_its_end(work(RELEASE_SECONDS / 2, [])) == "result"
            with pytest.raises(TimeoutError):
                await to_its_end(work(100, ended))
            assert ended == ["cancelled"]
            assert now() == pytest.approx(1 + RELEASE_SECONDS)

    run_fast(main())
