"""Behind pgbouncer in transaction mode (P37): a session lasts only until the end of a transaction.

`ADJ_TEST_POOLED=1000` lets twenty tasks iterate so many times each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import F, Value
from django.test import override_settings

import adj
from adj import UnsupportedFeature, atomic, q
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Book, Country, Review


def test_everything_works_on_two_server_connections_for_ten_of_ours(bounced: str) -> None:
    async def work(number: int) -> None:
        for _ in range(5):
            assert await q(Book).using(bounced).filter(pages__gt=number).order_by("pk")[:3].run()
            async with q(Review).using(bounced).stream(1) as rows:
                assert await anext(rows) is not None
            async with atomic(bounced, set_local={"adj.tenant": str(number)}):
                await adj.run_sync(Country.objects.using(bounced).create, code=f"+{number}", name="x")
                async with atomic(bounced):
                    assert await q(Country).using(bounced).filter(code=f"+{number}").aexists()
                assert await adj.run_sync(tenant, bounced) == str(number)
                await adj.set_rollback(using=bounced)
            async with adj.native(bounced):
                assert not await Country.objects.using(bounced).filter(code=f"+{number}").aexists()

    async def main() -> None:
        await asyncio.gather(*map(work, range(10)))

    run(main())


def tenant(alias: str) -> str:
    """The setting of this transaction."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('adj.tenant', true)")
        value: str = cursor.fetchone()[0]
        return value


def test_a_cancelled_query_leaves_its_server_connection_free(bounced: str) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            for _ in range(5):
                with pytest.raises(adj.QueryTimeout):
                    await q(Book).using(bounced).extra(where=["pg_sleep(30) IS NOT NULL"]).timeout(0.1).run()
            assert await q(Book).using(bounced).acount() > 0

    run(main())


# -- cursors -----------------------------------------------------------------------------------------------------------

ITERATIONS = int(os.environ.get("ADJ_TEST_POOLED", "50"))
POOLED = {"postgres": {"pool": {"max_size": 20}, "pooler": "transaction"}}


def numbers(alias: str, first: int) -> list[int]:
    """Rows that other queries do not read, as Django iterates over them."""
    rows = Book.objects.using(alias).annotate(mine=Value(first) + F("pk")).values_list("mine", flat=True).order_by("pk")
    return list(rows.iterator(chunk_size=2))


async def in_a_block(alias: str, first: int) -> list[int]:
    """The rows that Django iterates over in `native()`."""
    async with adj.native(alias):
        return await sync_to_async(numbers)(alias, first)


async def by_run_sync(alias: str, first: int) -> list[int]:
    """The rows that Django iterates over in `run_sync()`."""
    return await (await executor_for(alias)).run(numbers, alias, first)


async def streamed(alias: str, first: int) -> list[int]:
    """The rows of a stream."""
    rows = q(Book).using(alias).annotate(mine=Value(first) + F("pk")).order_by("pk")
    async with rows.values_list("mine", flat=True).stream(20) as found:
        return [number async for number in found]


async def values(alias: str, first: int) -> list[int]:
    """The rows of `values()`."""
    rows = q(Book).using(alias).annotate(mine=Value(first) + F("pk")).order_by("pk")
    return [row["mine"] for row in await rows.values("mine").run()]


@pytest.mark.parametrize("read", [in_a_block, by_run_sync, streamed, values])
def test_each_iteration_gets_its_own_rows(
    bounced: str, read: Callable[[str, int], Coroutine[Any, Any, list[int]]]
) -> None:
    """Iterations of twenty tasks, on two sessions of the server."""

    async def work(number: int) -> None:
        first = number * 1_000_000
        for _ in range(ITERATIONS):
            assert await read(bounced, first) == [first + pk for pk in keys]

    async def main() -> None:
        keys.extend(await q(Book).using(bounced).order_by("pk").values_list("pk", flat=True).run())
        await asyncio.gather(*map(work, range(20)))

    keys: list[int] = []
    with override_settings(ADJ=POOLED):
        run(main())


def test_two_connections_never_give_their_cursors_the_same_name(native: Place) -> None:
    def name() -> str:
        with connections[native.alias].chunked_cursor() as cursor:
            cursor.execute("SELECT name FROM pg_cursors")
            return str(cursor.fetchone()[0])

    async def main() -> None:
        executor = await executor_for(native.alias)
        names = await asyncio.gather(*(executor.run(name) for _ in range(20)))
        assert len(set(names)) == 20

    run(main())


# -- sessions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    ["SET search_path TO pg_catalog", "SELECT pg_advisory_lock(1)", "CREATE TEMP TABLE t (n int)", "LISTEN x"],
)
def test_what_would_change_a_session_of_others_is_refused(bounced: str, statement: str) -> None:
    def execute(*statements: str) -> None:
        with connections[bounced].cursor() as cursor:
            for each in statements:
                cursor.execute(each)

    async def main() -> None:
        executor = await executor_for(bounced)
        with pytest.raises(UnsupportedFeature, match="a session that other clients use as well"):
            await executor.run(execute, statement)
        async with atomic(bounced, set_local={"adj.tenant": "7"}):
            await executor.run(execute, "SET LOCAL statement_timeout = 1000", "SELECT pg_advisory_xact_lock(1)")
            assert await executor.run(tenant, bounced) == "7"

    with override_settings(ADJ=POOLED):
        run(main())


def test_nothing_is_prepared_behind_a_pooler(bounced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings[bounced]["OPTIONS"], "prepare_threshold", 0)

    async def main() -> None:
        for _ in range(5):
            await asyncio.gather(*(q(Book).using(bounced).filter(pk=1).afirst() for _ in range(4)))
        executor = await executor_for(bounced)
        assert await executor.run(prepared_statements, bounced) == 0

    with override_settings(ADJ=POOLED):
        run(main())


def prepared_statements(alias: str) -> int:
    """How many a session has."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        count: int = cursor.fetchone()[0]
        return count


def test_tasks_that_are_cancelled_leave_nothing_behind(bounced: str) -> None:
    """Five hundred of them; none hangs, and what comes after finds a free session."""

    async def main() -> None:
        async with asyncio.timeout(60):
            for _ in range(10):
                tasks = [asyncio.create_task(q(Book).using(bounced).order_by("pk").run()) for _ in range(50)]
                await asyncio.sleep(0.01)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            assert await q(Book).using(bounced).acount() > 0

    with override_settings(ADJ=POOLED):
        run(main())
