"""Transactions that cannot begin or end, and errors on the way: the first is told, and the next transaction works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, IntegrityError, OperationalError, connections
from django.test import override_settings
from django.utils import timezone

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.engines.sessions import assert_nothing_runs
from tests.running import run
from tests.shop.models import Author, Country


class Undo(Exception):
    """Raised to leave a block with an error."""


async def create(alias: str, code: str) -> Country:
    """A new country, saved by Django's own synchronous code."""
    return await adj.run_sync(Country.objects.using(alias).create, code=code, name=code)


async def assert_next_works(place: Place) -> None:
    """Fail unless this task is in no transaction, finds none of the lost writes, and can begin another one."""
    async with asyncio.timeout(10):
        assert not adj.in_transaction(place.alias)
        assert not await q(Country).using(place.alias).filter(code="+1").aexists()
        async with atomic(place.alias):
            await create(place.alias, "+9")
        assert await q(Country).using(place.alias).filter(code="+9").aexists()


# -- ends --------------------------------------------------------------------------------------------------------------


def test_a_commit_that_the_database_refuses_is_an_error_and_nothing_is_written(place: Place) -> None:
    """P13: a foreign key is checked at the commit."""
    if place.alias == "mariadb":
        pytest.skip("MariaDB checks foreign keys at once")
    called: list[str] = []

    def orphan() -> None:
        Author.objects.using(place.alias).create(name="+", publisher_id=1_000_000, created=timezone.now())

    async def main() -> None:
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await adj.on_commit(lambda: called.append("called"), using=place.alias)
                await adj.run_sync(orphan)
        await assert_next_works(place)

    run(main())
    assert called == []


def cut(alias: str) -> None:
    """Cut the line to the server, so that neither side can tell the other anything."""
    wrapper: Any = connections[alias]
    descriptor = wrapper.connection._sock.fileno() if wrapper.vendor == "mysql" else wrapper.connection.pgconn.socket
    with socket.socket(fileno=os.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_rollback_that_fails_does_not_hide_the_error_before_it(place: Place, is_nested: bool) -> None:
    """P13: on a connection that is dead, and is not used again."""
    if place.alias == "default":
        pytest.skip("SQLite has no line that could be cut")

    async def main() -> None:
        error = Undo()
        with pytest.raises(Undo) as raised:
            async with atomic(place.alias), atomic(place.alias) if is_nested else contextlib.nullcontext():
                await create(place.alias, "+1")
                await adj.run_sync(cut, place.alias)
                raise error
        assert raised.value is error
        await assert_next_works(place)

    run(main())


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_rollback_without_a_server_does_not_hide_the_error_before_it(place: Place, is_nested: bool) -> None:
    """P13: Django opens a new connection at the end of the block, and there is none to be had."""
    if place.alias == "default":
        pytest.skip("SQLite has no line that could be cut")

    def go_away() -> None:
        cut(place.alias)
        connections[place.alias].settings_dict.update(HOST="127.0.0.1", PORT="1")

    async def main() -> None:
        error = Undo()
        with pytest.raises(Undo) as raised:
            async with atomic(place.alias), atomic(place.alias) if is_nested else contextlib.nullcontext():
                await q(Country).using(place.alias).acount()
                await adj.run_sync(go_away)
                raise error
        assert raised.value is error
        settings.update(before)
        await assert_next_works(place)

    settings = connections.settings[place.alias]
    before = dict(settings)
    try:
        run(main())
    finally:
        settings.update(before)


def test_a_commit_whose_answer_is_lost_says_that_its_outcome_is_unknown(place: Place) -> None:
    """P13 and P27."""
    if place.alias == "default":
        pytest.skip("SQLite has no line that could be cut")

    async def main() -> None:
        with pytest.raises(OperationalError) as raised:
            async with atomic(place.alias):
                await create(place.alias, "+1")
                await adj.run_sync(cut, place.alias)
        assert any("may or may not have taken effect" in note for note in raised.value.__notes__)
        await assert_next_works(place)

    run(main())


@pytest.mark.parametrize("end", ["query", "commit", "error"])
@pytest.mark.parametrize("engine", ["psycopg", "threads"])
def test_a_session_that_the_server_ends_for_its_idleness_is_one_error(postgres: str, engine: str, end: str) -> None:
    """P21: the transaction waited for something else for too long."""
    there = Place(engine, postgres, engine)

    async def main() -> None:
        with pytest.raises(Undo if end == "error" else DatabaseError):
            async with atomic(postgres, set_local={"idle_in_transaction_session_timeout": "50ms"}):
                await create(postgres, "+1")
                await assert_nothing_runs()
                if end == "query":
                    await q(Country).using(postgres).acount()
                if end == "error":
                    raise Undo
        await assert_next_works(there)

    with there.chosen():
        run(main())


def test_a_query_that_is_cancelled_on_its_thread_ends_before_its_transaction_does(postgres: str) -> None:
    """P28: a thread's connection is not reused before it is free, and nothing is committed."""
    there = Place("threads", postgres, "threads")

    def write_slowly() -> None:
        with connections[postgres].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(25)")
        Country.objects.using(postgres).create(code="+1", name="x")

    async def write() -> None:
        async with atomic(postgres):
            await adj.run_sync(write_slowly)

    async def main() -> float:
        await q(Country).using(postgres).acount()
        task = asyncio.create_task(write())
        await asyncio.sleep(0.1)
        start = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await assert_next_works(there)
        return time.perf_counter() - start

    with there.chosen(), override_settings(ADJ={postgres: {"engine": "threads", "threads": 1}}):
        assert run(main()) < 10


# -- beginnings --------------------------------------------------------------------------------------------------------


def test_a_block_that_gets_no_connection_leaves_nothing_behind(place: Place) -> None:
    """P14: neither when its time is over, nor when it is cancelled; a query of the same task finds no transaction."""
    options: dict[str, dict[str, Any]] = {"psycopg": {"pool": {"max_size": 1, "timeout": 5}}, "threads": {"threads": 1}}

    async def main() -> None:
        may_end, holds = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with atomic(place.alias):
                holds.set()
                await may_end.wait()

        async def wait() -> None:
            async with atomic(place.alias):
                raise AssertionError("not connected")

        async def wait_in_vain() -> None:
            with pytest.raises(asyncio.CancelledError):
                await wait()
            assert not adj.in_transaction(place.alias)

        holder = asyncio.create_task(hold())
        await holds.wait()
        with pytest.raises(adj.QueryTimeout):
            async with atomic(place.alias, timeout=0.05):
                raise AssertionError("not connected")
        waiter = asyncio.create_task(wait_in_vain())
        await asyncio.sleep(0.05)
        waiter.cancel()
        await waiter
        may_end.set()
        await holder
        await assert_next_works(place)

    with override_settings(ADJ={place.alias: {"engine": place.engine, **options.get(place.engine, {})}}):
        run(main())


def test_a_block_whose_mode_the_server_refuses_leaves_nothing_behind(native: Place) -> None:
    """P14."""

    async def main() -> None:
        with pytest.raises(DatabaseError, match="no_such_setting"):
            async with atomic(native.alias, set_local={"no_such_setting": "1"}):
                raise AssertionError("it has not begun")
        await assert_next_works(native)

    run(main())


# -- errors of the body ------------------------------------------------------------------------------------------------


async def in_a_transaction(place: Place, error: BaseException) -> None:
    async with atomic(place.alias):
        await create(place.alias, "+1")
        raise error


async def in_a_savepoint(place: Place, error: BaseException) -> None:
    async with atomic(place.alias), atomic(place.alias):
        await create(place.alias, "+1")
        raise error


async def with_a_deadline(place: Place, error: BaseException) -> None:
    async with atomic(place.alias, timeout=60):
        raise error


async def in_native(place: Place, error: BaseException) -> None:
    async with adj.native(place.alias):
        await Country.objects.using(place.alias).acount()
        raise error


async def in_gather(place: Place, error: BaseException) -> None:
    async def fails() -> None:
        raise error

    async with atomic(place.alias):
        await adj.gather(fails(), q(Country).using(place.alias).acount())


@pytest.mark.parametrize("error", [ValueError, TimeoutError, asyncio.CancelledError, GeneratorExit, StopAsyncIteration])
@pytest.mark.parametrize("block", [in_a_transaction, in_a_savepoint, with_a_deadline, in_native, in_gather])
def test_an_error_of_the_body_goes_on_as_it_is(
    place: Place, block: Callable[[Place, BaseException], Awaitable[None]], error: type[BaseException]
) -> None:
    """P16 and M9: no block swallows it, and none puts another in its place."""

    async def main() -> None:
        raised: BaseException | None = None
        thrown = error("mine")
        try:
            await block(place, thrown)
        except BaseException as caught:  # noqa: BLE001  # whatever comes out
            raised = caught
        assert raised is thrown
        await assert_next_works(place)

    run(main())


# -- code that mixes ---------------------------------------------------------------------------------------------------


def test_synchronous_code_joins_by_run_sync_and_is_refused_on_the_loop(native: Place) -> None:
    """P18: Django's own methods join one after another; code that asked for a separate thread is outside."""
    theirs = Country.objects.using(native.alias)

    def there() -> bool:
        try:
            return theirs.filter(code="+1").exists()
        finally:
            connections[native.alias].close()

    async def main() -> None:
        async with atomic(native.alias):
            await create(native.alias, "+1")
            with pytest.raises(SynchronousOnlyOperation):
                theirs.filter(code="+1").exists()
            assert await theirs.filter(code="+1").aexists()
            assert await asyncio.gather(*(theirs.filter(code="+1").acount() for _ in range(3))) == [1, 1, 1]
            assert await sync_to_async(theirs.filter(code="+1").exists)()
            assert not await sync_to_async(there, thread_sensitive=False)()
            await adj.set_rollback(using=native.alias)
        await assert_next_works(native)

    run(main())


def test_tasks_that_share_a_connection_take_turns_and_get_their_own_answers(native: Place) -> None:
    """P39: in `native()`, where several may; elsewhere each query has a separate connection."""

    def ask(number: int) -> tuple[int, int]:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT %s, pg_backend_pid() FROM pg_sleep(0.1)", [number])
            answer: tuple[int, int] = cursor.fetchone()
            return answer

    async def main() -> None:
        async with adj.native(native.alias):
            start = time.perf_counter()
            answers = await asyncio.gather(*(sync_to_async(ask)(number) for number in range(3)))
            assert time.perf_counter() - start >= 0.3
        assert [number for number, _ in answers] == [0, 1, 2]
        assert len({pid for _, pid in answers}) == 1

    run(main())
