"""`adj.native()`: whose engine its code runs on, and that leaving it keeps no connection, cancelled or not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import connections, transaction
from django.dispatch import Signal
from django.test import override_settings

import adj
from adj import atomic, q
from adj.asgi import NativeMiddleware
from adj.execution.databases import executor_for
from tests.engines.places import NATIVE, PLACES, POSTGRESQL_PLACES, Place
from tests.running import run
from tests.shop.models import Country

THREADS = [place for place in PLACES if place.engine == "threads"]


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
def test_a_block_cancelled_at_its_end_returns_its_connection(postgres: str, engine: str) -> None:
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
        assert await counts[0]
        # There is one connection; a task that kept it would block all others.
        assert await q(Country).using(postgres).acount()

    settings = {"engine": engine, "threads": 1, "pool": {"timeout": 10}}
    if engine == "psycopg":
        settings = {"pool": {"max_size": 1, "timeout": 10}}
    with override_settings(ADJ={postgres: settings}):
        run(main())


# -- workers that a block does not keep from itself --------------------------------------------------------------------


@pytest.fixture(params=THREADS, ids=lambda place: place.name)
def two_workers(request: pytest.FixtureRequest) -> Generator[str]:
    """An alias that is served by two worker threads; waiting for one takes two seconds at most."""
    yield from _with_two(request, {"threads": 2, "pool": {"timeout": 2}})


@pytest.fixture(params=[NATIVE, *THREADS], ids=lambda place: place.name)
def two_connections(request: pytest.FixtureRequest) -> Generator[str]:
    """The same, or one with two connections and no threads."""
    is_native = request.param is NATIVE
    few = {"pool": {"max_size": 2, "timeout": 2}} if is_native else {"threads": 2, "pool": {"timeout": 2}}
    yield from _with_two(request, few)


def _with_two(request: pytest.FixtureRequest, few: dict[str, Any]) -> Generator[str]:
    place = request.param
    if place.alias != "default":
        request.getfixturevalue(place.alias)
    with place.chosen(), override_settings(ADJ={place.alias: {"engine": place.engine, **few}}):
        for code in ("zx", "zy"):
            place.execute("INSERT INTO shop_country (code, name) VALUES (%s, %s)", code, "two")
        yield place.alias


def in_blocks(alias: str, count: int, body: Callable[[asyncio.Barrier], Coroutine[Any, Any, Any]]) -> list[Any]:
    """What a body returns in so many blocks of `native()` at a time."""

    async def block(barrier: asyncio.Barrier) -> Any:
        async with adj.native(alias):
            return await body(barrier)

    async def main() -> list[Any]:
        barrier = asyncio.Barrier(count)
        return await asyncio.gather(*(block(barrier) for _ in range(count)))

    return run(main())


def test_a_block_holds_no_worker_between_its_calls(two_workers: str) -> None:
    """N15: otherwise two blocks have both workers, and neither gets another one for its own query."""

    async def body(barrier: asyncio.Barrier) -> tuple[int, int, int]:
        countries = Country.objects.using(two_workers)
        first = await countries.acount()
        await barrier.wait()
        return first, await q(Country).using(two_workers).acount(), await adj.run_sync(countries.count)

    for found in in_blocks(two_workers, 4, body):
        assert len(set(found)) == 1


def test_queries_use_the_connection_that_their_block_holds(two_connections: str) -> None:
    """An iteration of Django's keeps its cursor open between two calls, and so its connection."""

    async def body(barrier: asyncio.Barrier) -> int:
        counted = 0
        async for country in Country.objects.using(two_connections).filter(name="two").aiterator(chunk_size=1):
            if not counted:
                await barrier.wait()
            assert (await q(Country).using(two_connections).aget(pk=country.pk)).pk == country.pk
            async with atomic(two_connections):
                assert await Country.objects.using(two_connections).filter(pk=country.pk).aexists()
            async with q(Country).using(two_connections).stream(chunk_size=1) as rows:
                assert [row async for row in rows]
            counted += 1
        return counted

    # Reads only: in SQLite the cursors of the other block would prevent writes.
    assert in_blocks(two_connections, 2, body) == [2, 2]


def test_a_finished_iteration_gives_its_worker_back(two_workers: str) -> None:
    async def body(barrier: asyncio.Barrier) -> int:
        count = len([row async for row in Country.objects.using(two_workers).aiterator(chunk_size=1)])
        await barrier.wait()
        assert await q(Country).using(two_workers).acount() == count
        return count

    assert in_blocks(two_workers, 5, body)


def test_synchronous_code_that_waits_for_a_query_lends_it_its_thread(two_workers: str) -> None:
    """As in a synchronous view that calls `async_to_sync()`: every worker waits in it at the same time."""
    both = threading.Barrier(2, timeout=10)

    def view() -> tuple[int, int]:
        both.wait()

        async def ask() -> tuple[int, int]:
            count = await q(Country).using(two_workers).acount()
            async with atomic(two_workers):
                return count, await q(Country).using(two_workers).acount()

        return async_to_sync(ask)()

    async def body(barrier: asyncio.Barrier) -> tuple[int, int]:
        return await sync_to_async(view)()

    for one, other in in_blocks(two_workers, 2, body):
        assert one == other


def test_a_block_in_such_code_is_on_that_thread(two_workers: str) -> None:
    """As in an asynchronous view behind synchronous middleware, which keeps the worker by what it leaves open."""

    def middleware() -> tuple[int, int]:
        transaction.set_autocommit(False, using=two_workers)
        Country.objects.using(two_workers).create(code="zz", name="left open")
        try:
            return async_to_sync(view)()
        finally:
            transaction.rollback(using=two_workers)
            transaction.set_autocommit(True, using=two_workers)

    async def view() -> tuple[int, int]:
        async with asyncio.timeout(20), adj.native(two_workers):
            found = await Country.objects.using(two_workers).filter(code="zz").acount()
            return found, await q(Country).using(two_workers).filter(code="zz").acount()

    async def main() -> tuple[int, int]:
        async with adj.native(two_workers):
            return await sync_to_async(middleware)()

    assert run(main()) == (1, 1)


def test_the_same_in_run_sync(two_workers: str) -> None:
    both = threading.Barrier(2, timeout=10)

    def code() -> int:
        both.wait()
        return async_to_sync(q(Country).using(two_workers).acount)()

    async def main() -> tuple[int, int]:
        async with adj.native(two_workers):
            return await asyncio.gather(adj.run_sync(code), adj.run_sync(code))

    assert len(set(run(main()))) == 1


def test_a_query_in_such_code_sees_the_transaction_of_its_caller(two_workers: str) -> None:
    """As Django's own asynchronous methods do there."""

    def code() -> tuple[int, int]:
        with transaction.atomic(using=two_workers):
            before = Country.objects.using(two_workers).count()
            Country.objects.using(two_workers).create(code="zz", name="of the caller")
            found = async_to_sync(q(Country).using(two_workers).acount)()
            transaction.set_rollback(True, using=two_workers)
        return found - before, Country.objects.using(two_workers).filter(code="zz").count()

    async def main() -> tuple[int, int]:
        async with adj.native(two_workers):
            return await adj.run_sync(code)

    assert run(main()) == (1, 0)


def test_only_its_block_can_use_an_open_transaction(two_workers: str) -> None:
    def begin() -> None:
        transaction.set_autocommit(False, using=two_workers)
        Country.objects.using(two_workers).create(code="zz", name="left open")

    async def found() -> bool:
        return await q(Country).using(two_workers).filter(code="zz").aexists()

    async def main() -> tuple[bool, bool, bool, list[bool]]:
        async with adj.native(two_workers):
            await sync_to_async(begin)()
            beside = asyncio.create_task(asyncio.to_thread(asyncio.run, adj_count(two_workers)))
            inside = await found(), await Country.objects.using(two_workers).filter(code="zz").aexists()
            outside = await beside
        settled = await asyncio.gather(
            *(adj.run_sync(lambda: connections[two_workers].get_autocommit()) for _ in range(2))
        )
        return *inside, bool(outside), settled

    inside, djangos, outside, settled = run(main())
    assert (inside, djangos, outside) == (True, True, False)
    assert settled == [True, True]
    assert not Country.objects.using(two_workers).filter(code="zz").exists()


async def adj_count(alias: str) -> int:
    try:
        return await q(Country).using(alias).filter(code="zz").acount()
    finally:
        await adj.close()


def test_a_cancelled_call_gives_its_worker_back_once_the_thread_is_done(two_workers: str) -> None:
    go_on = threading.Event()
    is_running = threading.Event()

    def code() -> None:
        is_running.set()
        go_on.wait(10)

    async def main() -> int:
        async with adj.native(two_workers):
            calls = [asyncio.create_task(sync_to_async(code)())]
            await asyncio.to_thread(is_running.wait, 10)
            calls[0].cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            go_on.set()
            # Both workers have to be there, at the same time.
            both = threading.Barrier(2, timeout=5)
            await asyncio.gather(adj.run_sync(both.wait), adj.run_sync(both.wait))
            return await Country.objects.using(two_workers).acount()

    assert run(main())


# -- sessions that code in the block has changed -----------------------------------------------------------------------


SCHEMA = "adj_block"


@pytest.fixture(params=[place for place in POSTGRESQL_PLACES if place.engine != "django"], ids=lambda place: place.name)
def schema(postgres: str, request: Any) -> Generator[Place]:
    """PostgreSQL with a schema whose countries have its name; an engine has two connections."""
    place: Place = request.param
    few = {"pool": {"max_size": 2, "timeout": 2}} if place is NATIVE else {"threads": 2, "pool": {"timeout": 2}}
    with place.chosen(), override_settings(ADJ={postgres: {"engine": place.engine, **few}}):
        place.execute(f"CREATE SCHEMA {SCHEMA}")
        place.execute(f"CREATE TABLE {SCHEMA}.shop_country (LIKE public.shop_country INCLUDING ALL)")
        for code in ("zx", "zy", "zz"):
            place.execute(f"INSERT INTO {SCHEMA}.shop_country (code, name) VALUES (%s, %s)", code, SCHEMA)
        try:
            yield place
        finally:
            place.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def test_queries_in_a_block_have_the_session_that_its_code_has_changed(schema: Place) -> None:
    """As after a middleware that sets the search path. Three blocks at once have two connections."""
    rows = q(Country).using(schema.alias)

    def change() -> None:
        schema.execute(f"SET search_path TO {SCHEMA}, public")

    async def body(barrier: asyncio.Barrier) -> set[str]:
        await barrier.wait()
        await sync_to_async(change)()
        found = await rows.values_list("name", flat=True).run()
        found += await asyncio.gather(*(rows.filter(pk="zx").values_list("name", flat=True).aget() for _ in range(5)))
        async with atomic(schema.alias):
            found += await rows.values_list("name", flat=True).run()
        return set(found)

    async def another() -> int:
        return await rows.filter(name=SCHEMA).acount()

    assert in_blocks(schema.alias, 3, body) == [{SCHEMA}] * 3
    assert run(another()) == 0


def test_a_stream_in_such_a_block_does_not_block_writes(schema: Place) -> None:
    """A stream's own transaction would include everything else on the connection, and be read-only."""

    async def body(barrier: asyncio.Barrier) -> list[str]:
        await sync_to_async(schema.execute)(f"SET search_path TO {SCHEMA}, public")
        async with q(Country).using(schema.alias).order_by("pk").stream(1) as rows:
            async for row in rows:
                await Country.objects.using(schema.alias).filter(pk=row.pk).aupdate(name=f"{row.pk} in Django")
                async with atomic(schema.alias):
                    await q(Country).using(schema.alias).filter(pk=row.pk).aupdate(population=1)
        changed = q(Country).using(schema.alias).filter(population=1).order_by("pk")
        return await changed.values_list("name", flat=True).run()

    assert in_blocks(schema.alias, 1, body) == [["zx in Django", "zy in Django", "zz in Django"]]


def test_a_stream_that_is_left_early_in_such_a_block_leaves_no_cursor(schema: Place) -> None:
    def cursors() -> int:
        with connections[schema.alias].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE is_holdable")
            return int(cursor.fetchone()[0])

    async def body(barrier: asyncio.Barrier) -> tuple[int, int]:
        await sync_to_async(schema.execute)(f"SET search_path TO {SCHEMA}, public")
        async with q(Country).using(schema.alias).stream(1) as rows:
            await anext(rows)
            during = await sync_to_async(cursors)()
        return during, await sync_to_async(cursors)()

    assert in_blocks(schema.alias, 1, body) == [(1, 0)]


# -- tasks that outlive their block ------------------------------------------------------------------------------------


def test_a_task_that_outlives_its_block_uses_django_s_methods(place: Place) -> None:
    """An audit record that is written after the response, for one."""
    is_over = asyncio.Event()

    async def audit() -> int:
        await is_over.wait()
        await Country.objects.using(place.alias).acreate(code="zz", name="late")
        names = [row.name async for row in Country.objects.using(place.alias).filter(code="zz").aiterator()]
        assert names == ["late"]
        async with atomic(place.alias):
            assert await Country.objects.using(place.alias).filter(code="zz").aexists()
        return await q(Country).using(place.alias).filter(code="zz").acount()

    async def main() -> list[int]:
        async with adj.native(place.alias):
            task = asyncio.create_task(audit())
            await Country.objects.using(place.alias).acount()
        is_over.set()
        return [await task]

    assert run(main()) == [1]


def test_a_task_that_outlives_an_asynchronous_receiver_uses_them_too(native: Place) -> None:
    """Its sender runs on the event loop; what it has left there belongs to somebody else by then."""
    late: list[asyncio.Task[int]] = []
    is_over = asyncio.Event()
    sent = Signal()

    async def count() -> int:
        await is_over.wait()
        return await Country.objects.using("default").acount()

    async def receiver(**kwargs: Any) -> None:
        late.append(asyncio.create_task(count()))

    async def main() -> int:
        sent.connect(receiver)
        # As `run_sync()` does where `default` is on the native engine.
        await (await executor_for(native.alias)).run(sent.send, sender=None)
        is_over.set()
        try:
            return await late[0]
        finally:
            await sync_to_async(connections.close_all)()

    assert run(main())


# -- requests ----------------------------------------------------------------------------------------------------------


async def application(scope: Any, receive: Any, send: Any) -> None:
    """What a request does: Django's methods, queries of adj, synchronous code and a transaction, on one alias."""
    alias, number = scope["alias"], scope["number"]
    countries = Country.objects.using(alias)
    async with ThreadSensitiveContext():
        code = f"{number:02x}"
        await countries.acreate(code=code, name="request")
        assert (await q(Country).using(alias).aget(pk=code)).name == "request"
        async with atomic(alias):
            await countries.filter(pk=code).aupdate(name="again")
            assert await q(Country).using(alias).filter(name="again", pk=code).aexists()
        assert await sync_to_async(lambda: countries.get(pk=code).name)() == "again"
        assert [row.pk async for row in countries.filter(pk=code).aiterator()] == [code]
        await adj.run_sync(countries.filter(pk=code)._raw_delete, alias)
    await send({"type": "http.response.body", "body": code.encode()})


@pytest.mark.parametrize("place", [place for place in PLACES if place.engine != "django"], indirect=True, ids=str)
def test_sixty_four_requests_at_once(place: Place) -> None:
    """Eight of them waited for each other until the timeout, on SQLite and MariaDB."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    async def main() -> None:
        wrapped = NativeMiddleware(application, place.alias)
        for _ in range(2):
            scopes: list[Any] = [{"type": "http", "alias": place.alias, "number": number} for number in range(64)]
            await asyncio.gather(*(wrapped(scope, None, send) for scope in scopes))  # type: ignore[arg-type]

    run(main())
    assert len(sent) == 128
