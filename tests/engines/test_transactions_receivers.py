"""Code that a transaction calls and waits for: receivers of signals, and synchronous and asynchronous code in turn."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db.models.signals import post_save
from django.dispatch import Signal
from django.utils import timezone, translation

import adj
from adj import CrossTaskTransaction, atomic, q
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Country

# -- receivers of signals ----------------------------------------------------------------------------------------------


def test_signal_receivers_see_the_row_that_is_not_committed(place: Place) -> None:
    seen: list[Any] = []

    def synchronous(instance: Country, **kwargs: object) -> None:
        seen.append(Country.objects.using(place.alias).filter(code=instance.code).count())

    async def asynchronous(instance: Country, **kwargs: object) -> None:
        seen.append(await Country.objects.using(place.alias).filter(code=instance.code).acount())

    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                raise Undo

    with receiving(post_save, synchronous, asynchronous, sender=Country):
        run(main())
    assert seen == [1, 1]
    assert written(place) == []


def test_asynchronous_receivers_ask_in_the_transaction(place: Place) -> None:
    """P51: several run at the same time, in tasks of their own, while `save()` waits; for a thread, on another loop."""
    seen: list[Any] = []
    late: list[asyncio.Task[int]] = []

    async def first(instance: Country, **kwargs: object) -> None:
        async with atomic(place.alias):
            await asyncio.sleep(0.01)
            seen.append(await q(Country).using(place.alias).filter(code=instance.code).acount())
            await asyncio.sleep(0.01)

    async def second(instance: Country, **kwargs: object) -> None:
        async with atomic(place.alias):
            seen.append(await q(Country).using(place.alias).filter(code=instance.code).acount())
        seen.append(await Country.objects.using(place.alias).filter(code=instance.code).acount())
        if place.engine == "psycopg":
            late.append(asyncio.create_task(too_late()))

    async def too_late() -> int:
        await asyncio.sleep(0.05)
        return await q(Country).using(place.alias).acount()

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await Country(code="+2", name="x").asave(using=place.alias)
            assert seen == [1] * 6
            results = await asyncio.gather(*late, return_exceptions=True)
            assert [type(result) for result in results] == [CrossTaskTransaction] * len(late)
            await adj.set_rollback(using=place.alias)

    with receiving(post_save, first, second, sender=Country):
        run(main())
    assert written(place) == []


def test_what_an_asynchronous_receiver_does_is_not_in_the_block_of_another(place: Place) -> None:
    """P51: the others wait while one is in a block; tasks that it starts there are refused, as in any block."""
    refused: list[Any] = []

    async def undone(instance: Country, **kwargs: object) -> None:
        with contextlib.suppress(Undo):
            async with atomic(place.alias):
                await q(Country).using(place.alias).acount()
                await asyncio.sleep(0.01)
                child = asyncio.create_task(codes(place.alias))
                refused.extend(await asyncio.gather(child, return_exceptions=True))
                raise Undo
        assert (await asyncio.gather(codes(place.alias)))[0]

    async def done(instance: Country, **kwargs: object) -> None:
        await asyncio.sleep(0.005)
        await adj.run_sync(Country.objects.using(place.alias).bulk_create, [Country(code="+2", name="x")])

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")

    with receiving(post_save, undone, done, sender=Country):
        run(main())
    assert [type(error) for error in refused] == [CrossTaskTransaction]
    assert written(place) == ["+1", "+2"]


def test_receivers_that_run_at_the_same_time_have_transactions_of_their_own(place: Place) -> None:
    """P51: since Django 6.1 they share one context."""

    async def undone(**kwargs: object) -> None:
        with contextlib.suppress(Undo):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await asyncio.sleep(0.02)
                await create(place.alias, "+2")
                assert {"+1", "+2"} <= set(await codes(place.alias))
                raise Undo
        assert not adj.in_transaction(place.alias)

    async def done(**kwargs: object) -> None:
        await asyncio.sleep(0.01)
        assert not adj.in_transaction(place.alias)
        if place.alias != "default":  # SQLite lets one writer in
            async with atomic(place.alias):
                await create(place.alias, "+3")
                await asyncio.sleep(0.02)
                assert not {"+1", "+2"} & set(await codes(place.alias))
        await create(place.alias, "+4")

    async def main() -> None:
        await signal.asend(None)
        await Country(code="+5", name="x").asave(using=place.alias)

    signal = Signal()
    signal.connect(undone)
    signal.connect(done)
    run(main())
    assert written(place) == (["+3"] if place.alias != "default" else []) + ["+4", "+5"]


def test_a_receiver_is_not_in_the_transaction_of_one_that_runs_beside_it(place: Place) -> None:
    """P51: by Django's own methods neither; on the engine `django` they have one connection for all."""
    if place.alias == "default" or place.engine == "django":
        pytest.skip("one connection for all, or a database that lets one writer in")

    async def main() -> None:
        begun, done = asyncio.Event(), asyncio.Event()

        async def undone(**kwargs: object) -> None:
            with contextlib.suppress(Undo):
                async with atomic(place.alias):
                    await create(place.alias, "+1")
                    begun.set()
                    await done.wait()
                    raise Undo

        async def beside(**kwargs: object) -> None:
            await begun.wait()
            await Country.objects.using(place.alias).acreate(code="+4", name="x")
            done.set()

        signal = Signal()
        signal.connect(undone)
        signal.connect(beside)
        async with asyncio.timeout(10):
            await signal.asend(None)

    run(main())
    assert written(place) == ["+4"]


def test_a_function_may_send_several_signals_to_receivers_with_blocks(place: Place) -> None:
    """P51: in a thread each time on another event loop."""

    async def first(**kwargs: object) -> None:
        async with atomic(place.alias):
            await asyncio.sleep(0.02)
            await codes(place.alias)

    async def second(**kwargs: object) -> None:
        await asyncio.sleep(0.005)
        async with atomic(place.alias):
            await codes(place.alias)

    def create_both() -> None:
        for code in ("+1", "+2"):
            Country.objects.using(place.alias).create(code=code, name="x")

    async def main() -> None:
        async with atomic(place.alias):
            await adj.run_sync(create_both)

    with receiving(post_save, first, second, sender=Country):
        run(main())
    assert written(place) == ["+1", "+2"]


# -- synchronous and asynchronous code in turn -------------------------------------------------------------------------


def test_asynchronous_code_sees_what_the_synchronous_code_that_calls_it_has_set(place: Place) -> None:
    """P59: context variables, the language and the time zone, there and back, by whichever way it is called."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[tuple[str, str, str]] = []

    async def look() -> None:
        await asyncio.sleep(0)
        seen.append((variable.get(), translation.get_language(), timezone.get_current_timezone_name()))
        variable.set("by the callee")

    def call() -> str:
        variable.set("by the caller")
        with translation.override("de"), timezone.override("Asia/Tokyo"):
            async_to_sync(look)()
        return variable.get()

    async def main() -> None:
        async with atomic(place.alias):
            assert await adj.run_sync(call) == "by the callee"
            assert await sync_to_async(call)() == "by the callee"
        async with adj.native(place.alias):
            assert await sync_to_async(call)() == "by the callee"
        assert translation.get_language() != "de"

    run(main())
    assert seen == [("by the caller", "de", "Asia/Tokyo")] * 3


def test_synchronous_and_asynchronous_code_call_each_other_as_deep_as_they_like(place: Place) -> None:
    """P62: as a view of one kind between middleware of the other does."""

    def innermost() -> int:
        return Country.objects.using(place.alias).filter(code="+1").count()

    async def inner() -> int:
        return await sync_to_async(innermost)()

    async def outer() -> int:
        return await sync_to_async(async_to_sync(inner))()

    async def main() -> None:
        await create(place.alias, "+1")
        call = async_to_sync(outer)
        async with asyncio.timeout(5):
            assert await adj.run_sync(call) == 1
            async with atomic(place.alias):
                assert await adj.run_sync(call) == 1
                assert await sync_to_async(call)() == 1
            async with adj.native(place.alias):
                assert await sync_to_async(call)() == 1

    run(main())


color = contextvars.ContextVar("color", default="none")


def test_synchronous_code_sees_the_callers_context_variables(place: Place) -> None:
    """P59."""

    async def main() -> None:
        color.set("blue")
        assert await adj.run_sync(color.get) == "blue"
        async with atomic(place.alias):
            assert await adj.run_sync(color.get) == "blue"

    run(main())
