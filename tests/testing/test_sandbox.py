"""`native_sandbox()`: one native connection for all tasks, in a transaction that is rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.test import override_settings

import adj
from adj import atomic, q
from adj.errors import CrossTaskTransaction
from adj.testing import native_sandbox
from tests.engines.places import NATIVE, Place
from tests.running import run, worker_threads
from tests.shop.models import Country


@pytest.fixture(autouse=True)
def _nothing_is_left(native: Place) -> Generator[None]:
    """Every test leaves the countries as they were, which a connection of Django's own looks at."""
    before = native.codes()
    yield
    assert native.codes() == before


ALIAS = NATIVE.alias


async def add(code: str) -> None:
    await Country.objects.using(ALIAS).acreate(code=code, name=code)


async def codes() -> list[str]:
    found = q(Country).using(ALIAS).filter(code__startswith="9").order_by("code")
    return await found.values_list("code", flat=True).run()


def test_changes_are_seen_inside_and_rolled_back_at_the_end() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS):
            await add("9A")
            async with atomic(ALIAS):
                await adj.run_sync(Country.objects.using(ALIAS).create, code="9B", name="B")
            assert await codes() == ["9A", "9B"]
        assert await codes() == []

    run(main())


def test_without_names_all_aliases_on_postgresql_are_in_it() -> None:
    async def main() -> None:
        async with native_sandbox():
            await add("9A")

    run(main())


@atomic(ALIAS, durable=True)
async def add_twice(code: str) -> None:
    await add(code)
    await add(code)


def test_atomic_is_a_savepoint_also_a_durable_one() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS):
            with pytest.raises(IntegrityError):
                await add_twice("9A")
            assert await codes() == []
            await add("9B")
            assert await codes() == ["9B"]

    run(main())


def test_other_tasks_share_the_connection_one_after_another() -> None:
    async def task(code: str) -> int:
        async with atomic(ALIAS):
            before = len(await codes())
            await add(code)
            await asyncio.sleep(0.01)
            assert len(await codes()) == before + 1
        return before

    async def main() -> None:
        async with native_sandbox(ALIAS):
            assert sorted(await asyncio.gather(*(task(f"9{digit}") for digit in "123"))) == [0, 1, 2]
            assert len(await asyncio.gather(*(codes() for _ in range(5)))) == 5
            assert worker_threads() == []

    run(main())


def test_a_task_inside_of_a_transaction_is_refused_as_ever() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS), atomic(ALIAS):
            with pytest.raises(CrossTaskTransaction):
                await asyncio.create_task(codes())

    run(main())


def test_functions_of_on_commit_are_not_called() -> None:
    called: list[str] = []

    def write() -> None:
        with transaction.atomic(ALIAS):
            transaction.on_commit(lambda: called.append("django"), using=ALIAS)

    async def main() -> None:
        async with native_sandbox(ALIAS), atomic(ALIAS):
            await adj.on_commit(lambda: called.append("adj"), using=ALIAS)
            await adj.run_sync(write)

    run(main())
    assert called == []


def test_a_transaction_that_is_never_left_is_rolled_back_too() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS):
            entered = asyncio.Event()

            async def forgotten() -> None:
                async with atomic(ALIAS):
                    await add("9A")
                    entered.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(forgotten())
            await entered.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await codes() == []

    run(main())


def test_an_error_of_the_test_goes_on() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS):
            await add("9A")
            raise LookupError

    with pytest.raises(LookupError):
        run(main())


def test_a_sandbox_in_a_sandbox_is_refused() -> None:
    async def main() -> None:
        async with native_sandbox(ALIAS), native_sandbox(ALIAS):
            raise AssertionError

    with pytest.raises(RuntimeError, match="already in a sandbox"):
        run(main())


@override_settings(ADJ={})
def test_sqlite_has_no_native_engine() -> None:
    async def main() -> None:
        async with native_sandbox("default"):
            raise AssertionError

    with pytest.raises(ImproperlyConfigured, match="needs PostgreSQL"):
        run(main())


def test_synchronous_code_may_use_async_to_sync_while_the_loop_stands_still(native: Place) -> None:
    async def write() -> None:
        async with native_sandbox(ALIAS):
            await add("9A")

    with asyncio.Runner() as runner:
        runner.run(write())
        assert async_to_sync(codes)() == []
