"""What is called after the commit: when, in which order, and what its errors do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.db.models.signals import post_save

import adj
from adj import atomic
from adj import completion as persist
from adj.execution.databases import executor_for
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Country


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


def test_a_robust_function_that_waits_for_a_cancelled_task_does_not_skip_the_others(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[int] = []

    async def wait() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    async def main() -> None:
        async with atomic(place.alias):
            await create(place.alias, "+1")
            await adj.on_commit(wait, using=place.alias, robust=True)
            await adj.on_commit(partial(called.append, 1), using=place.alias)

    run(main())
    assert called == [1]
    assert "wait in on_commit()" in caplog.text
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


@pytest.mark.parametrize("is_timeout", [False, True])
def test_functions_run_to_their_end_when_the_task_is_cancelled_meanwhile(place: Place, is_timeout: bool) -> None:
    """N9: then the cancellation is raised, or the timeout."""
    called: list[str] = []

    async def main() -> None:
        is_running, may_end = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            is_running.set()
            await may_end.wait()
            called.append("slow")

        async def write() -> None:
            # Over at once when the test says so.
            async with asyncio.timeout(None) as deadline:
                deadlines.append(deadline)
                async with atomic(place.alias):
                    await create(place.alias, "+1")
                    await adj.on_commit(slow, using=place.alias)
                    await adj.on_commit(lambda: called.append("last"), using=place.alias)

        deadlines: list[asyncio.Timeout] = []
        task = asyncio.create_task(write())
        await is_running.wait()
        if is_timeout:
            deadlines[0].reschedule(0)
        for _ in range(3):
            if not is_timeout:
                task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(TimeoutError if is_timeout else asyncio.CancelledError):
            await task

    run(main())
    assert called == ["slow", "last"]
    assert written(place) == ["+1"]


_SLOW = {
    "postgres": "SELECT pg_sleep(0.3)",
    "mariadb": "SELECT SLEEP(0.3)",
    "default": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 999999) SELECT count(*) FROM n",
}


class DjangosBlock:
    """Synchronous code that writes in Django's own `atomic()`, after which two functions are called."""

    def __init__(self, place: Place) -> None:
        self.place, self.called = place, list[str]()
        self.is_running, self.have_run = threading.Event(), threading.Event()

    def __call__(self, **kwargs: object) -> None:
        alias = self.place.alias
        with transaction.atomic(alias):
            if not kwargs:
                Country.objects.using(alias).create(code="+1", name="one")
            transaction.on_commit(self.slow, using=alias)
            transaction.on_commit(self.last, using=alias)

    def last(self) -> None:
        self.called.append("last")
        self.have_run.set()

    def slow(self) -> None:
        with connections[self.place.alias].cursor() as cursor:
            self.is_running.set()
            cursor.execute(_SLOW[self.place.alias])
            cursor.fetchall()
        self.called.append("slow")


async def by_run_sync(block: DjangosBlock) -> None:
    await (await executor_for(block.place.alias)).run(block)


async def in_a_native_block(block: DjangosBlock) -> None:
    async with adj.native(block.place.alias):
        await sync_to_async(block)()


async def in_a_receiver(block: DjangosBlock) -> None:
    with receiving(post_save, block, sender=Country):
        await adj.save(Country(code="+1", name="one"), using=block.place.alias, force_insert=True)


@pytest.mark.parametrize("write", [by_run_sync, in_a_native_block, in_a_receiver])
def test_functions_of_djangos_own_blocks_run_to_their_end(
    place: Place, write: Callable[[DjangosBlock], Awaitable[None]]
) -> None:
    block = DjangosBlock(place)

    async def main() -> None:
        task = asyncio.ensure_future(write(block))
        assert await asyncio.to_thread(block.is_running.wait, 20)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.02)
        with suppress(asyncio.CancelledError):
            await task
        # Where a thread calls them, the task need not wait.
        assert await asyncio.to_thread(block.have_run.wait, 20)

    run(main())
    assert block.called == ["slow", "last"]
    assert written(place) == ["+1"]


def test_an_error_of_a_robust_function_does_not_hide_a_cancellation(native: Place) -> None:
    """It fails while the task is being cancelled, and Django logs the error."""
    called: list[str] = []
    is_running = threading.Event()

    def fail() -> None:
        with connections[native.alias].cursor() as cursor:
            is_running.set()
            cursor.execute("SELECT 1 / length(pg_sleep(0.2)::text)")

    def work() -> None:
        with transaction.atomic(native.alias):
            Country.objects.using(native.alias).create(code="+1", name="one")
            transaction.on_commit(fail, using=native.alias, robust=True)
            transaction.on_commit(lambda: called.append("last"), using=native.alias)

    async def main() -> None:
        executor = await executor_for(native.alias)
        task = asyncio.ensure_future(executor.run(work))
        assert await asyncio.to_thread(is_running.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert called == ["last"]
    assert written(native) == ["+1"]


def test_functions_run_to_their_end_when_the_program_ends_meanwhile(place: Place) -> None:
    """N17: `asyncio.run()` cancels all tasks."""
    called: list[str] = []

    async def main() -> None:
        is_running = asyncio.Event()

        async def slow() -> None:
            is_running.set()
            await asyncio.sleep(0.05)
            async with atomic(place.alias):
                await create(place.alias, "+2")
            called.append("slow")

        async def write() -> None:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await adj.on_commit(slow, using=place.alias)

        tasks.append(asyncio.create_task(write()))
        await is_running.wait()

    tasks: list[asyncio.Task[None]] = []
    run(main())
    assert tasks[0].cancelled()
    assert called == ["slow"]
    assert written(place) == ["+1", "+2"]


def test_an_endless_function_delays_exit_only_briefly(native: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persist, "END_SECONDS", 0.1)

    async def main() -> None:
        is_running = asyncio.Event()

        async def endless() -> None:
            is_running.set()
            await asyncio.Event().wait()

        async def write() -> None:
            async with atomic(native.alias):
                await create(native.alias, "+1")
                await adj.on_commit(endless, using=native.alias)

        tasks.append(asyncio.create_task(write()))
        await is_running.wait()

    tasks: list[asyncio.Task[None]] = []
    run(main())
    assert tasks[0].cancelled()


def test_functions_share_the_context_variables_of_the_block(place: Place) -> None:
    seen: list[str] = []

    async def change() -> None:
        seen.append(_variable.get())
        _variable.set("after")

    async def main() -> None:
        async with atomic(place.alias):
            _variable.set("inside")
            await adj.on_commit(change, using=place.alias)
        seen.append(_variable.get())

    run(main())
    assert seen == ["inside", "after"]


_variable: ContextVar[str] = ContextVar("variable")
