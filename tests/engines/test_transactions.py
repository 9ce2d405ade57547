"""Transactions mean the same on every engine: what is undone, what is seen, who may ask, and what is called after."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models.signals import post_save
from django.db.transaction import TransactionManagementError
from django.dispatch import Signal
from django.test import override_settings
from django.utils import timezone, translation

import adj
from adj import CrossTaskTransaction, NestingError, QueryTimeout, TransactionAborted, UnsupportedFeature, atomic, q
from tests.engines.aliases import alias_at
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


class Undo(Exception):
    """Raised to leave a block with an error."""


def create(alias: str, code: str) -> Awaitable[Country]:
    """A new country, saved by Django's own synchronous code."""
    return adj.run_sync(Country.objects.using(alias).create, code=code, name=code)


async def codes(alias: str) -> list[str]:
    """The countries of tests that the current task sees."""
    return (
        await q(Country).using(alias).filter(code__startswith="+").order_by("code").values_list("code", flat=True).run()
    )


def written(place: Place) -> list[str]:
    """The countries of tests that anybody else sees."""
    return sorted(code for code in place.codes() if code.startswith("+"))


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

    receivers = (synchronous, asynchronous)
    for receiver in receivers:
        post_save.connect(receiver, sender=Country)
    try:
        run(main())
    finally:
        for receiver in receivers:
            post_save.disconnect(receiver, sender=Country)
    assert seen == [1, 1]
    assert written(place) == []


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
            if place.engine != "django":  # there it is Django's own thread, of which adj knows nothing
                await Country(code="+2", name="x").asave(using=place.alias)
            assert seen == [1] * (3 if place.engine == "django" else 6)
            results = await asyncio.gather(*late, return_exceptions=True)
            assert [type(result) for result in results] == [CrossTaskTransaction] * len(late)
            await adj.set_rollback(using=place.alias)

    receivers = (first, second)
    for receiver in receivers:
        post_save.connect(receiver, sender=Country)
    try:
        run(main())
    finally:
        for receiver in receivers:
            post_save.disconnect(receiver, sender=Country)
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

    receivers = (undone, done)
    for receiver in receivers:
        post_save.connect(receiver, sender=Country)
    try:
        run(main())
    finally:
        for receiver in receivers:
            post_save.disconnect(receiver, sender=Country)
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

    receivers = (first, second)
    for receiver in receivers:
        post_save.connect(receiver, sender=Country)
    try:
        run(main())
    finally:
        for receiver in receivers:
            post_save.disconnect(receiver, sender=Country)
    assert written(place) == ["+1", "+2"]


def test_a_generator_that_is_not_run_to_its_end_leaves_its_transaction(place: Place) -> None:
    """P15: the event loop ends it in a task of its own."""

    async def generate() -> AsyncGenerator[int]:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            yield 1
            yield 2

    async def main() -> None:
        async for _ in generate():
            break
        gc.collect()
        for _ in range(50):
            await asyncio.sleep(0.01)
            if not adj.in_transaction(place.alias):
                break
        assert await codes(place.alias) == []
        async with atomic(place.alias):
            await create(place.alias, "+2")
        await Country(code="+3", name="x").asave(using=place.alias)
        assert (await Country.objects.using(place.alias).aget(code="+2")).code == "+2"

    run(main())
    assert written(place) == ["+2", "+3"]


# -- errors that were caught -------------------------------------------------------------------------------------------


def test_an_error_of_the_server_that_is_caught_in_the_block_is_no_silent_rollback(postgres_place: Place) -> None:
    """M1."""

    async def main() -> None:
        with pytest.raises(TransactionAborted, match="caught"):
            async with atomic(postgres_place.alias):
                await create(postgres_place.alias, "+1")
                with pytest.raises(DatabaseError):
                    await q(Country).using(postgres_place.alias).extra(where=["1 / 0 > 1"]).acount()
        assert not adj.in_transaction(postgres_place.alias)
        assert await codes(postgres_place.alias) == []

    run(main())


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_child_task_is_refused_and_the_block_goes_on(place: Place) -> None:
    """P7."""

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            results = await asyncio.gather(codes(place.alias), create(place.alias, "+2"), return_exceptions=True)
            assert [type(result) for result in results] == [CrossTaskTransaction, CrossTaskTransaction]
            assert "adj.gather" in str(results[0])
            assert await codes(place.alias) == ["+1"]

    run(main())
    assert written(place) == ["+1"]


def test_a_task_that_outlives_the_block_is_refused(place: Place) -> None:
    """P8 and M7."""

    async def main() -> None:
        is_over = asyncio.Event()

        async def late() -> Country:
            await is_over.wait()
            return await create(place.alias, "+2")

        async with atomic(place.alias):
            await create(place.alias, "+1")
            task = asyncio.create_task(late())
        is_over.set()
        with pytest.raises(CrossTaskTransaction, match="has ended"):
            await task

    run(main())
    assert written(place) == ["+1"]


def test_a_task_that_was_there_before_is_not_in_the_transaction(place: Place) -> None:
    """P9."""
    if place.engine == "django" or place.alias == "default":
        pytest.skip("one connection for all, or a database that lets one writer in: the other task waits")

    async def main() -> None:
        has_written, has_looked = asyncio.Event(), asyncio.Event()

        async def other() -> list[str]:
            await has_written.wait()
            found = await codes(place.alias)
            has_looked.set()
            return found

        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        async with atomic(place.alias):
            await create(place.alias, "+1")
            has_written.set()
            await has_looked.wait()
        assert await task == []

    run(main())


def test_gather_runs_one_after_another_inside_and_at_once_outside(place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            one, two = await adj.gather(codes(place.alias), q(Country).using(place.alias).filter(code="+1").acount())
            assert (one, two) == (["+1"], 1)
            with pytest.raises(Undo):
                await adj.gather(raising(), create(place.alias, "+2"))
        assert await adj.gather(codes(place.alias), codes(place.alias)) == (["+1"], ["+1"])

    async def raising() -> None:
        raise Undo

    run(main())
    assert written(place) == ["+1"]


def test_transactions_of_two_tasks_do_not_see_each_other(place: Place) -> None:
    async def write(code: str) -> list[str]:
        async with atomic(place.alias):
            await create(place.alias, code)
            found = await codes(place.alias)
            await asyncio.sleep(0.01)
            raise Undo(found)

    async def main() -> None:
        results = await asyncio.gather(*map(write, ("+1", "+2", "+3")), return_exceptions=True)
        assert [result.args[0] for result in results if isinstance(result, Undo)] == [["+1"], ["+2"], ["+3"]]

    run(main())
    assert written(place) == []


def test_a_block_that_another_task_leaves_is_undone(place: Place) -> None:
    """P15."""

    async def main() -> None:
        block = atomic(place.alias)

        async def enter() -> None:
            await block.__aenter__()
            await create(place.alias, "+1")

        await asyncio.create_task(enter())
        with pytest.raises(NestingError, match="another task"):
            await block.__aexit__(None, None, None)
        assert await codes(place.alias) == []
        async with atomic(place.alias):
            await create(place.alias, "+2")

    run(main())
    assert written(place) == ["+2"]


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_a_cancelled_block_is_undone(place: Place) -> None:
    """M2 and P22."""

    async def main() -> None:
        is_inside = asyncio.Event()

        async def write() -> None:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                is_inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(write())
        await is_inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await codes(place.alias) == []

    run(main())
    assert written(place) == []


def test_a_block_that_takes_too_long_is_undone(place: Place) -> None:
    async def main() -> None:
        with pytest.raises(QueryTimeout, match=r"longer than 0\.05 s"):
            async with atomic(place.alias, timeout=0.05):
                await create(place.alias, "+1")
                await asyncio.sleep(60)
        assert await codes(place.alias) == []

    run(main())


def test_what_waits_for_its_turn_when_the_block_ends_is_refused(place: Place) -> None:
    """P8: it must not run on a connection that somebody else has by then."""
    if place.engine == "django":
        pytest.skip("the connection is Django's, before and after")

    def slow(code: str) -> None:
        time.sleep(0.02)
        Country.objects.using(place.alias).create(code=code, name="x")

    async def first() -> list[asyncio.Task[None]]:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            return [asyncio.create_task(sync_to_async(slow)(f"+{number}")) for number in range(2, 6)]

    async def main() -> None:
        tasks = await asyncio.create_task(first())
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await asyncio.sleep(0.2)
                raise Undo
        results = await asyncio.gather(*tasks, return_exceptions=True)
        done = [f"+{number}" for number, result in enumerate(results, 2) if result is None]
        assert await codes(place.alias) == ["+1", *done]

    run(main())


def test_a_stream_that_outlives_its_transaction_does_not_reach_the_next_one(place: Place) -> None:
    """P44."""
    if place.alias == "mariadb" or place.engine == "django":
        pytest.skip("its cursors are not on the server, or the connection is Django's before and after")

    async def main() -> None:
        async with atomic(place.alias):
            stream = q(Country).using(place.alias).stream(1)
            await stream.__aenter__()
            await anext(stream)
        async with atomic(place.alias):
            await create(place.alias, "+1")
            with pytest.raises(CrossTaskTransaction, match="has ended"):
                await anext(stream)
            await stream.__aexit__(None, None, None)
            assert await codes(place.alias) == ["+1"]

    with warnings.catch_warnings():
        # The server has closed the cursor with its transaction; nobody may tell it so any more.
        warnings.simplefilter("ignore", ResourceWarning)
        run(main())
        gc.collect()
    assert written(place) == ["+1"]


def test_closing_everything_ends_a_transaction_that_is_open(place: Place) -> None:
    if place.engine == "django":
        pytest.skip("the connection is Django's, and stays")

    async def write() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await asyncio.sleep(0.1)
            await create(place.alias, "+2")

    async def main() -> None:
        async with asyncio.timeout(5):
            task = asyncio.create_task(write())
            await asyncio.sleep(0.05)
            await adj.close()
            await asyncio.gather(task, return_exceptions=True)

    run(main())


# -- after the commit --------------------------------------------------------------------------------------------------


def test_functions_are_called_after_the_commit_in_their_order(place: Place) -> None:
    """P12."""
    called: list[Any] = []

    async def asynchronous() -> None:
        called.append(("asynchronous", adj.in_transaction(place.alias)))
        async with atomic(place.alias):
            await create(place.alias, "+2")

    async def main() -> None:
        async with atomic(place.alias):
            await adj.on_commit(lambda: called.append("first"), using=place.alias)
            await adj.run_sync(transaction.on_commit, lambda: called.append("Django's"), using=place.alias)
            with pytest.raises(Undo):
                async with atomic(place.alias):
                    await adj.on_commit(lambda: called.append("undone"), using=place.alias)
                    raise Undo
            await adj.on_commit(asynchronous, using=place.alias)
            await create(place.alias, "+1")
            assert called == []
        assert called == ["first", "Django's", ("asynchronous", False)]

    run(main())
    assert written(place) == ["+1", "+2"]


def test_cancellations_during_the_commit_wait_until_the_functions_were_called(native: Place) -> None:
    """P12, P23: also those of anyio, which cancels at every step until its scope is left."""
    called: list[str] = []

    async def asynchronous() -> None:
        await asyncio.sleep(0.01)
        called.append("asynchronous")

    async def write() -> None:
        async with atomic(native.alias):
            await create(native.alias, "+1")
            await adj.on_commit(lambda: called.append("synchronous"), using=native.alias)
            await adj.on_commit(asynchronous, using=native.alias)
            # Its session has to be closed, for which giving the connection back waits.
            await adj.run_sync(lock)
            task = asyncio.current_task()
            assert task is not None
            # The first wait of the block's end is the commit.
            asyncio.get_running_loop().call_soon(cancel, task)

    def lock() -> None:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(42)")

    def cancel(task: asyncio.Task[None]) -> None:
        if not task.done():
            task.cancel()
            asyncio.get_running_loop().call_soon(cancel, task)

    async def main() -> None:
        task = asyncio.create_task(write())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert called == ["synchronous", "asynchronous"]
        assert await codes(native.alias) == ["+1"]

    run(main())


def test_functions_are_forgotten_with_the_transaction(place: Place) -> None:
    called: list[str] = []

    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await adj.on_commit(lambda: called.append("undone"), using=place.alias)
                raise Undo
        async with atomic(place.alias):
            await create(place.alias, "+1")

    run(main())
    assert called == []


def test_an_error_of_a_function_leaves_the_block_unless_it_is_robust(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def fails() -> None:
        raise Undo("told")

    async def main() -> None:
        async with atomic(place.alias):
            await adj.on_commit(fails, using=place.alias, robust=True)
            await adj.on_commit(lambda: called.append("second"), using=place.alias)
        assert called == ["second"]
        with pytest.raises(Undo):
            async with atomic(place.alias):
                await adj.on_commit(fails, using=place.alias)
                await create(place.alias, "+1")

    run(main())
    assert "told" in caplog.text
    assert written(place) == ["+1"]


def test_without_a_transaction_a_function_is_called_at_once(place: Place) -> None:
    called: list[str] = []

    async def asynchronous() -> None:
        called.append("asynchronous")

    async def main() -> None:
        await adj.on_commit(lambda: called.append("synchronous"), using=place.alias)
        await adj.on_commit(asynchronous, using=place.alias)

    run(main())
    assert called == ["synchronous", "asynchronous"]


# -- modes -------------------------------------------------------------------------------------------------------------


def test_the_mode_is_the_transactions_and_gone_after_it(postgres_place: Place) -> None:
    """P19."""

    def show() -> tuple[str, ...]:
        names = ("transaction_isolation", "transaction_read_only", "transaction_deferrable", "adj.tenant")
        with connections[postgres_place.alias].cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"current_setting('{name}', true)" for name in names))
            row: tuple[str, ...] = cursor.fetchone()
            return row

    async def main() -> None:
        mode: dict[str, Any] = {"isolation": "serializable", "read_only": True, "deferrable": True}
        async with atomic(postgres_place.alias, **mode, set_local={"adj.tenant": "7"}):
            assert await adj.run_sync(show) == ("serializable", "on", "on", "7")
        async with atomic(postgres_place.alias):
            assert (await adj.run_sync(show))[:3] == ("read committed", "off", "off")
            with pytest.raises(NestingError, match="mode"):
                async with atomic(postgres_place.alias, read_only=True):
                    pass

    run(main())


@pytest.mark.parametrize("mode", [{"isolation": "serializable"}, {"read_only": True}, {"deferrable": True}])
def test_a_transaction_that_django_has_begun_keeps_its_mode(postgres: str, mode: dict[str, Any]) -> None:
    """As in a `TestCase`: what the server would say is not clear, or it would hold for the rest of the test."""

    def begin() -> transaction.Atomic:
        block = transaction.atomic(postgres)
        block.__enter__()
        return block

    def end(block: transaction.Atomic) -> None:
        block.__exit__(None, None, None)
        connections[postgres].close()

    async def main() -> None:
        block = await sync_to_async(begin)()
        try:
            with pytest.raises(NestingError, match="Django's own code has begun"):
                async with atomic(postgres, **mode):
                    pass
            async with atomic(postgres, set_local={"adj.tenant": "7"}):
                await create(postgres, "+1")
                await adj.set_rollback(using=postgres)
            assert await codes(postgres) == []
        finally:
            await sync_to_async(end)(block)

    with override_settings(ADJ={postgres: {"engine": "django"}}):
        run(main())


def test_where_there_are_no_modes_they_are_refused(place: Place) -> None:
    if place.alias == "postgres":
        pytest.skip("PostgreSQL has modes")

    async def main() -> None:
        with pytest.raises(UnsupportedFeature, match=r"this is (SQLite|MariaDB)\."):
            async with atomic(place.alias, isolation="serializable"):
                pass
        async with atomic(place.alias):
            await create(place.alias, "+1")

    run(main())
    assert written(place) == ["+1"]


def test_an_unknown_isolation_is_refused_where_it_is_written() -> None:
    word: Any = "chaotic"
    with pytest.raises(ValueError, match="choose one of read uncommitted"):
        atomic(isolation=word)


def test_a_serialization_failure_is_tried_again(native: Place) -> None:
    """P20."""
    attempts: list[int] = []
    committed: list[int] = []
    both_have_read = asyncio.Barrier(2)

    async def add(code: str) -> None:
        attempts.append(1)
        await q(Country).using(native.alias).filter(code__startswith="+").acount()
        if len(attempts) <= 2:
            await both_have_read.wait()
        await create(native.alias, code)
        await adj.on_commit(lambda: committed.append(1), using=native.alias)

    async def main() -> None:
        serializable = atomic(native.alias, isolation="serializable", retry=3)
        await asyncio.gather(serializable(add)("+1"), serializable(add)("+2"))

    run(main())
    assert written(native) == ["+1", "+2"]
    assert len(attempts) >= 3
    assert len(committed) == 2


def test_a_block_cannot_be_tried_again() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="decorator"):
            async with atomic(retry=2):
                pass

    run(main())


# -- context -----------------------------------------------------------------------------------------------------------

color = contextvars.ContextVar("color", default="none")


def test_synchronous_code_sees_the_callers_context_variables(place: Place) -> None:
    """P59."""

    async def main() -> None:
        color.set("blue")
        assert await adj.run_sync(color.get) == "blue"
        async with atomic(place.alias):
            assert await adj.run_sync(color.get) == "blue"

    run(main())


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
