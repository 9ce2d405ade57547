"""The native engine: no threads, a clean pool whatever happens, and Django's own code on the event loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import random
import threading
import time
from collections.abc import Awaitable, Generator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, OperationalError, ProgrammingError, connections, transaction
from django.db.models import Func, IntegerField, TextField, Value
from django.db.transaction import TransactionManagementError
from django.test import override_settings

import adj
from adj import EngineNotOpen, PoolTimeout, QueryTimeout, atomic, q
from adj.asgi import NativeMiddleware, atomic_view
from adj.databases import executor_for
from adj.engines import engine_for
from adj.engines.psycopg import PsycopgEngine
from adj.engines.psycopg.link import Link
from tests.engines.places import Place
from tests.engines.sessions import (
    active_queries,
    assert_nothing_runs,
    backend_pid,
    elsewhere,
    end_all_sessions,
    native_engine,
    sessions,
    sleeping,
)
from tests.running import run
from tests.shop.models import Book, Country, Review


@pytest.fixture
def five_connections(native: Place) -> Generator[str]:
    """The native engine with at most five connections."""
    with override_settings(ADJ={native.alias: {"pool": {"max_size": 5, "timeout": 5}}}):
        yield native.alias


# -- no threads --------------------------------------------------------------------------------------------------------


def test_queries_run_at_once_without_a_thread(native: Place) -> None:
    async def main() -> float:
        await q(Book).using(native.alias).acount()
        before, start = threading.active_count(), time.perf_counter()
        await asyncio.gather(*(sleeping(0.2).run() for _ in range(3)))
        elapsed = time.perf_counter() - start
        assert threading.active_count() == before
        return elapsed

    assert run(main()) < 0.3


def test_it_is_what_auto_chooses_for_postgresql(postgres: str) -> None:
    async def main() -> None:
        assert isinstance(engine_for(postgres), PsycopgEngine)

    run(main())


def test_it_is_for_postgresql_only() -> None:
    async def main() -> None:
        with (
            override_settings(ADJ={"default": {"engine": "psycopg"}}),
            pytest.raises(ImproperlyConfigured, match="this is sqlite"),
        ):
            engine_for("default")

    run(main())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"AUTOCOMMIT": False}, "AUTOCOMMIT=False needs the engine"),
        ({"OPTIONS": {"isolation_level": 99}}, "Invalid transaction isolation level 99"),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(
    native: Place, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str
) -> None:
    """P41."""
    for name, value in settings.items():
        monkeypatch.setitem(connections.settings[native.alias], name, value)

    async def main() -> None:
        with pytest.raises(ImproperlyConfigured, match=message):
            await q(Book).using(native.alias).acount()

    run(main())


def test_statements_are_prepared_where_it_is_asked_for(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """P37: only statements whose parameters have their types from columns; a table may change meanwhile."""
    monkeypatch.setitem(connections.settings[native.alias]["OPTIONS"], "prepare_threshold", 0)

    def prepared() -> list[str]:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements WHERE NOT from_sql")
            return [row[0] for row in cursor.fetchall()]

    def alter(kind: str) -> None:
        with connections[native.alias].cursor() as cursor:
            cursor.execute(f"ALTER TABLE shop_country ALTER COLUMN name TYPE {kind}")

    async def main() -> None:
        executor = await executor_for(native.alias)
        countries = q(Country).using(native.alias)
        assert await countries.filter(code="DE").acount() == 1
        assert len(found := await executor.run(prepared)) == 1
        assert "= $1" in found[0]
        await countries.annotate(a=Value(1)).filter(code="DE").run()
        assert await executor.run(prepared) == found
        country = await countries.aget(code="DE")
        await executor.run(alter, "text")
        try:
            assert await countries.aget(code="DE") == country
        finally:
            await executor.run(alter, "varchar(80)")

    run(main())


def test_a_number_that_its_column_cannot_hold_is_no_other_number(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P37: it keeps its bits in a statement that could be prepared, too; so does a list of any length."""
    monkeypatch.setitem(connections.settings[native.alias]["OPTIONS"], "prepare_threshold", 0)

    async def main() -> None:
        books = q(Book).using(native.alias)
        pages = await books.filter(pages__gt=0).order_by("pk").values_list("pages", flat=True)[:1].aget()
        assert await books.filter(pages__in=[pages]).aexists()
        assert not await books.filter(pages__in=[pages + 2**32]).aexists()
        assert not await books.filter(pages__range=(pages + 2**32, pages + 2**32)).aexists()
        assert await books.filter(pk__in=range(1, 70_000)).acount() == await books.acount()

    run(main())


def test_streams_that_end_together_leave_a_connection_that_waits(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P29: what cleans up has a bounded time, and nothing else has it afterwards."""

    async def main() -> None:
        rows: list[Any] = [q(Book).using(native.alias).aiterator(chunk_size=1) for _ in range(2)]
        async with atomic(native.alias):
            for each in rows:
                await anext(each)
            await asyncio.gather(*(each.aclose() for each in rows))
        monkeypatch.setattr("adj.engines.psycopg.link.CANCEL_SECONDS", 0.1)
        await sleeping(0.3).run()

    run(main())


@pytest.mark.parametrize("seconds", [3_000_000, float("inf")])
def test_a_query_may_take_as_long_as_anybody_likes(native: Place, seconds: float) -> None:
    assert run(q(Book).using(native.alias).timeout(seconds).acount()) > 0


def test_settings_of_the_session_are_honoured(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """P41 and P47."""
    options = {"isolation_level": 3, "assume_role": "pg_monitor", "options": "-c search_path=pg_catalog,public"}
    monkeypatch.setitem(connections.settings[native.alias], "OPTIONS", options)
    monkeypatch.setitem(connections.settings[native.alias], "TIME_ZONE", "Asia/Tokyo")

    async def main() -> list[str]:
        return await adj.run_sync(show, native.alias, "TimeZone", "role", "search_path", "transaction_isolation")

    async def in_transaction() -> list[str]:
        async with atomic(native.alias):
            return await adj.run_sync(show, native.alias, "transaction_isolation")

    assert run(with_default(native.alias, main())) == [
        "Asia/Tokyo",
        "pg_monitor",
        "pg_catalog,public",
        "read committed",
    ]
    assert run(in_transaction()) == ["repeatable read"]


async def with_default(alias: str, answer: Awaitable[Any]) -> Any:
    """Await something whose synchronous code shall run on an alias, as it does inside of its transactions."""
    async with atomic(alias, isolation="read committed"):
        return await answer


def show(alias: str, *names: str) -> list[str]:
    """Settings of the server, in the session of this code."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(["current_setting(%s)"] * len(names)), names)
        return list(cursor.fetchone())


# -- cancellation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_query_has_ended_on_the_server(five_connections: str, times: int) -> None:
    """P22, P23 and M3."""

    async def main() -> None:
        tasks = [asyncio.create_task(wait_for_answer()) for _ in range(5)]
        await asyncio.sleep(0.1)
        for task in tasks:
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
        start = time.perf_counter()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        await assert_nothing_runs()
        await asyncio.gather(*(sleeping(0.01).run() for _ in range(5)))
        assert time.perf_counter() - start < 2

    async def wait_for_answer() -> None:
        await sleeping(30).run()

    run(main())


def test_a_storm_of_cancellations_leaves_the_pool_whole(five_connections: str) -> None:
    """P26 and M4: a thousand tasks, each cancelled at a random moment within 20 ms."""
    chance = random.Random(7)

    async def work() -> None:
        async with atomic(five_connections):
            await q(Book).using(five_connections).acount()
            async with atomic(five_connections):
                await sleeping(0.005).run()

    async def cancelled_soon() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(chance.random() * 0.02)
        for _ in range(chance.randrange(1, 4)):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(task, return_exceptions=True)

    async def main() -> None:
        for _ in range(20):
            await asyncio.gather(*(cancelled_soon() for _ in range(50)))
        await assert_nothing_runs()
        start = time.perf_counter()
        await asyncio.gather(*(sleeping(0.2).run() for _ in range(5)))
        assert time.perf_counter() - start < 0.6
        pool = (await native_engine())._pool
        assert (len(pool._waiting), len((await native_engine())._holders)) == (0, 0)
        assert len(pool._idle) == pool._size <= 5

    run(main())


def test_a_cancellation_at_any_step_leaves_nothing_open(five_connections: str) -> None:
    """P24 and P25: the task is cancelled at its first, second, ... wait, until it gets to its end."""

    async def work() -> None:
        async with atomic(five_connections):
            await adj.run_sync(Country.objects.using(five_connections).create, code="+1", name="x")
            async with atomic(five_connections):
                await q(Country).using(five_connections).acount()
            async with q(Review).using(five_connections).stream(1) as rows:
                async for _ in rows:
                    break
            await adj.set_rollback(using=five_connections)

    async def main() -> int:
        for steps in range(1, 200):
            task = asyncio.create_task(work())
            for _ in range(steps):
                await asyncio.sleep(0)
                # Let what the server has answered arrive, so that each step of ours is one of the task's.
                await asyncio.sleep(0.0005)
            if task.done():
                await task
                return steps
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            holders = (await native_engine())._holders
            assert holders == {}
        raise AssertionError("the task never came to its end")

    assert run(main()) > 3
    assert active_queries() == 0
    assert not Country.objects.using(five_connections).filter(code="+1").exists()


def test_a_query_that_takes_too_long_is_stopped(native: Place) -> None:
    """P27."""
    slow = sleeping(30, native.alias).timeout(0.1)

    async def main() -> None:
        with pytest.raises(QueryTimeout, match=r"longer than 0\.1 s and was stopped. The query: q\(Book\)"):
            await slow.run()
        await assert_nothing_runs()
        async with atomic(native.alias):
            assert await slow.timeout(None)[:0].run() == []
            with pytest.raises(QueryTimeout):
                async with slow.stream() as rows:
                    await anext(rows)
            await adj.set_rollback(using=native.alias)
        assert (await native_engine())._holders == {}

    run(main())
    with pytest.raises(ValueError, match="positive number of seconds, not 0"):
        q(Book).timeout(0)


def test_a_query_that_takes_too_long_is_stopped_when_nobody_is_there_to_cancel_it(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P27: the server has a limit of its own for it, which is gone with the query."""
    monkeypatch.setattr("adj.engines.psycopg.link.GRACE_SECONDS", 0.1)

    async def main() -> None:
        waiting = asyncio.create_task(sleeping(30).timeout(0.2).run())
        await asyncio.sleep(0.05)
        # The event loop is stuck, and cannot cancel.
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            assert thread.submit(active_soon).result() == [1, 0]
        with pytest.raises(QueryTimeout):
            await waiting
        assert await (await executor_for(native.alias)).run(setting) == "0"
        assert len(await q(Book).using(native.alias).timeout(5).run()) > 0
        assert await (await executor_for(native.alias)).run(setting) == "0"

    def active_soon() -> list[int]:
        now = active_queries()
        time.sleep(0.6)
        found = [now, active_queries()]
        connections[native.alias].close()
        return found

    def setting() -> str:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            found: str = cursor.fetchone()[0]
            return found

    run(main())


# -- sessions that end -------------------------------------------------------------------------------------------------


def test_sessions_that_were_ended_while_idle_are_replaced_silently(five_connections: str) -> None:
    """P33 and M8: at once, and for all of them."""

    async def main() -> None:
        await asyncio.gather(*(sleeping(0.05).run() for _ in range(5)))
        assert await elsewhere(end_all_sessions) >= 5
        start = time.perf_counter()
        for _ in range(10):
            assert await q(Book).using(five_connections).acount() > 0
        assert time.perf_counter() - start < 1

    run(main())


def test_a_session_that_ends_in_a_transaction_is_one_error_and_the_next_works(five_connections: str) -> None:
    """P33, M5 and M6."""

    async def main() -> None:
        with pytest.raises(OperationalError):
            async with atomic(five_connections):
                await q(Book).using(five_connections).acount()
                await elsewhere(end_all_sessions)
                await q(Book).using(five_connections).acount()
        async with atomic(five_connections):
            assert await q(Book).using(five_connections).acount() > 0
        with pytest.raises(DatabaseError):
            async with atomic(five_connections):
                await elsewhere(end_all_sessions)
                with pytest.raises(OperationalError):
                    await q(Book).using(five_connections).acount()
        assert await q(Book).using(five_connections).acount() > 0

    run(main())


def test_a_query_that_somebody_ends_with_its_session_is_not_sent_again(native: Place) -> None:
    """P33: a session that had ended before is replaced; a query that runs is ended because it ought to end."""

    async def main() -> None:
        slow = asyncio.create_task(sleeping(1).run())
        await asyncio.sleep(0.4)
        assert await elsewhere(end_all_sessions)
        with pytest.raises(OperationalError, match="terminating connection"):
            await slow
        assert await q(Book).using(native.alias).acount() > 0

    run(main())


def test_a_query_that_comes_while_its_session_ends_is_sent_again(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P33: the server has ended it, and what it says has not come yet."""

    async def main() -> None:
        await q(Book).using(native.alias).acount()
        assert await elsewhere(end_all_sessions)
        with monkeypatch.context() as patch:
            patch.setattr(Link, "has_news", False)
            assert await q(Book).using(native.alias).acount() > 0

    run(main())


def test_a_server_that_is_not_there_is_told_at_once(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings[native.alias], "NAME", "adj_no_such_database")

    async def main() -> None:
        with pytest.raises(EngineNotOpen, match='database "adj_no_such_database" does not open'):
            await q(Book).using(native.alias).acount()

    run(main())


# -- the pool ----------------------------------------------------------------------------------------------------------


@override_settings(ADJ={"postgres": {"pool": {"max_size": 1, "timeout": 0.1}}})
def test_an_exhausted_pool_names_who_holds_it(postgres: str) -> None:
    """P32 and M10."""

    async def main() -> None:
        task = asyncio.create_task(hold(), name="the holder")
        await asyncio.sleep(0.1)
        with pytest.raises(PoolTimeout, match=r"none of 1 connections .* the holder for 0\.\d s") as raised:
            await q(Book).using(postgres).acount()
        assert isinstance(raised.value, OperationalError)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await q(Book).using(postgres).acount() > 0

    async def hold() -> None:
        await sleeping(30).run()

    run(main())


def test_a_thousand_tasks_need_no_more_connections_than_there_are(five_connections: str) -> None:
    """P30."""

    async def main() -> None:
        counts = await asyncio.gather(*(q(Book).using(five_connections).acount() for _ in range(1_000)))
        assert len(set(counts)) == 1
        assert (await native_engine())._pool._size <= 5

    run(main())


def test_a_loop_that_is_closed_with_a_task_in_it_leaves_no_session(native: Place) -> None:
    """P31 and P34."""
    before = sessions()

    async def main() -> None:
        task = asyncio.create_task(hold())
        await asyncio.sleep(0.1)
        assert not task.done()

    async def hold() -> None:
        async with atomic(native.alias):
            await sleeping(30).run()

    for _ in range(2):
        run(main())
    end = time.monotonic() + 2
    while sessions() > before:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_process_that_was_forked_does_not_use_its_parents_connections(native: Place) -> None:
    """P35."""

    async def main() -> None:
        await q(Book).using(native.alias).acount()
        found = await native_engine()
        found._process = os.getpid() + 1
        with pytest.raises(EngineNotOpen, match="forked"):
            await q(Book).using(native.alias).acount()

    run(main())


@pytest.mark.parametrize(
    "statement",
    [
        "SET search_path TO pg_catalog",
        "set statement_timeout = 1000",
        "SELECT set_config('adj.tenant', '7', false)",
        "CREATE TEMPORARY TABLE leak (n int)",
        "LISTEN somebody",
        "SELECT pg_advisory_lock(42)",
        "/* a word before */ SET search_path TO pg_catalog",
        "SELECT 1; SET search_path TO pg_catalog; SELECT 1",
        "SELECT SET_CONFIG ('adj.tenant', '7', false)",
    ],
)
def test_what_a_query_changes_in_its_session_is_not_found_by_another(native: Place, statement: str) -> None:
    """P40."""

    def pid(*statements: str) -> int:
        with connections[native.alias].cursor() as cursor:
            for each in statements:
                cursor.execute(each)
        return backend_pid(native.alias)

    async def main() -> None:
        executor = await executor_for(native.alias)
        first = await executor.run(pid)
        assert await executor.run(pid, "SELECT 1", "SET LOCAL statement_timeout = 1000") == first
        assert await executor.run(pid, statement) == first
        assert await executor.run(pid) != first

    run(main())


def test_what_an_expression_changes_in_its_session_is_not_found_by_another(native: Place) -> None:
    """P40: in a query of adj's own lane, and in a stream."""
    change: Any = Func(Value("adj.tenant"), Value("7"), Value(False), function="set_config", output_field=TextField())
    pid: Any = Func(function="pg_backend_pid", output_field=IntegerField())
    query = q(Country).using(native.alias).values_list(pid, flat=True)[:1]

    async def main() -> None:
        first = await query.aget()
        assert await query.aget() == first
        changed = query.annotate(change=change)
        assert (await changed.run())[0] == first
        assert (second := await query.aget()) != first
        async with changed.stream() as rows:
            assert [row async for row in rows] == [second]
        assert await query.aget() != second

    run(main())


def test_a_setting_of_a_transaction_keeps_the_session(native: Place) -> None:
    async def main() -> None:
        pids = set()
        for _ in range(3):
            async with atomic(native.alias, set_local={"adj.tenant": "7"}):
                pids.add(await adj.run_sync(backend_pid, native.alias))
        assert len(pids) == 1

    run(main())


def test_a_call_that_waits_for_a_connection_when_native_ends_leaves_none_behind(native: Place) -> None:
    async def main() -> None:
        with override_settings(ADJ={native.alias: {"pool": {"max_size": 1, "timeout": 3}}}):
            holder = asyncio.create_task(hold())
            await asyncio.sleep(0.05)
            async with adj.native(native.alias):
                late = asyncio.create_task(Country.objects.using(native.alias).acount())
                await asyncio.sleep(0.05)
            await holder
            await asyncio.gather(late, return_exceptions=True)
            assert await q(Country).using(native.alias).acount() > 0
            assert (await native_engine())._holders == {}

    async def hold() -> None:
        async with atomic(native.alias):
            await q(Country).using(native.alias).acount()
            await asyncio.sleep(0.2)

    run(main())


def test_a_transaction_that_code_left_open_is_undone(native: Place) -> None:
    def leave_open() -> None:
        connections[native.alias].set_autocommit(False)
        Country.objects.using(native.alias).create(code="+1", name="x")

    async def main() -> None:
        executor = await executor_for(native.alias)
        await executor.run(leave_open)
        assert not await q(Country).using(native.alias).filter(code="+1").aexists()

    run(main())


# -- Django's own code -------------------------------------------------------------------------------------------------


def test_djangos_own_methods_run_natively(native: Place) -> None:
    async def main() -> None:
        before = threading.active_count()
        async with adj.native(native.alias):
            country = await Country.objects.using(native.alias).acreate(code="+1", name="x")
            country.name = "y"
            await country.asave(using=native.alias)
            assert (await Country.objects.using(native.alias).aget(code="+1")).name == "y"
            found = [each async for each in Country.objects.using(native.alias).filter(code="+1").aiterator()]
            assert found == [country]
            counts = await asyncio.gather(*(Country.objects.using(native.alias).acount() for _ in range(5)))
            assert len(set(counts)) == 1
            with pytest.raises(Country.DoesNotExist):
                await Country.objects.using(native.alias).aget(code="+2")
            async with atomic(native.alias):
                await country.adelete(using=native.alias)
                await adj.set_rollback(using=native.alias)
            assert await sync_to_async(Country.objects.using(native.alias).filter(code="+1").count)() == 1
        assert threading.active_count() == before
        assert (await native_engine())._holders == {}

    run(main())


def test_a_native_block_has_a_connection_while_it_needs_one(native: Place) -> None:
    countries = Country.objects.using(native.alias).order_by("code")

    async def main() -> None:
        with override_settings(ADJ={native.alias: {"pool": {"max_size": 1, "timeout": 0.2}}}):
            codes = await q(Country).using(native.alias).order_by("code").values_list("code", flat=True).run()
            async with adj.native(native.alias):
                assert await countries.acount() == len(codes)
                assert await q(Country).using(native.alias).acount() == len(codes)
                rows = countries.aiterator(chunk_size=1)
                seen = [(await anext(rows)).code]
                with pytest.raises(adj.PoolTimeout):
                    await q(Country).using(native.alias).acount()
                seen += [row.code async for row in rows]
                assert seen == codes
                assert await q(Country).using(native.alias).acount() == len(codes)

    run(main())


def test_a_session_that_ends_in_a_native_block_is_replaced(native: Place) -> None:
    def end_own_session() -> None:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async def main() -> None:
        async with adj.native(native.alias):
            with pytest.raises(OperationalError):
                await sync_to_async(end_own_session)()
            assert await Country.objects.using(native.alias).acount() > 0

    run(main())


def test_a_request_runs_natively(native: Place) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        is_there = await Country.objects.using(native.alias).filter(code="DE").aexists()
        await send({"type": "test", "is_there": is_there, "threads": threading.active_count()})

    async def main() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        before = threading.active_count()
        await NativeMiddleware(application, native.alias)({"type": "http"}, None, send)  # type: ignore[arg-type]
        assert sent[0]["threads"] == before

    run(main())


def test_a_websocket_keeps_no_connection(native: Place) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async with adj.native(native.alias):
            await Country.objects.using(native.alias).acount()
        assert (await native_engine())._holders == {}

    async def main() -> None:
        await NativeMiddleware(application, native.alias)({"type": "websocket"}, None, None)  # type: ignore[arg-type]

    run(main())


def test_what_django_does_around_a_request_keeps_the_connection(native: Place) -> None:
    """P53: CONN_MAX_AGE is 0 here, with which Django closes its own connections."""

    async def main() -> None:
        pids = []
        for _ in range(3):
            async with adj.native(native.alias):
                await request_started.asend(sender=None)
                pids.append(await sync_to_async(backend_pid)(native.alias))
                await request_finished.asend(sender=None)
        assert len(set(pids)) == 1

    run(main())


def test_a_view_is_a_transaction(native: Place) -> None:
    """P57."""

    @atomic_view(native.alias)
    async def view(request: object, *, fails: bool) -> str:
        await adj.run_sync(Country.objects.using(native.alias).create, code="+1", name="x")
        if fails:
            raise ValueError("no")
        return "done"

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await view(None, fails=True)
        assert not await q(Country).using(native.alias).filter(code="+1").aexists()
        assert await view(None, fails=False) == "done"
        assert await q(Country).using(native.alias).filter(code="+1").aexists()

    run(main())
    exempt: Any = view
    assert exempt._non_atomic_requests == {native.alias}


def test_code_that_uses_another_database_has_a_connection_of_its_own_to_it(native: Place) -> None:
    """What one bridge has begun there is not found by another that runs at the same time."""
    sleep = "SELECT pg_sleep(0.05)"

    def write(code: str) -> list[str]:
        with transaction.atomic("default"):
            Country.objects.using("default").create(code=code, name="x")
            with connections[native.alias].cursor() as cursor:
                cursor.execute(sleep)
            found = list(Country.objects.using("default").filter(code__startswith="+").values_list("code", flat=True))
            transaction.set_rollback(True, "default")
        return found

    async def main() -> None:
        executor = await executor_for(native.alias)
        # Not both at once write to SQLite, which lets one writer in; the second only looks.
        look = lambda: list(Country.objects.using("default").filter(code__startswith="+"))  # noqa: E731
        written, seen = await asyncio.gather(executor.run(write, "+1"), executor.run(look))
        assert (written, seen) == (["+1"], [])

    before = [wrapper.alias for wrapper in connections.all(initialized_only=True) if wrapper.connection is not None]
    run(main())
    after = [wrapper.alias for wrapper in connections.all(initialized_only=True) if wrapper.connection is not None]
    assert before == after


def test_synchronous_code_streams_and_copies(native: Place) -> None:
    def work() -> tuple[int, str]:
        rows = list(Review.objects.using(native.alias).iterator(chunk_size=1))
        with connections[native.alias].cursor() as cursor, cursor.copy("COPY (SELECT 1, 'a') TO STDOUT") as copy:
            text = b"".join(copy).decode()
        return len(rows), text

    async def main() -> None:
        executor = await executor_for(native.alias)
        count, text = await executor.run(work)
        assert count == await q(Review).using(native.alias).acount()
        assert text == "1\ta\n"

    run(main())


def test_a_stream_has_a_transaction_of_its_own_or_the_one_it_is_in(native: Place) -> None:
    """P38 and P44."""

    async def main() -> None:
        async with q(Review).using(native.alias).stream(1) as rows:
            assert await anext(rows) is not None
            assert await q(Review).using(native.alias).acount() > 1
        async with atomic(native.alias):
            await adj.run_sync(Country.objects.using(native.alias).create, code="+1", name="x")
            async with q(Country).using(native.alias).filter(code="+1").stream(1) as countries:
                assert [country.code async for country in countries] == ["+1"]
            await adj.set_rollback(using=native.alias)
        assert (await native_engine())._holders == {}

    run(main())
    assert active_queries() == 0


def test_a_lock_needs_a_transaction(native: Place) -> None:
    """P1."""

    async def main() -> None:
        locked = q(Country).using(native.alias).filter(code="DE").select_for_update()
        with pytest.raises(TransactionManagementError):
            await locked.run()
        async with atomic(native.alias):
            await locked.run()

    run(main())


def test_what_waits_in_no_bridge_says_where_it_belongs(native: Place) -> None:
    async def main() -> None:
        kept: list[Any] = []
        await (await executor_for(native.alias)).run(lambda: kept.append(connections[native.alias]))
        cursor = kept[0].connection.cursor()
        with pytest.raises(RuntimeError, match=r"adj\.run_sync"):
            cursor.execute("SELECT 1")

    run(main())


def test_errors_are_djangos_own(native: Place) -> None:
    async def main() -> None:
        with pytest.raises(ProgrammingError) as raised:
            await q(Country).using(native.alias).extra(where=["no_such_column = 1"]).run()
        assert "no_such_column" in str(raised.value)

    run(main())
