"""The end of a loop and of a process: no thread, no warning, no hanging."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from adj import atomic, q
from tests.engines.places import PLACES as ALL_PLACES
from tests.engines.sessions import Slow, sessions
from tests.running import assert_no_worker_left, run
from tests.shop.models import Book


def test_a_closed_loop_is_not_kept_alive() -> None:
    loops = []

    async def scenario() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await q(Book).acount()

    for _ in range(3):
        run(scenario())
    gc.collect()
    assert [loop() for loop in loops] == [None, None, None]


ROOT = Path(__file__).parents[2]


def start_on(database: Any, engine: str = "auto") -> str:
    """The beginning of a program with a database."""
    return f"""
import asyncio
import django
from django.conf import settings
settings.configure(
    DATABASES={{"default": {database!r}}},
    ADJ={{"default": {{"engine": {engine!r}}}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "tests.shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
from adj import q
from tests.engines.sessions import Slow
from tests.shop.models import Book

def slow():
    return q(Book).order_by("pk").values_list(Slow(), flat=True)[:1]
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
    "a stream that was not finished": """
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
    output, _ = outcome_of(started(start_on(settings.DATABASES["default"]) + ENDINGS[ending]))
    assert int(output) > 0


def started(program: str) -> subprocess.Popen[str]:
    """A program that runs, and for which every warning is an error."""
    # A shell lets its background jobs ignore Ctrl-C, and the tests may be one.
    heeds_control_c = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", heeds_control_c + program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome_of(process: subprocess.Popen[str]) -> tuple[str, float]:
    """What a program has printed, and how long its end took. Fails if it complains, or hangs."""
    start = time.monotonic()
    with process:
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    return output, time.monotonic() - start


# -- queries that still run --------------------------------------------------------------------------------------------

PLACES = [place for place in ALL_PLACES if place.engine != "django"]


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def program(request: Any) -> tuple[str, str]:
    """The beginning of a program on a database, and the alias that the tests have for it."""
    alias = "mariadb_shop" if request.param.alias == "mariadb" else request.param.alias
    if alias != "default":
        request.getfixturevalue(alias)
    names = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = {name: connections.settings[alias][name] for name in names}
    driver = "from tests.mariadb import install_driver; install_driver()" if alias == "mariadb_shop" else ""
    return driver + start_on(database, request.param.engine), alias


CANCELLATIONS = {
    "cancelled just before the end": "task.cancel()",
    "cancelled a moment before the end": "task.cancel(); await asyncio.sleep(0)",
    "cancelled by the end": "",
    "whose time is over just before the end": "await asyncio.sleep(0.3)",
}


@pytest.mark.parametrize("cancellation", CANCELLATIONS)
def test_a_query_that_is_cancelled_ends_with_the_program(program: tuple[str, str], cancellation: str) -> None:
    """N11."""
    start, alias = program
    end = f"""
async def main():
    await q(Book).acount()
    query = slow().timeout(0.7) if "time" in {cancellation!r} else slow()
    task = asyncio.create_task(query.run())
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    await asyncio.sleep(0.4)
    print("ends", flush=True)
    {CANCELLATIONS[cancellation]}
asyncio.run(main())
"""
    process = started(start + end)
    assert process.stdout is not None
    process.stdout.readline()
    _, seconds = outcome_of(process)
    assert seconds < 10
    assert busy(alias) == 0


def busy(alias: str) -> int:
    """How many slow queries a server runs on our database."""
    running = {
        "postgresql": ("pg_stat_activity", "query", "state = 'active' AND datname = current_database()"),
        "mysql": ("information_schema.processlist", "info", "db = DATABASE()"),
    }
    vendor = connections[alias].vendor
    if vendor not in running:
        return 0
    table, column, ours = running[vendor]
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {table} WHERE {ours} AND lower({column}) LIKE %s AND {column} NOT LIKE %s",
            ["%sleep(25)%", "%count(*)%"],
        )
        number: int = cursor.fetchone()[0]
        return number


STREAMS = """
async def read():
    async with q(Book).order_by("pk").stream(chunk_size=1) as rows:
        async for row in rows:
            await asyncio.sleep(0.001)

async def iterate():
    async for row in q(Book).order_by("pk").aiterator(chunk_size=1):
        pass

async def main():
    print("runs", flush=True)
    while True:
        await asyncio.gather(*(read() for _ in range(4)), *(iterate() for _ in range(4)))
"""


def test_control_c_while_streams_are_read_ends_the_program_in_silence(program: tuple[str, str]) -> None:
    start, _ = program
    end = "try:\n    asyncio.run(main())\nexcept KeyboardInterrupt:\n    print('stopped')\n"
    process = started(f"{start}{STREAMS}\n{end}")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, seconds = outcome_of(process)
    assert output == "stopped\n"
    assert seconds < 10


def test_a_stream_that_control_c_meets_while_it_waits_is_closed_in_silence(postgres: str) -> None:
    """N11: the interruption comes out of the driver, in the midst of an answer."""
    program = (
        STREAMS
        + """
import os, signal
from psycopg import waiting
wait, waits = waiting.wait_async, iter(range(1_000))

async def interrupted(gen, *args, **kwargs):
    if next(waits) == 10:
        gen.send(None)
        os.kill(os.getpid(), signal.SIGINT)
    return await wait(gen, *args, **kwargs)

waiting.wait_async = interrupted
loop = asyncio.new_event_loop()
try:
    loop.run_until_complete(read())
except KeyboardInterrupt:
    print("stopped")
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
"""
    )
    names = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    database = {name: connections.settings[postgres][name] for name in names}
    output, _ = outcome_of(started(start_on(database, "psycopg") + program))
    assert output == "stopped\n"


# -- a loop that is only closed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["psycopg", "threads"])
@pytest.mark.parametrize("left", ["an idle connection", "a transaction", "a query"])
def test_a_loop_that_is_closed_without_more_leaves_no_session(postgres: str, engine: str, left: str) -> None:
    """N11: the loop's generators are not closed, and its tasks are not cancelled."""

    async def leave() -> object:
        await q(Book).using(postgres).acount()
        if left == "a transaction":
            block = atomic(postgres)
            await block.__aenter__()
            return block
        if left == "a query":
            query = q(Book).using(postgres).values_list(Slow(), flat=True)[:1]
            task: Any = asyncio.create_task(query.run())
            # asyncio complains of a task that is left, as it should.
            task._log_destroy_pending = False
            await asyncio.sleep(0.5)
            return task
        return None

    with override_settings(ADJ={postgres: {"engine": engine}}):
        before = sessions(postgres)
        loop = asyncio.new_event_loop()
        kept = loop.run_until_complete(leave())
        assert sessions(postgres) == before + 1
        loop.close()
        end = time.monotonic() + 10
        while sessions(postgres) > before:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert_no_worker_left()
        del kept
        gc.collect()


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
