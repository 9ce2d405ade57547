"""Errors that are caught inside a block: a block that lost changes does not end normally, on any engine.

P10, M1, M6, N8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.db import DatabaseError, Error, IntegrityError, OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test import override_settings

import adj
from adj import TransactionAborted, atomic, q
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.engines.test_failures import cut
from tests.running import run
from tests.shop.models import Country

Write = Callable[[str], Awaitable[object]]


async def by_acreate(alias: str) -> None:
    await q(Country).using(alias).acreate(code="+1", name="again")


async def by_djangos_acreate(alias: str) -> None:
    await Country.objects.using(alias).acreate(code="+1", name="again")


async def by_asave(alias: str) -> None:
    await Country(code="+1", name="again").asave(using=alias, force_insert=True)


async def by_save(alias: str) -> None:
    await adj.save(Country(code="+1", name="again"), using=alias, force_insert=True)


async def by_aupdate(alias: str) -> None:
    await create(alias, "+2")
    await q(Country).using(alias).filter(code="+2").aupdate(code="+1")


async def by_acopy(alias: str) -> None:
    await q(Country).using(alias).acopy([Country(code="+1", name="again")])


WRITES = [by_acreate, by_djangos_acreate, by_asave, by_save, by_aupdate, by_acopy]


@pytest.mark.parametrize("write", WRITES)
def test_an_error_of_a_write_that_is_caught_in_the_block_is_no_silent_rollback(place: Place, write: Write) -> None:
    async def main() -> None:
        with pytest.raises(TransactionAborted, match="caught") as raised:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                with pytest.raises(IntegrityError):
                    await write(place.alias)
        assert isinstance(raised.value.__cause__, IntegrityError)
        assert not adj.in_transaction(place.alias)
        async with atomic(place.alias):
            await create(place.alias, "+9")

    run(main())
    assert written(place) == ["+9"]


@pytest.mark.parametrize("write", WRITES)
def test_only_the_inner_block_is_lost_where_an_error_is_caught_in_it(place: Place, write: Write) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(TransactionAborted):
                async with atomic(place.alias):
                    await create(place.alias, "+3")
                    with pytest.raises(IntegrityError):
                        await write(place.alias)
            await create(place.alias, "+9")

    run(main())
    assert written(place) == ["+1", "+9"]


@pytest.mark.parametrize("is_nested", [False, True])
def test_an_error_of_the_server_that_is_caught_in_the_block_is_no_silent_rollback(
    postgres_place: Place, is_nested: bool
) -> None:
    alias = postgres_place.alias

    async def fail() -> None:
        await create(alias, "+1")
        with pytest.raises(DatabaseError):
            await q(Country).using(alias).extra(where=["1 / 0 > 1"]).acount()

    async def main() -> None:
        async def block() -> None:
            async with atomic(alias):
                await fail()

        with pytest.raises(TransactionAborted, match="caught"):
            await block()
        assert not adj.in_transaction(alias)
        if is_nested:
            async with atomic(alias):
                await create(alias, "+2")
                with pytest.raises(TransactionAborted):
                    await block()

    run(main())
    assert written(postgres_place) == (["+2"] if is_nested else [])


def test_a_raw_statement_that_fails_is_no_loss_where_the_database_goes_on(place: Place) -> None:
    """As in Django, code may catch the error of a cursor that it opened; only PostgreSQL aborts the transaction."""

    def insert_twice() -> None:
        with connections[place.alias].cursor() as cursor, pytest.raises(IntegrityError):
            cursor.execute("INSERT INTO shop_country (code, name) VALUES ('+1', 'again')")

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await adj.run_sync(insert_twice)

    if place.alias == "postgres":
        with pytest.raises(TransactionAborted):
            run(main())
        assert written(place) == []
    else:
        run(main())
        assert written(place) == ["+1"]


# -- rollbacks that were asked for -------------------------------------------------------------------------------------


async def by_adj(alias: str) -> None:
    await adj.set_rollback(using=alias)


async def by_django(alias: str) -> None:
    await adj.run_sync(transaction.set_rollback, True, using=alias)


@pytest.mark.parametrize("ask", [by_adj, by_django])
def test_a_requested_rollback_is_silent(place: Place, ask: Write) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            async with atomic(place.alias):
                await create(place.alias, "+2")
                await ask(place.alias)
            assert await codes(place.alias) == ["+1"]
            with pytest.raises(IntegrityError):
                await by_acreate(place.alias)
            await ask(place.alias)

    run(main())
    assert written(place) == []


def test_a_requested_rollback_does_not_hide_a_later_error(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(TransactionAborted):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                async with atomic(place.alias):
                    await by_adj(place.alias)
                with pytest.raises(IntegrityError):
                    await by_acreate(place.alias)

    run(main())
    assert written(place) == []


def test_a_rollback_that_was_taken_back_is_none(place: Place) -> None:
    """Django's way to go on after an error that its caller has dealt with."""
    if place.alias == "postgres":
        pytest.skip("the server does not go on without a savepoint")

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(IntegrityError):
                await by_acreate(place.alias)
            await adj.set_rollback(False, using=place.alias)

    run(main())
    assert written(place) == ["+1"]


# -- transactions that the database has given up -----------------------------------------------------------------------


def test_a_lost_connection_that_is_caught_in_the_block_is_no_success(place: Place) -> None:
    if place.alias == "default":
        pytest.skip("SQLite has no line that could be cut")

    async def main() -> None:
        with pytest.raises(TransactionAborted):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await adj.run_sync(cut, place.alias)
                with pytest.raises(Error):
                    await codes(place.alias)
                with pytest.raises(DatabaseError):
                    await create(place.alias, "+2")
        async with atomic(place.alias):
            await create(place.alias, "+9")

    run(main())
    assert written(place) == ["+9"]


def test_a_connection_that_code_closes_in_the_block_is_no_success(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(TransactionAborted):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await adj.run_sync(lambda: connections[place.alias].close())
        assert await codes(place.alias) == []

    run(main())


@pytest.mark.parametrize("is_raw", [False, True])
def test_a_deadlock_that_is_caught_in_the_block_is_no_success(mariadb: str, is_raw: bool) -> None:
    """MariaDB rolls the whole transaction back, and would begin another one with the next statement."""
    there = Place("threads on MariaDB", mariadb, "threads")

    def rename(code: str) -> None:
        with connections[mariadb].cursor() as cursor:
            cursor.execute("UPDATE shop_country SET name = 'x' WHERE code = %s", [code])

    async def lock(code: str) -> None:
        if is_raw:
            await adj.run_sync(rename, code)
        else:
            await q(Country).using(mariadb).filter(code=code).select_for_update().run()

    async def main() -> None:
        await create(mariadb, "+1")
        await create(mariadb, "+2")
        ready = asyncio.Barrier(2)

        async def cross(first: str, second: str, own: str) -> str:
            async with atomic(mariadb):
                await create(mariadb, own)
                await lock(first)
                await ready.wait()
                try:
                    await lock(second)
                except OperationalError:
                    with pytest.raises(TransactionManagementError):
                        await create(mariadb, "+5")
            return own

        results = await asyncio.gather(cross("+1", "+2", "+3"), cross("+2", "+1", "+4"), return_exceptions=True)
        aborted = [result for result in results if isinstance(result, TransactionAborted)]
        committed = [result for result in results if isinstance(result, str)]
        assert (len(aborted), len(committed)) == (1, 1)
        assert await codes(mariadb) == ["+1", "+2", *committed]

    with there.chosen():
        run(main())


def test_a_caught_deadlock_is_tried_again_by_a_function_that_retries(mariadb: str) -> None:
    there = Place("threads on MariaDB", mariadb, "threads")
    tried: list[str] = []

    async def main() -> None:
        await create(mariadb, "+1")
        await create(mariadb, "+2")
        ready = asyncio.Barrier(2)

        @atomic(mariadb, retry=3)
        async def cross(first: str, second: str) -> None:
            tried.append(first)
            await q(Country).using(mariadb).filter(code=first).select_for_update().run()
            if len(tried) <= 2:
                await ready.wait()
            try:
                await q(Country).using(mariadb).filter(code=second).select_for_update().run()
            except OperationalError:
                return

        await asyncio.gather(cross("+1", "+2"), cross("+2", "+1"))

    with there.chosen():
        run(main())
    assert len(tried) == 3


@pytest.mark.parametrize("engine", ["threads", "django"])
def test_a_transaction_that_sqlite_has_rolled_back_by_itself_is_no_success(engine: str) -> None:
    there = Place(engine, "default", engine)

    def insert_again() -> None:
        with connections["default"].cursor() as cursor, pytest.raises(IntegrityError):
            cursor.execute("INSERT OR ROLLBACK INTO shop_country (code, name) VALUES ('+1', 'again')")

    async def main() -> None:
        with pytest.raises(TransactionAborted):
            async with atomic():
                await create("default", "+1")
                await adj.run_sync(insert_again)
                with pytest.raises(TransactionManagementError):
                    await create("default", "+2")

    with there.chosen():
        run(main())
        assert written(there) == []


def test_an_error_that_leaves_the_block_is_the_error_of_the_block(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                with pytest.raises(IntegrityError):
                    await by_acreate(place.alias)
                raise Undo

    with override_settings(DEBUG=False):
        run(main())
    assert written(place) == []
