"""`count_queries()` and `assert_num_queries()`: what Django's own `CaptureQueriesContext` counts, on every engine."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest
from django.db import connections, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from adj import atomic, native, q, run_sync
from adj.execution.databases import executor_for
from adj.testing import assert_num_queries, count_queries
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


def countries(counted: object) -> list[str]:
    return [line for line in str(counted).splitlines() if "shop_country" in line]


def test_queries_of_both_lanes_and_of_django_are_counted(place: Place) -> None:
    async def main() -> None:
        await warm(place)
        async with count_queries(place.alias) as counted:
            await q(Country).using(place.alias).filter(code="DE").run()
            assert len(counted) == 1
            await (await executor_for(place.alias)).run(Country.objects.using(place.alias).filter(code="FR").exists)
            assert len(counted) == 2
            await Country.objects.using(place.alias).filter(code="IT").aexists()
            assert len(counted) == 3
        await q(Country).using(place.alias).run()
        assert len(counted) == len(counted.queries) == 3
        assert ["DE" in countries(counted)[0], "IT" in countries(counted)[2]] == [True, True]
        assert all(query.seconds >= 0 for query in counted.queries)

    run(main())


async def warm(place: Place) -> None:
    """Let Django's own thread connect, as it has in a test whose database is set up."""
    await q(Country).using(place.alias).run()
    await Country.objects.using(place.alias).aexists()


def test_a_transaction_counts_as_with_django(place: Place) -> None:
    async def main() -> tuple[str, ...]:
        await warm(place)
        async with count_queries(place.alias) as counted, atomic(place.alias):
            await q(Country).using(place.alias).acount()
            async with atomic(place.alias):
                await Country.objects.using(place.alias).acount()
        return tuple(query.sql.split()[0] for query in counted.queries)

    with CaptureQueriesContext(connections[place.alias]) as captured, transaction.atomic(place.alias):
        Country.objects.using(place.alias).count()
        with transaction.atomic(place.alias):
            Country.objects.using(place.alias).count()
    assert run(main()) == tuple(query["sql"].split()[0] for query in captured.captured_queries)


def test_tasks_of_the_block_are_counted_and_others_are_not(place: Place) -> None:
    async def ask() -> None:
        await q(Country).using(place.alias).acount()
        await Country.objects.using(place.alias).acount()

    async def ask_later(begun: asyncio.Event, done: asyncio.Event) -> None:
        await begun.wait()
        await ask()
        done.set()

    async def main() -> int:
        await warm(place)
        begun, done = asyncio.Event(), asyncio.Event()
        other = asyncio.create_task(ask_later(begun, done))
        async with count_queries(place.alias) as counted:
            begun.set()
            await done.wait()
            assert len(counted) == 0
            await asyncio.gather(ask(), ask())
        await other
        return len(counted)

    assert run(main()) == 4


def test_blocks_within_each_other_count_each_for_itself(place: Place) -> None:
    async def main() -> list[int]:
        await warm(place)
        async with count_queries(place.alias) as outer:
            await Country.objects.using(place.alias).acount()
            async with count_queries(place.alias) as inner:
                await q(Country).using(place.alias).acount()
                await Country.objects.using(place.alias).acount()
            await Country.objects.using(place.alias).acount()
        return [len(outer), len(inner)]

    assert run(main()) == [4, 2]


def test_a_test_around_the_loop_sees_what_a_block_counts(place: Place) -> None:
    async def main() -> int:
        async with count_queries(place.alias) as counted:
            await q(Country).using(place.alias).acount()
            await (await executor_for(place.alias)).run(Country.objects.using(place.alias).count)
        return len(countries(counted))

    if place.engine == "django":
        pytest.skip("its queries run on Django's own connection of Django's own thread")
    with CaptureQueriesContext(connections[place.alias]) as captured:
        assert run(main()) == 2
    assert len([query for query in captured.captured_queries if "shop_country" in query["sql"]]) == 2


@override_settings(DEBUG=True)
def test_the_log_of_a_connection_is_as_before() -> None:
    async def main() -> None:
        executor = await executor_for("default")
        async with count_queries():
            await executor.run(Country.objects.count)

    connection = connections["default"]
    before = connection.queries_log, connection.force_debug_cursor
    run(main())
    assert (connection.queries_log, connection.force_debug_cursor) == before


def test_a_wrong_number_is_an_error_with_the_statements(place: Place) -> None:
    async def main() -> None:
        await warm(place)
        async with assert_num_queries(1, using=place.alias):
            await q(Country).using(place.alias).acount()
        async with assert_num_queries(1, using=place.alias):
            await q(Country).using(place.alias).acount()
            await q(Country).using(place.alias).filter(code="DE").run()

    with pytest.raises(AssertionError, match="2 queries executed, 1 expected") as failure:
        run(main())
    assert [line[:2] for line in str(failure.value).splitlines()[2:]] == ["1.", "2."]


def test_an_error_of_the_block_goes_on() -> None:
    async def main() -> None:
        async with assert_num_queries(7):
            raise LookupError("nothing to do with queries")

    with pytest.raises(LookupError):
        run(main())


@pytest.mark.parametrize("engine", ["threads", "django", "psycopg"])
@pytest.mark.parametrize("other", ["default", "postgres", "mariadb"])
def test_synchronous_code_is_counted_on_each_database_that_it_asks(
    engine: str, other: str, postgres: str, mariadb: str
) -> None:
    """Whichever connection `run_sync()` has, the code finds others beside it."""

    def ask() -> list[bool]:
        return [Country.objects.using(alias).filter(code=alias[:2]).exists() for alias in (mine, other, other)]

    mine = postgres if other != postgres else "default"
    chosen = engine if engine != "psycopg" or mine == postgres else "threads"

    async def main() -> tuple[int, int, int]:
        async with native(mine) if chosen == "psycopg" else nullcontext():
            executor = await executor_for(mine)
            await executor.run(Country.objects.using(mine).count)
            async with count_queries(other) as counted, count_queries(mine) as own:
                await executor.run(ask)
                async with count_queries(other) as inner:
                    await executor.run(Country.objects.using(other).count)
            await executor.run(ask)
        return len(counted), len(own), len(inner)

    with override_settings(ADJ={mine: {"engine": chosen}}):
        assert run(main()) == (3, 1, 1)


def test_a_test_around_the_loop_sees_what_run_sync_asks_of_another_database(postgres: str) -> None:
    async def main() -> None:
        await run_sync(Country.objects.using(postgres).count)

    run(main())
    with CaptureQueriesContext(connections[postgres]) as captured:
        run(main())
    assert len(captured) == 1
