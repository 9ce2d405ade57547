"""The end of a loop and of a process: no thread, no warning, no hanging."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from django.conf import settings

from adj import q
from tests.running import assert_no_worker_left, run
from tests.shop.models import Book


def test_a_loop_that_has_ended_is_not_kept() -> None:
    loops = []

    async def scenario() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await q(Book).acount()

    for _ in range(3):
        run(scenario())
    gc.collect()
    assert [loop() for loop in loops] == [None, None, None]


ROOT = Path(__file__).parents[2]

START = f"""
import asyncio
import django
from django.conf import settings
settings.configure(
    DATABASES={{"default": {settings.DATABASES["default"]!r}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "tests.shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
from adj import q
from tests.shop.models import Book
"""

ENDINGS = {
    "a loop that ends": "print(asyncio.run(q(Book).acount()))",
    "two loops, one after the other": "asyncio.run(q(Book).acount()); print(asyncio.run(q(Book).acount()))",
    "a loop that is closed by hand": """
loop = asyncio.new_event_loop()
print(loop.run_until_complete(q(Book).acount()))
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
""",
    "a task that is still running when the loop ends": """
async def main():
    tasks = [asyncio.create_task(q(Book).run()) for _ in range(20)]
    print(await q(Book).acount())
asyncio.run(main())
""",
    "a stream that nobody finished": """
async def main():
    rows = q(Book).aiterator(chunk_size=1)
    await anext(rows)
    print(await q(Book).acount())
asyncio.run(main())
""",
    "an exit in the middle": """
async def main():
    print(await q(Book).acount(), flush=True)
    raise SystemExit(0)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_in_silence(ending: str) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", START + ENDINGS[ending]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert int(result.stdout) > 0


def test_a_loop_that_ends_with_an_error_leaves_no_thread() -> None:
    async def fails() -> None:
        await q(Book).acount()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fails())
    assert_no_worker_left()


def test_two_loops_in_two_threads_have_databases_of_their_own() -> None:
    async def in_another_loop() -> tuple[int, int]:
        here = await q(Book).acount()
        there = await asyncio.to_thread(lambda: asyncio.run(q(Book).acount()))
        return here, there

    here, there = run(in_another_loop())
    assert here == there
