"""A storm of cancellations over blocks, their on_commit() callbacks, streams and the pool: nothing is lost or left.

N9, M3, M4. `ADJ_TEST_STORMS=20` repeats it with as many seeds.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Generator
from typing import Any

import pytest
from django.test import override_settings

import adj
from adj import atomic, q
from adj.execution.databases import executor_for
from tests.engines.sessions import assert_nothing_runs
from tests.running import run
from tests.shop.models import Tag

STORMS = int(os.environ.get("ADJ_TEST_STORMS", "1"))
CANCELS = 1_000
AT_ONCE = 12
ENGINES: dict[str, dict[str, Any]] = {
    "psycopg": {"engine": "psycopg", "pool": {"max_size": 5}},
    "threads": {"engine": "threads", "threads": 5},
}


@pytest.fixture(params=ENGINES)
def stormy(postgres: str, request: Any) -> Generator[str]:
    """An engine with fewer connections than tasks want."""
    with override_settings(ADJ={postgres: ENGINES[request.param]}):
        try:
            yield postgres
        finally:
            Tag.objects.using(postgres).filter(name__startswith="storm ").delete()


class Storm:
    """Tasks that write, nearly all of which are cancelled at random moments."""

    def __init__(self, alias: str, seed: int) -> None:
        self._alias, self._seed = alias, seed
        self._random = random.Random(seed)
        self._places = asyncio.Semaphore(AT_ONCE)
        self.called: list[str] = []

    async def rage(self) -> None:
        """Let tasks run, a few at a time, and cancel nearly all tasks."""
        await asyncio.gather(*(self._one(f"storm {self._seed} {number}") for number in range(CANCELS)))

    async def _one(self, name: str) -> None:
        async with self._places:
            task = asyncio.create_task(self._write(name, reads=self._random.random() < 0.3))
            # Some are spared, so that there are commits on a machine on which none is in time.
            for _ in range(0 if self._random.random() < 0.05 else self._random.randint(1, 3)):
                await asyncio.sleep(self._random.uniform(0.0, 0.02))
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _write(self, name: str, *, reads: bool) -> None:
        async def call() -> None:
            await q(Tag).using(self._alias).aexists()
            self.called.append(name)

        async with atomic(self._alias):
            await q(Tag).using(self._alias).acreate(name=name)
            await adj.on_commit(call, using=self._alias)
            async with atomic(self._alias):
                await q(Tag).using(self._alias).filter(name=name).aupdate(weight=1)
            if reads:
                async with q(Tag).using(self._alias).stream(5) as rows:
                    async for _ in rows:
                        break
        async with q(Tag).using(self._alias).stream(5) as rows:
            async for _ in rows:
                await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(STORMS))
def test_every_committed_block_has_called_its_functions_and_nothing_is_left(stormy: str, seed: int) -> None:
    async def main() -> None:
        storm = Storm(stormy, seed)
        async with asyncio.timeout(120):
            await storm.rage()
        names = q(Tag).using(stormy).filter(name__startswith=f"storm {seed} ").values_list("name", flat=True)
        assert sorted(storm.called) == sorted(await names.run())
        assert 0 < len(storm.called) < CANCELS
        engine: Any = (await executor_for(stormy)).engine
        stats = engine.stats()
        assert (stats.in_use, stats.opening, stats.waiting) == (0, 0, 0)
        assert stats.size <= 5
        await assert_nothing_runs()

    run(main())
