"""P28, N11, N16: on threads, a cancelled query ends in its database, and no other query is interrupted in its place."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from django.db.models import CharField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat
from django.test import override_settings

import adj
from adj import AsyncQuery, QueryTimeout, TransactionAborted, atomic, q
from adj import completion as persisting
from adj.engines.threads import driver_monitor, interrupts
from adj.execution.databases import executor_for
from tests.engines.countries import written
from tests.engines.places import PLACES, Place
from tests.engines.sessions import Slow
from tests.running import run
from tests.shop.models import Country

SOON = 10.0
"""Seconds in which what takes `Slow` half a minute is over, however busy the machine is."""


@pytest.fixture(params=[place for place in PLACES if place.engine == "threads"], ids=lambda place: place.name)
def place(request: Any) -> Generator[Place]:
    """A database with one thread, which other queries cannot use while a query runs there."""
    if request.param.alias != "default":
        request.getfixturevalue(request.param.alias)
    with request.param.chosen(), override_settings(ADJ={request.param.alias: {"engine": "threads", "threads": 1}}):
        # A query needs a row, for which it waits.
        Country.objects.using(request.param.alias).create(code="00", name="x")
        yield request.param


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may be slow to open the connection over which it is told."""
    monkeypatch.setattr(persisting, "RELEASE_SECONDS", SOON / 2)


def slow(place: Place) -> AsyncQuery[Country, Any]:
    """A query that takes half a minute."""
    return q(Country).using(place.alias).order_by("code").values_list(Slow(), flat=True)[:1]


def wait_in_sql(alias: str) -> None:
    """The same by a cursor in synchronous code."""
    connection: Any = connections[alias]
    sql, _ = getattr(Slow(), f"as_{connection.vendor}")(None, None)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}")
        cursor.fetchall()


async def on_worker(place: Place, function: Callable[..., object], *args: object) -> None:
    """Run synchronous code on a worker of an alias, outside of a transaction as well."""
    await (await executor_for(place.alias)).run(function, *args)


async def by_a_plan(place: Place) -> None:
    await slow(place).run()


async def by_a_stream(place: Place) -> None:
    async with slow(place).stream() as rows:
        async for _ in rows:
            pass


async def by_django(place: Place) -> None:
    await q(Country).using(place.alias).acreate(code=Slow(), name="x")


async def by_a_cursor(place: Place) -> None:
    await on_worker(place, wait_in_sql, place.alias)


async def in_a_block(place: Place) -> None:
    async with atomic(place.alias):
        await slow(place).run()


async def in_two_blocks(place: Place) -> None:
    other = "default" if place.alias != "default" else "postgres"
    async with atomic(other), atomic(place.alias):
        await slow(place).run()


async def by_djangos_own(place: Place) -> None:
    async with adj.native(place.alias):
        await sync_to_async(wait_in_sql)(place.alias)


HOW = [by_a_plan, by_a_stream, by_django, by_a_cursor, in_a_block, in_two_blocks, by_djangos_own]


@pytest.mark.parametrize("ask", HOW)
def test_a_cancelled_query_ends_and_its_thread_serves_the_next_one(
    postgres: str, place: Place, ask: Callable[[Place], Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        task = asyncio.create_task(ask(place))
        await asyncio.sleep(0.3)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await q(Country).using(place.alias).acount() > 0
        assert time.monotonic() - start < SOON

    run(main())


def test_a_query_that_is_cancelled_at_any_moment_ends(place: Place) -> None:
    """Before it begins, on its way to the database, or while it runs."""

    async def main() -> None:
        await q(Country).using(place.alias).acount()
        start, chance = time.monotonic(), random.Random(7)
        for _ in range(30):
            task = asyncio.create_task(slow(place).run())
            await asyncio.sleep(chance.choice([0, 0.0002, 0.0005, 0.001, 0.002]))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await q(Country).using(place.alias).acount() > 0
        assert time.monotonic() - start < 2 * SOON

    run(main())


def test_a_query_that_takes_too_long_is_stopped(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(QueryTimeout, match="was stopped") as raised:
            await slow(place).timeout(0.3).run()
        assert raised.value.outcome == "stopped"

    run(main())


def test_a_write_that_is_stopped_is_not_done(place: Place) -> None:
    async def main() -> None:
        countries = q(Country).using(place.alias)
        await countries.acreate(code="+1", name="before")
        with pytest.raises(QueryTimeout) as raised:
            await countries.filter(code="+1").timeout(0.3).aupdate(name=Concat(Value("x"), Cast(Slow(), CharField())))
        assert raised.value.outcome == "stopped"
        assert await countries.filter(code="+1").values_list("name", flat=True).aget() == "before"

    run(main())


def test_a_block_that_goes_on_after_a_write_was_stopped_commits_nothing(place: Place) -> None:
    async def main() -> None:
        countries = q(Country).using(place.alias)
        async with atomic(place.alias):
            await countries.acreate(code="+1", name="x")
            with pytest.raises(QueryTimeout):
                await countries.filter(code="+1").timeout(0.3).aupdate(name=Cast(Slow(), CharField()))

    with pytest.raises(TransactionAborted):
        run(main())
    assert written(place) == []


def test_a_block_goes_on_after_a_read_was_stopped_where_the_database_lets_it(place: Place) -> None:
    """PostgreSQL undoes a transaction for any error in it, and the block says so."""

    async def main() -> None:
        async with atomic(place.alias):
            await q(Country).using(place.alias).acreate(code="+1", name="x")
            with pytest.raises(QueryTimeout):
                await slow(place).timeout(0.3).run()

    if place.alias == "postgres":
        with pytest.raises(TransactionAborted):
            run(main())
        assert written(place) == []
    else:
        run(main())
        assert written(place) == ["+1"]


def test_a_late_interrupt_meets_no_other_query(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query has ended by itself; its thread is kept until the interrupt has arrived."""
    arrived: list[bool] = []
    begun = threading.Event()

    def late(connection: Any) -> bool:
        time.sleep(0.2)
        arrived.append(told := interrupts.interrupt(connection))
        return told

    monkeypatch.setattr(driver_monitor, "interrupt", late)

    def take_a_while() -> None:
        """Long enough to be cancelled, and to be over before the interrupt arrives."""
        with connections[place.alias].cursor() as cursor:
            begun.set()
            cursor.execute(SHORT[place.alias])

    async def main() -> None:
        for _ in range(5):
            begun.clear()
            task = asyncio.create_task(on_worker(place, take_a_while))
            await asyncio.to_thread(begun.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The next one on the same thread.
            await on_worker(place, wait_a_little)

    def wait_a_little() -> None:
        with connections[place.alias].cursor() as cursor:
            cursor.execute(LONGER[place.alias])

    run(main())
    assert arrived


_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT count(*) FROM n"
SHORT = {"postgres": "SELECT pg_sleep(0.1)", "mariadb": "SELECT SLEEP(0.1)", "default": _COUNT.format(200_000)}
LONGER = {
    "postgres": "SELECT pg_sleep(0.4)",
    "mariadb": "SELECT 1 FROM (SELECT SLEEP(0.4)) s",
    "default": _COUNT.format(2_000_000),
}


def test_a_call_that_has_not_begun_never_begins(place: Place) -> None:
    begun: list[int] = []
    may_end = threading.Event()

    async def main() -> None:
        async with adj.native(place.alias):
            first = asyncio.create_task(sync_to_async(may_end.wait)())
            await asyncio.sleep(0.05)
            second = asyncio.create_task(sync_to_async(begun.append)(1))
            await asyncio.sleep(0.05)
            second.cancel()
            # The thread would begin the second call at once, so the cancellation has to arrive first.
            await asyncio.wait([second], timeout=1)
            may_end.set()
            await first
            with pytest.raises(asyncio.CancelledError):
                await second

    run(main())
    assert begun == []


def test_synchronous_code_goes_on_and_its_statement_does_not(place: Place) -> None:
    """Python cannot be stopped: it learns of the cancellation as of any error of the database."""
    begun, ended = threading.Event(), threading.Event()

    def code() -> None:
        begun.set()
        with pytest.raises(OperationalError):
            wait_in_sql(place.alias)
        # What is sent after that is not interrupted.
        time.sleep(0.3)
        Country.objects.using(place.alias).create(code="+1", name="x")
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(on_worker(place, code))
        await asyncio.to_thread(begun.wait)
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert ended.is_set()
    assert written(place) == ["+1"]


def test_python_code_does_not_keep_its_canceller(place: Place) -> None:
    ended = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(on_worker(place, ended.wait, SOON))
        await asyncio.sleep(0.1)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - start < SOON / 2
        ended.set()

    run(main())


def test_a_query_that_cannot_be_stopped_is_said_to_continue(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_monitor, "interrupt", lambda connection: False)

    async def main() -> None:
        await q(Country).using(place.alias).acount()
        with pytest.raises(QueryTimeout, match="continues on its thread") as raised:
            await q(Country).using(place.alias).annotate(n=longer).timeout(0.1)[:1].run()
        assert raised.value.outcome == "continues"
        # Its thread is busy until then.
        assert await q(Country).using(place.alias).acount() > 0

    longer = RawSQL(f"({LONGER[place.alias]})", ())  # noqa: S611  # the test's own

    run(main())


def test_a_worker_that_is_still_connecting_has_no_connection_to_interrupt() -> None:
    assert not interrupts.interrupt(None)
