"""Transactions mean the same on every engine: what a block keeps, what it undoes, and what is seen meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.transaction import TransactionManagementError
from django.test import override_settings

import adj
from adj import TransactionAborted, atomic
from tests.engines.aliases import alias_at
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country

# -- commit and rollback -----------------------------------------------------------------------------------------------


def test_what_a_block_writes_is_there_after_it(place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            assert adj.in_transaction(place.alias)
            assert await adj.run_sync(adj.in_transaction, place.alias)
            await create(place.alias, "+1")
            assert await codes(place.alias) == ["+1"]
        assert not await adj.run_sync(adj.in_transaction, place.alias)
        assert not adj.in_transaction(place.alias)
        assert await codes(place.alias) == ["+1"]

    run(main())
    assert written(place) == ["+1"]


def test_an_error_undoes_the_block_and_goes_on(place: Place) -> None:
    async def main() -> None:
        error = Undo()
        with pytest.raises(Undo) as raised:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                raise error
        assert raised.value is error
        assert await codes(place.alias) == []

    run(main())
    assert written(place) == []


def test_an_inner_block_is_a_savepoint(place: Place) -> None:
    """P10."""

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(IntegrityError):
                async with atomic(place.alias):
                    await create(place.alias, "+2")
                    await adj.run_sync(Country(code="+1", name="x").save, using=place.alias, force_insert=True)
            assert await codes(place.alias) == ["+1"]
            async with atomic(place.alias):
                await create(place.alias, "+3")

    run(main())
    assert written(place) == ["+1", "+3"]


def test_an_error_in_a_block_without_a_savepoint_undoes_everything(place: Place) -> None:
    """P10."""

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(Undo):
                async with atomic(place.alias, savepoint=False):
                    raise Undo
            with pytest.raises(TransactionManagementError):
                await codes(place.alias)

    with pytest.raises(TransactionAborted):
        run(main())
    assert written(place) == []


def test_a_durable_block_is_the_outermost_one(place: Place) -> None:
    """P11."""

    async def main() -> None:
        async with atomic(place.alias, durable=True):
            await create(place.alias, "+1")
            with pytest.raises(RuntimeError, match="durable"):
                async with atomic(place.alias, durable=True):
                    pass

    run(main())
    assert written(place) == ["+1"]


def test_set_rollback_undoes_without_an_error(place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await adj.set_rollback(using=place.alias)
        with pytest.raises(TransactionManagementError):
            await adj.set_rollback(using=place.alias)

    run(main())
    assert written(place) == []


def test_djangos_own_atomic_is_a_savepoint_in_ours(place: Place) -> None:
    def save_twice() -> None:
        with transaction.atomic(place.alias):
            Country.objects.using(place.alias).create(code="+2", name="x")
        with pytest.raises(Undo), transaction.atomic(place.alias):
            Country.objects.using(place.alias).create(code="+3", name="x")
            raise Undo

    async def main() -> None:
        async with atomic(place.alias):
            await adj.run_sync(save_twice)
            assert await codes(place.alias) == ["+2"]

    run(main())
    assert written(place) == ["+2"]


def test_a_function_runs_in_a_transaction(place: Place) -> None:
    @atomic(place.alias)
    async def write(code: str, *, fails: bool) -> str:
        await create(place.alias, code)
        if fails:
            raise Undo
        return code

    async def main() -> None:
        assert await write("+1", fails=False) == "+1"
        with pytest.raises(Undo):
            await write("+2", fails=True)

    run(main())
    assert written(place) == ["+1"]


def test_a_function_runs_in_a_transaction_without_parentheses_around_nothing(place: Place) -> None:
    """As Django's `@atomic`."""
    if place.alias != "default":
        pytest.skip("it has no place for an alias")

    @atomic
    async def write(code: str) -> bool:
        await create("default", code)
        return adj.in_transaction()

    lasting: Any = atomic

    async def main() -> None:
        assert await write("+1")
        async with atomic():
            with pytest.raises(RuntimeError, match="durable"):
                await lasting(write, durable=True)("+2")

    run(main())
    assert written(place) == ["+1"]


def test_what_cannot_be_called_is_refused_at_once(place: Place) -> None:
    nothing: Any = None

    async def asynchronous() -> None:
        """Never called."""

    class Asynchronous:
        async def __call__(self) -> None:
            """Never called."""

    async def main() -> None:
        with pytest.raises(TypeError, match="on_commit"):
            await adj.on_commit(nothing, using=place.alias, robust=True)
        functions: list[Any] = [asynchronous, partial(asynchronous), Asynchronous()]
        for function in functions:
            with pytest.raises(TypeError, match="expects a synchronous function"):
                await adj.run_sync(function)
        async with atomic(place.alias):
            with pytest.raises(TypeError, match="on_commit"):
                await adj.on_commit(nothing, using=place.alias)
            await create(place.alias, "+1")

    run(main())
    assert written(place) == ["+1"]


def test_one_object_can_be_entered_in_itself(place: Place) -> None:
    async def main() -> None:
        block = atomic(place.alias)
        async with block:
            await create(place.alias, "+1")
            with pytest.raises(Undo):
                async with block:
                    await create(place.alias, "+2")
                    raise Undo

    run(main())
    assert written(place) == ["+1"]


def test_one_object_can_be_entered_by_several_tasks(place: Place) -> None:
    block = atomic(place.alias)

    async def write(code: str, seconds: float, *, fails: bool) -> None:
        async with block:
            await create(place.alias, code)
            await asyncio.sleep(seconds)
            if fails:
                raise Undo

    async def main() -> None:
        tasks = [write("+1", 0.03, fails=False), write("+2", 0.01, fails=True), write("+3", 0.02, fails=False)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [type(None), Undo, type(None)]

    run(main())
    assert written(place) == ["+1", "+3"]


def test_djangos_own_asynchronous_methods_join(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(place.alias):
                country = Country(code="+1", name="x")
                await country.asave(using=place.alias)
                assert await Country.objects.using(place.alias).aget(code="+1") == country
                assert [found async for found in Country.objects.using(place.alias).filter(code="+1")] == [country]
                assert await codes(place.alias) == ["+1"]
                raise Undo

    run(main())
    assert written(place) == []


# -- several databases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["psycopg", "threads"])
def test_code_that_uses_two_databases_meets_both_transactions(postgres: str, engine: str) -> None:
    """P17: whichever of the two it runs on, and also by Django's own asynchronous methods."""
    other = "postgres again"
    engines = {postgres: {"engine": engine}, other: {"engine": engine}}

    def see() -> list[int]:
        return [Country.objects.using(alias).filter(code="+1").count() for alias in (postgres, other)]

    def write() -> None:
        Country.objects.using(postgres).create(code="+2", name="x")
        Country.objects.using(other).create(code="+3", name="x")

    async def main() -> None:
        async with atomic(postgres):
            await adj.run_sync(Country.objects.using(postgres).create, code="+1", name="x")
            async with atomic(other):
                assert await adj.run_sync(see) == [1, 0]
                await adj.run_sync(write)
                assert await Country.objects.using(postgres).filter(code="+1").acount() == 1
                assert await Country.objects.using(other).filter(code="+3").acount() == 1
                await adj.set_rollback(using=other)
            assert await adj.run_sync(see) == [1, 0]
            await adj.set_rollback(using=postgres)

    with override_settings(ADJ=engines), alias_at(other, connections.settings[postgres]):
        run(main())
    assert not Country.objects.using(postgres).filter(code__startswith="+").exists()


def test_two_databases_have_transactions_of_their_own(postgres: str) -> None:
    """P17."""

    async def main(outer: str, inner: str) -> None:
        async with atomic(outer):
            await create(outer, "+1")
            with pytest.raises(Undo):
                async with atomic(inner):
                    await create(inner, "+1")
                    assert adj.in_transaction(outer)
                    assert adj.in_transaction(inner)
                    raise Undo
            assert not adj.in_transaction(inner)
            assert (await codes(outer), await codes(inner)) == (["+1"], [])
            await adj.set_rollback(using=outer)

    for pair in (("default", postgres), (postgres, "default")):
        run(main(*pair))
