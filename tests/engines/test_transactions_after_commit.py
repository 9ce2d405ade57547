"""What is called after the commit: when, in which order, and what its errors do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connections, transaction

import adj
from adj import atomic
from tests.engines.countries import Undo, codes, create, written
from tests.engines.places import Place
from tests.running import run


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
