"""Synchronous code that waits for asynchronous code, when the task that waits for both is cancelled: nothing stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction
from django.db.models.signals import post_save
from django.db.transaction import Atomic

import adj
import adj.execution.django_atomic
from adj import atomic, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


@contextmanager
def received_by(receiver: Callable[..., Coroutine[Any, Any, None]]) -> Generator[None]:
    """Let a coroutine function hear of saved countries."""
    post_save.connect(receiver, sender=Country)
    try:
        yield
    finally:
        post_save.disconnect(receiver, sender=Country)


async def cancel_again_and_again(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it ends, as anyio does."""
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


def create_in_a_block(alias: str) -> None:
    """Synchronous code that is in a block of Django's when it is cancelled."""
    with transaction.atomic(alias):
        Country.objects.using(alias).create(code="+1", name="x")


async def create_with_run_sync(alias: str) -> None:
    await adj.run_sync(create_in_a_block, alias)


async def create_with_djangos_own(alias: str) -> None:
    await sync_to_async(create_in_a_block)(alias)


HOW = [create_with_run_sync, create_with_djangos_own]


@pytest.mark.parametrize("create", HOW)
@pytest.mark.parametrize("pause", [0, 0.2])
@pytest.mark.parametrize("times", ["once", "again and again", "before the receiver runs"])
def test_a_block_that_is_cancelled_while_a_receiver_runs_is_undone(
    place: Place, create: Callable[[str], Coroutine[Any, Any, None]], times: str, pause: float
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        hears = asyncio.Event()

        async def slow(**kwargs: object) -> None:
            loop.call_soon_threadsafe(hears.set)
            try:
                await asyncio.sleep(0.05)
            finally:
                # A receiver that has something to do before it ends.
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.05)

        async def write() -> None:
            async with atomic(place.alias):
                try:
                    await create(place.alias)
                finally:
                    # What a block does until it is cancelled.
                    await asyncio.sleep(pause)

        with received_by(slow):
            task = asyncio.create_task(write())
            if times == "before the receiver runs" and place.engine != "psycopg":
                await asyncio.sleep(0)
                # The loop stands still while the thread comes to the receiver, and so learns of both together.
                time.sleep(0.1)  # noqa: ASYNC251
            else:
                await hears.wait()
            if times == "again and again":
                await cancel_again_and_again(task)
            else:
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not await q(Country).using(place.alias).filter(code="+1").aexists()
        assert not await adj.run_sync(adj.in_transaction, place.alias)

    run(main())
    assert "+1" not in place.codes()


def test_a_block_that_outlives_the_receiver_it_was_started_in_is_committed() -> None:
    """It has begun while a thread waited for the receiver, and ends when none does."""
    started: list[asyncio.Task[None]] = []

    async def audit() -> None:
        async with atomic():
            await adj.run_sync(Country.objects.bulk_create, [Country(code="+2", name="x")])
            has_begun.set()
            await asyncio.sleep(0.1)

    async def receiver(**kwargs: object) -> None:
        started.append(asyncio.create_task(audit()))
        await has_begun.wait()

    has_begun = asyncio.Event()

    async def main() -> None:
        with received_by(receiver):
            await adj.run_sync(Country.objects.create, code="+1", name="x")
        await asyncio.gather(*started)
        assert not await adj.run_sync(adj.in_transaction)

    place = Place("django on SQLite", "default", "django")
    with place.chosen():
        run(main())
        assert {"+1", "+2"} <= set(place.codes())


def test_a_block_that_can_not_be_undone_when_its_entering_is_cancelled_lets_the_others_go_on(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receivers share one transaction, and wait while one of them is in a block of it."""
    abandon = adj.execution.django_atomic.abandon

    def fails(block: Atomic, error: BaseException) -> None:
        abandon(block, error)
        raise OperationalError("the server has gone away")

    async def receiver(**kwargs: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(adj.execution.django_atomic, "abandon", fails)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0), atomic(native.alias):
                    pass

    async def other(**kwargs: object) -> None:
        async with asyncio.timeout(5), atomic(native.alias):
            await q(Country).using(native.alias).acount()
        entered.append(True)

    entered: list[bool] = []

    async def main() -> None:
        async with atomic(native.alias):
            await create_with_run_sync(native.alias)
            await adj.set_rollback(using=native.alias)

    with received_by(receiver), received_by(other):
        run(main())
    assert entered
