"""`adj.native()`: whose engine its code runs on, and that leaving it keeps no connection, cancelled or not."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.test import override_settings

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


def test_synchronous_code_goes_to_the_engine_of_the_block(native: Place) -> None:
    """Only the native engine runs it on the thread of the loop; `default` has worker threads."""

    async def is_on_the_loop() -> bool:
        return await adj.run_sync(threading.get_ident) == threading.get_ident()

    async def main() -> None:
        assert not await is_on_the_loop()
        async with adj.native(native.alias):
            assert await is_on_the_loop()
            async with adj.native("default"):
                assert not await is_on_the_loop()
            assert await is_on_the_loop()
            async with atomic("default"):
                assert not await is_on_the_loop()
        assert not await is_on_the_loop()

    run(main())


@pytest.mark.parametrize("engine", ["psycopg", "threads"])
def test_a_block_that_is_cancelled_at_its_end_keeps_no_connection(postgres: str, engine: str) -> None:
    """A call in it waits for a connection meanwhile, and gets one only afterwards."""
    counts: list[asyncio.Task[Any]] = []

    async def hold(is_held: asyncio.Event) -> None:
        async with atomic(postgres):
            is_held.set()
            await asyncio.sleep(0.2)

    async def block() -> None:
        async with adj.native(postgres):
            counts.append(asyncio.create_task(Country.objects.using(postgres).acount()))
            await asyncio.sleep(0.05)

    async def main() -> None:
        is_held = asyncio.Event()
        holder = asyncio.create_task(hold(is_held))
        await is_held.wait()
        leaving = asyncio.create_task(block())
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.gather(holder, leaving, return_exceptions=True)
        with pytest.raises(RuntimeError, match="has ended"):
            await counts[0]
        # There is one connection; whoever kept it would keep everybody.
        assert await q(Country).using(postgres).acount()

    settings = {"engine": engine, "threads": 1, "pool": {"timeout": 1}}
    if engine == "psycopg":
        settings = {"pool": {"max_size": 1, "timeout": 1}}
    with override_settings(ADJ={postgres: settings}):
        run(main())
