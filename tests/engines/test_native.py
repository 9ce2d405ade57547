"""The native engine: where it runs, the settings that it honors, and that it needs no threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connections
from django.db.models import Value
from django.db.transaction import TransactionManagementError
from django.test import override_settings
from psycopg.types.numeric import Int2, Int4, Int8

import adj
from adj import atomic, q
from adj.engines import engine_for
from adj.engines.postgres import PsycopgEngine
from adj.engines.postgres.query_parameters import merged
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.engines.sessions import (
    active_queries,
    assert_run_at_once,
    native_engine,
    sleeping,
)
from tests.running import run
from tests.shop.models import Book, Country, Review


def test_queries_run_at_once_without_a_thread(native: Place) -> None:
    async def main() -> None:
        await q(Book).using(native.alias).acount()
        # Of the loop's executor, in which the test asks the server.
        await asyncio.to_thread(int)
        before = threading.active_count()
        await assert_run_at_once([sleeping(30)] * 3)
        assert threading.active_count() == before

    run(main())


def test_it_is_what_auto_chooses_for_postgresql(postgres: str) -> None:
    async def main() -> None:
        assert isinstance(engine_for(postgres), PsycopgEngine)

    run(main())


def test_it_is_for_postgresql_only() -> None:
    async def main() -> None:
        with (
            override_settings(ADJ={"default": {"engine": "psycopg"}}),
            pytest.raises(ImproperlyConfigured, match="this database is SQLite"),
        ):
            engine_for("default")

    run(main())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"AUTOCOMMIT": False}, "sets AUTOCOMMIT to False, which the native engine does not honor"),
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


def test_statements_are_prepared_where_the_settings_say_so(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_many_numbers_are_parameters_of_a_prepared_statement(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings[native.alias]["OPTIONS"], "prepare_threshold", 0)

    async def main() -> None:
        books = q(Book).using(native.alias).filter(pk__in=list(range(-60, 60)))
        expected = await q(Book).using(native.alias).filter(pk__lt=60).acount()
        assert await books.acount() == expected
        assert len(await books.timeout(5).run()) == len(await books.run()) == expected

    run(main())


def test_many_numbers_are_sent_as_psycopg_sends_them(native: Place) -> None:
    """Among them the smallest and the largest, and one that would begin a comment."""
    numbers = [Int8(-(2**63)), Int8(2**63 - 1), Int4(-1), Int2(7), *range(-30, 30)]
    sql: Any = f"SELECT 5 -%s, '100 %%' WHERE 1 IN ({', '.join(['%s'] * (len(numbers) - 1))})"
    with connections[native.alias].cursor() as cursor:
        assert merged(sql, numbers) == psycopg.ClientCursor(cursor.connection).mogrify(sql, numbers)

    async def main() -> None:
        keys = list(range(-60, 60))
        found = await q(Book).using(native.alias).filter(pk__in=keys, pages__gt=-5).order_by("pk").run()
        expected = await q(Book).using(native.alias).filter(pk__lt=60, pages__gt=-5).order_by("pk").run()
        assert found == expected
        assert found == await q(Book).using(native.alias).filter(pk__in=keys).timeout(5).order_by("pk").run()

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
        monkeypatch.setattr("adj.engines.postgres.connection.CANCEL_SECONDS", 0.1)
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
        assert (await native_engine()).stats().in_use == 0

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
