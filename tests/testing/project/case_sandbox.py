"""Tests with the fixture `adj_db`, which only PostgreSQL has."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from case_pytest import names, write, write_and_read  # type: ignore[import-not-found]  # it is beside this one when copied

from adj import atomic
from adj.execution.databases import executor_for
from adj.testing import capture_on_commit


async def engine_name() -> str:
    return type((await executor_for("default")).engine).__name__


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.asyncio
async def test_with_asyncio(adj_db: None, again: bool) -> None:
    await write_and_read()
    assert await engine_name() == "PinnedEngine"


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.asyncio(loop_scope="session")
async def test_with_a_loop_of_the_session(adj_db: None, again: bool) -> None:
    await write_and_read()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.anyio
async def test_with_anyio(adj_db: None, again: bool) -> None:
    await write_and_read()


@pytest.mark.asyncio
async def test_django_may_be_the_first_to_ask(adj_db: None) -> None:
    await write("first")
    assert await names() == ["first"]


@pytest.mark.asyncio
async def test_tasks_take_turns(adj_db: None) -> None:
    async def task(name: str) -> None:
        async with atomic():
            await write(name)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(task(name) for name in "abc"))
    assert await names() == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_functions_for_after_the_commit_are_captured(adj_db: None) -> None:
    called: list[str] = []
    async with capture_on_commit(execute=True) as functions, atomic():
        import adj

        await adj.on_commit(lambda: called.append("called"))
    assert called == ["called"]
    assert len(functions) == 1


def test_in_a_loop_of_the_tests_own(adj_db: None) -> None:
    asyncio.run(write_and_read())
    asyncio.run(write_and_read())


@pytest.mark.django_db
@pytest.mark.asyncio
async def test_after_it_all_is_as_before() -> None:
    assert await engine_name() == "TestCaseEngine"
    await write_and_read()


@pytest.mark.django_db
def test_in_synchronous_code_too() -> None:
    async_to_sync(write_and_read)()
