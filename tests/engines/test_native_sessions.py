"""The sessions of the native engine: those that end, those that are changed, and how many there are."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Generator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, OperationalError, connections
from django.db.models import BooleanField, Func, IntegerField, TextField, Value
from django.test import override_settings

import adj
from adj import EngineNotOpen, PoolTimeout, atomic, q
from adj.engines.postgres import connection_factory
from adj.engines.session.server_state import has_unread_data
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.engines.sessions import (
    Sleep,
    backend_pid,
    elsewhere,
    end_all_sessions,
    native_engine,
    sessions,
    sleeping,
    until_active,
)
from tests.running import run
from tests.shop.models import Book, Country

# -- sessions that end -------------------------------------------------------------------------------------------------


def test_sessions_that_were_ended_while_idle_are_replaced_silently(five_connections: str) -> None:
    """P33 and M8: at once, and for all connections."""

    async def main() -> None:
        await asyncio.gather(*(sleeping(0.05).run() for _ in range(5)))
        assert await elsewhere(end_all_sessions) >= 5
        start = time.perf_counter()
        for _ in range(10):
            assert await q(Book).using(five_connections).acount() > 0
        # Without waiting for any of them.
        assert time.perf_counter() - start < 10

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


@pytest.fixture
def counter(native: Place) -> Generator[str]:
    """A sequence, which counts executions even if they are rolled back."""
    native.execute("CREATE SEQUENCE counter")
    # The tests end sessions, and this thread's would be among them.
    connections[native.alias].close()
    yield "counter"
    native.execute("DROP SEQUENCE counter")


def counting(counter: str, *others: Any) -> Any:
    """A query that counts its executions; one row."""
    count: Any = Func(Value(counter), function="nextval", output_field=IntegerField())
    return q(Country).using("postgres").order_by("code").values_list(count, *others)[:1]


async def executions(counter: str) -> int:
    """How often such a query was executed; this one is not counted."""
    return int((await counting(counter).aget())[0]) - 1


@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_a_query_that_is_ended_while_it_runs_is_not_sent_again(native: Place, counter: str, seconds: float) -> None:
    """P33, N16: however soon that is. It ends its own session after it has counted."""
    end: Any = Func(Func(function="pg_backend_pid"), function="pg_terminate_backend", output_field=BooleanField())

    async def main() -> None:
        await q(Book).using(native.alias).acount()
        with pytest.raises(OperationalError, match="terminating connection"):
            await counting(counter, Sleep(Value(seconds)), end).aget()
        assert await executions(counter) == 1

    run(main())


def test_a_query_that_comes_after_its_session_has_ended_is_sent_on_another_one(native: Place, counter: str) -> None:
    """P33: what the server has said before is read before anything is sent."""

    async def main() -> None:
        await q(Book).using(native.alias).acount()
        assert await elsewhere(end_all_sessions)
        await counting(counter).aget()
        assert await executions(counter) == 1

    run(main())


@pytest.mark.parametrize("ended_by", ["an administrator", "a timeout"])
def test_a_read_that_crosses_with_the_end_of_its_session_is_sent_again_where_that_was_idle(
    native: Place, counter: str, monkeypatch: pytest.MonkeyPatch, ended_by: str
) -> None:
    """N16: a server that ends a session because it was idle has not started a statement; an administrator may have."""
    # What the server has said last comes after the next statement has been sent.
    monkeypatch.setattr(connection_factory, "has_unread_data", lambda socket: False)
    if ended_by == "a timeout":
        options = {**connections.settings[native.alias]["OPTIONS"], "options": "-c idle_session_timeout=50"}
        monkeypatch.setitem(connections.settings[native.alias], "OPTIONS", options)

    async def end_it() -> None:
        if ended_by == "a timeout":
            async with asyncio.timeout(10):
                while await elsewhere(sessions):  # noqa: ASYNC110  # no event of the loop
                    await asyncio.sleep(0.02)
        else:
            assert await elsewhere(end_all_sessions)

    async def main() -> None:
        await q(Book).using(native.alias).acount()
        await end_it()
        if ended_by == "a timeout":
            await counting(counter).aget()
        else:
            with pytest.raises(OperationalError):
                await counting(counter).aget()
        # A write is never sent again.
        await q(Book).using(native.alias).acount()
        await end_it()
        with pytest.raises(OperationalError):
            await q(Country).using(native.alias).filter(code="+0").aupdate(name="x")
        monkeypatch.setattr(connection_factory, "has_unread_data", has_unread_data)
        assert await executions(counter) == (ended_by == "a timeout")

    run(main())


def test_a_missing_server_is_reported_at_once(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings[native.alias], "NAME", "adj_no_such_database")

    async def main() -> None:
        with pytest.raises(EngineNotOpen, match='cannot connect to the PostgreSQL database "adj_no_such_database"'):
            await q(Book).using(native.alias).acount()

    run(main())


# -- the pool ----------------------------------------------------------------------------------------------------------


@override_settings(ADJ={"postgres": {"pool": {"max_size": 1, "timeout": 1}}})
def test_an_exhausted_pool_names_who_holds_it(postgres: str) -> None:
    """P32 and M10."""

    async def main() -> None:
        task = asyncio.create_task(hold(), name="the holder")
        await until_active(1)
        with pytest.raises(
            PoolTimeout, match=r"\(1 of 1 in use, 0 opening\)\. Held by: the holder for \d\.\d s\."
        ) as raised:
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
        assert (await native_engine()).stats().size <= 5

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
    end = time.monotonic() + 10
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
        "SET/* a comment */search_path TO pg_catalog",
        "SELECT 1 AS n INTO TEMP leak",
        "BEGIN; DECLARE leak CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        "PREPARE leak AS SELECT 1",
        "DO $$ BEGIN PERFORM set_config('adj.tenant', '7', false); END $$",
        "SELECT setseed(0.5)",
        "CREATE TABLE pg_temp.leak (n int)",
        "LOAD 'plpgsql'",
    ],
)
def test_a_query_does_not_see_session_changes_of_another(native: Place, statement: str) -> None:
    """P40."""

    async def main() -> None:
        alias = native.alias
        executor = await executor_for(alias)
        first = await executor.run(pid_after, alias)
        assert await executor.run(pid_after, alias, "SELECT 1", "SET LOCAL statement_timeout = 1000") == first
        assert await executor.run(pid_after, alias, statement) == first
        assert await executor.run(pid_after, alias) != first

    run(main())


@pytest.fixture
def functions(native: Place) -> Generator[None]:
    """Two functions of the project's: one sets its session's tenant, the other one only computes."""

    def execute(*statements: str) -> None:
        with connections[native.alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    execute(
        "CREATE FUNCTION set_tenant(n int) RETURNS text LANGUAGE sql"
        " AS $$ SELECT set_config('adj.tenant', n::text, false) $$",
        "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$",
    )
    yield
    execute("DROP FUNCTION set_tenant", "DROP FUNCTION twice")


@pytest.mark.parametrize("statement", ["SELECT set_tenant(7)", "select public . set_tenant (7)"])
def test_a_query_does_not_see_session_changes_of_a_function(native: Place, functions: None, statement: str) -> None:
    """P40: any function that the database calls volatile may."""

    async def main() -> None:
        alias = native.alias
        executor = await executor_for(alias)
        for _ in range(2):
            first = await executor.run(pid_after, alias)
            assert await executor.run(pid_after, alias, "SELECT twice(2)", "SELECT lower('A')") == first
            assert await executor.run(pid_after, alias, statement) == first
            assert await executor.run(tenant_of, alias) in {"", None}
            assert await executor.run(pid_after, alias) != first

    run(main())


def test_what_a_function_changes_stays_for_the_calls_of_a_block(native: Place, functions: None) -> None:
    def set_tenant() -> None:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT set_tenant(7)")

    async def main() -> None:
        async with adj.native(native.alias):
            await sync_to_async(set_tenant)()
            assert await sync_to_async(tenant_of)(native.alias) == "7"
        executor = await executor_for(native.alias)
        assert await executor.run(tenant_of, native.alias) in {"", None}

    run(main())


def test_a_column_that_is_called_as_a_function_marks_no_session(native: Place) -> None:
    async def main() -> None:
        statement = "SELECT pg_advisory_lock, set_config FROM (SELECT 1 AS pg_advisory_lock, 2 AS set_config) t"
        executor = await executor_for(native.alias)
        first = await executor.run(pid_after, native.alias, statement)
        assert await executor.run(pid_after, native.alias) == first

    run(main())


def pid_after(alias: str, *statements: str) -> int:
    """Which session statements run in."""
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return backend_pid(alias)


def tenant_of(alias: str) -> str | None:
    """The tenant of a session."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('adj.tenant', true)")
        tenant: str | None = cursor.fetchone()[0]
        return tenant


def test_a_query_does_not_see_session_changes_of_an_expression(native: Place) -> None:
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


def test_a_connection_is_reused_after_a_setting_of_one_transaction(native: Place) -> None:
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
            assert (await native_engine()).stats().in_use == 0

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
