"""How many coroutines of adj stand between a user's `await` and the driver: those of a traceback, and of a profile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import adj
from adj import AsyncQuery, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country

PACKAGE = str(Path(adj.__file__).parent)
MOST = 4

Read = Callable[[AsyncQuery[Any, Any]], Coroutine[Any, Any, object]]
READS: dict[str, Read] = {
    "run": lambda query: query.run(),
    "aget": lambda query: query.aget(pk="+1"),
    "afirst": lambda query: query.afirst(),
    "acount": lambda query: query.acount(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_few_frames_stand_between_an_await_and_the_driver(native: Place, read: Read) -> None:
    async def main() -> None:
        query = q(Country).using(native.alias)
        await query.acreate(code="+1", name="one")
        await read(query)
        waiting = read(query)
        task = asyncio.create_task(waiting)
        try:
            names = await frames_to_the_driver(task, waiting)
        finally:
            await task
        assert 1 < len(names) <= MOST, names

    run(main())


async def frames_to_the_driver(task: asyncio.Task[Any], coroutine: Any) -> list[str]:
    """The functions of adj that wait for psycopg, from the user's side, at a moment at which they do."""
    while not task.done():
        names: list[str] = []
        awaited = coroutine
        while (frame := getattr(awaited, "cr_frame", None)) is not None:
            if "psycopg" in Path(frame.f_code.co_filename).parts:
                return names
            if frame.f_code.co_filename.startswith(PACKAGE):
                names.append(frame.f_code.co_qualname)
            awaited = awaited.cr_await
        await asyncio.sleep(0)
    raise AssertionError("the query never waited for the driver")
