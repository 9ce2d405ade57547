"""Blocks, cursors and streams that are left late, when their connection may be another task's: nothing is sent.

N7, P8, P15.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

import adj
from adj import CrossTaskTransaction, NestingError, TransactionError, atomic
from adj.execution.databases import executor_for
from tests.engines.countries import codes, create, written
from tests.engines.places import Place
from tests.running import run


@pytest.fixture
def single(place: Place) -> Generator[Place]:
    """An engine with one connection, which the next task gets."""
    options: dict[str, dict[str, Any]] = {"psycopg": {"pool": {"max_size": 1}}, "threads": {"threads": 1}}
    with override_settings(ADJ={place.alias: {"engine": place.engine, **options.get(place.engine, {})}}):
        yield place


class Left:
    """A generator with a block in it, and whether it has ended."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self.has_ended = asyncio.Event()

    async def generate(self) -> AsyncGenerator[int]:
        """Write in a block, and wait in it."""
        try:
            async with atomic(self._alias):
                await create(self._alias, "+1")
                yield 1
        finally:
            self.has_ended.set()


class Writer:
    """Another task that has written in a block, and waits in it."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._has_written, self._may_end = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        """Begin and write."""
        self._task = asyncio.create_task(self._write())
        await self._has_written.wait()

    async def end(self) -> None:
        """Write once more, and commit."""
        self._may_end.set()
        await self._task

    async def _write(self) -> None:
        async with atomic(self._alias):
            await create(self._alias, "+2")
            self._has_written.set()
            await self._may_end.wait()
            await create(self._alias, "+3")


def test_a_generator_that_is_collected_late_does_not_undo_the_transaction_of_another_task(single: Place) -> None:
    async def main() -> None:
        left = Left(single.alias)
        generator = left.generate()
        with pytest.raises(NestingError, match="inner blocks were still open"):
            async with atomic(single.alias):
                await anext(generator)
        writer = Writer(single.alias)
        await writer.start()
        del generator
        gc.collect()
        await left.has_ended.wait()
        await writer.end()

    run(main())
    assert written(single) == ["+2", "+3"]


def test_a_block_that_is_left_late_without_an_error_says_so(single: Place) -> None:
    async def main() -> None:
        generator = Left(single.alias).generate()
        with pytest.raises(NestingError):
            async with atomic(single.alias):
                await anext(generator)
        writer = Writer(single.alias)
        await writer.start()
        with pytest.raises(NestingError, match="ended before this inner block"):
            await anext(generator)
        await writer.end()

    run(main())
    assert written(single) == ["+2", "+3"]


def test_a_generator_that_is_closed_late_leaves_the_blocks_around_it_alone(place: Place) -> None:
    """The block between was left first, and has ended the generator's; the outermost one goes on."""

    async def main() -> None:
        generator = Left(place.alias).generate()
        async with atomic(place.alias):
            await create(place.alias, "+2")
            with pytest.raises(NestingError):
                async with atomic(place.alias):
                    await anext(generator)
            await generator.aclose()
            assert await codes(place.alias) == ["+2"]

    run(main())
    assert written(place) == ["+2"]


def test_work_in_the_transaction_of_a_generator_that_was_dropped_is_not_said_to_be_committed(place: Place) -> None:
    """The task is still in that transaction until the event loop has ended the generator."""

    async def main() -> None:
        left = Left(place.alias)
        await anext(left.generate())
        with pytest.raises(TransactionError):
            async with atomic(place.alias):
                await create(place.alias, "+2")
                gc.collect()
                await left.has_ended.wait()
        await left.has_ended.wait()
        assert not adj.in_transaction(place.alias)
        async with atomic(place.alias):
            await create(place.alias, "+3")

    run(main())
    assert written(place) == ["+3"]


def test_a_connection_object_sends_nothing_once_its_lease_has_ended(place: Place) -> None:
    """Whatever the way in: `run`, `leave`, COPY."""
    called: list[str] = []

    async def main() -> None:
        engine = (await executor_for(place.alias)).engine
        async with engine.connection(exclusive=True) as connection:
            await connection.leave(called.append, "once")
            for use in (connection.run, connection.leave):
                with pytest.raises(CrossTaskTransaction, match="was not sent"):
                    await use(called.append, "late")
        with pytest.raises(CrossTaskTransaction):
            async with connection.copy("COPY shop_country (code) FROM STDIN"):
                raise AssertionError("it has not begun")

    run(main())
    assert called == ["once"]


@pytest.mark.parametrize("is_failed", [False, True])
def test_a_copy_that_ends_after_its_transaction_does_not_touch_the_next_one(
    postgres_place: Place, is_failed: bool
) -> None:
    async def main() -> None:
        engine = (await executor_for(postgres_place.alias)).engine
        async with engine.connection(exclusive=True) as connection:
            copying = connection.copy("COPY shop_country (code, name) FROM STDIN")
            copy = await copying.__aenter__()
            await connection.leave(len, "the end of a transaction")
        writer = Writer(postgres_place.alias)
        await writer.start()
        with pytest.raises(CrossTaskTransaction):
            await copy.write([("+1", "+1")])
        if is_failed:
            await copying.__aexit__(ValueError, ValueError(), None)
        else:
            with pytest.raises(CrossTaskTransaction):
                await copying.__aexit__(None, None, None)
        await writer.end()

    run(main())
    assert written(postgres_place) == ["+2", "+3"]


def test_a_leaked_cursor_cannot_use_the_connection_of_another_task(native: Place) -> None:
    kept: list[Any] = []

    def keep() -> None:
        connection = connections[native.alias]
        kept.extend((connection, connection.cursor()))

    def use_cursor() -> None:
        kept[1].execute("DELETE FROM shop_country WHERE code = '+2'")

    def use_connection() -> None:
        kept[0].cursor().execute("DELETE FROM shop_country WHERE code = '+2'")

    async def main() -> None:
        await adj.run_sync(keep)
        writer = Writer(native.alias)
        await writer.start()
        for use in (use_cursor, use_connection):
            with pytest.raises(CrossTaskTransaction):
                await adj.run_sync(use)
        await writer.end()

    with override_settings(ADJ={native.alias: {"pool": {"max_size": 2}}}):
        run(in_native(main()))
    assert written(native) == ["+2", "+3"]


async def in_native(coroutine: Any) -> None:
    """Run a coroutine where `run_sync()` uses the native engine's alias."""
    async with adj.native("postgres"):
        await coroutine
