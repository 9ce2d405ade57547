"""The engine of Django's own connection: it sees the transaction of a TestCase, and an in-memory database."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.core.signals import request_finished
from django.db import DatabaseError, connection, connections, transaction
from django.test import TestCase, override_settings

import adj
from adj import atomic, q
from adj.engines import engine_for
from adj.engines.django.engine import DjangoEngine
from adj.execution.databases import executor_for
from tests.running import run, worker_threads
from tests.shop.models import Country, Publisher


@override_settings(ADJ={"default": {"engine": "django"}})
class InATransaction(TestCase):
    """A test case as a user's project has them; what it writes is gone after each test."""

    def setUp(self) -> None:
        assert not Country.objects.filter(code__startswith="1").exists()

    async def test_an_async_test_sees_what_it_wrote(self) -> None:
        country = await Country.objects.acreate(code="1A", name="Atlantis")
        assert await q(Country).filter(code="1A").aget() == country

    def test_a_view_sees_what_the_test_wrote(self) -> None:
        Country.objects.create(code="1B", name="Utopia")

        async def view() -> list[str]:
            return await q(Country).filter(code__startswith="1").values_list("code", flat=True).run()

        assert async_to_sync(view)() == ["1B"]

    def test_no_thread_of_adj_is_started(self) -> None:
        async def view() -> list[str]:
            await q(Country).acount()
            return worker_threads()

        assert async_to_sync(view)() == []

    def test_a_stream_reads_the_transaction_too(self) -> None:
        Country.objects.create(code="1C", name="Laputa")

        async def view() -> list[str]:
            async with q(Country).filter(code__startswith="1").stream(chunk_size=1) as countries:
                return [country.name async for country in countries]

        assert async_to_sync(view)() == ["Laputa"]

    def test_an_error_of_the_database_does_not_close_the_connection_of_the_test(self) -> None:
        Country.objects.create(code="1D", name="Brobdingnag")
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        assert connection.errors_occurred

        async def view() -> int:
            return await q(Country).filter(code="1D").acount()

        assert async_to_sync(view)() == 1

    def test_a_durable_block_is_allowed_in_the_transaction_of_the_test(self) -> None:
        """P11."""

        async def view() -> None:
            async with atomic(durable=True):
                await Country.objects.acreate(code="1E", name="Lilliput")

        async_to_sync(view)()
        assert Country.objects.filter(code="1E").exists()

    def test_a_lock_is_taken_in_the_transaction_of_the_test(self) -> None:
        async def view() -> int:
            return len(await q(Country).select_for_update().run())

        assert async_to_sync(view)() == Country.objects.count()


@override_settings(ADJ={"default": {"engine": "django"}})
def test_queries_run_on_the_thread_of_djangos_own_async_code() -> None:
    async def scenario() -> tuple[threading.Thread, threading.Thread]:
        executor = await executor_for("default")
        mine = await executor.run(threading.current_thread)
        return mine, await sync_to_async(threading.current_thread)()

    mine, djangos = run(scenario())
    assert mine is djangos


@override_settings(ADJ={"default": {"engine": "django"}})
def test_a_transaction_that_is_open_on_djangos_connection_is_seen() -> None:
    async def scenario() -> list[str]:
        def begin() -> Any:
            atomic = transaction.atomic()
            atomic.__enter__()
            Publisher.objects.create(name="Short-lived", slug="short-lived")
            return atomic

        def roll_back(atomic: Any) -> None:
            transaction.set_rollback(True)
            atomic.__exit__(None, None, None)
            connection.close()

        atomic = await sync_to_async(begin)()
        found = await q(Publisher).filter(slug="short-lived").values_list("name", flat=True).run()
        await sync_to_async(roll_back)(atomic)
        return found

    assert run(scenario()) == ["Short-lived"]
    assert not Publisher.objects.filter(slug="short-lived").exists()


@override_settings(ADJ={"default": {"engine": "django"}})
def test_the_end_of_a_request_closes_what_a_query_has_opened() -> None:
    """CONN_MAX_AGE is 0 here, and under ASGI each request has a separate thread."""

    async def scenario() -> list[bool]:
        is_open = sync_to_async(lambda: connection.connection is not None)
        async with ThreadSensitiveContext():
            await q(Country).acount()
            before = await is_open()
            await sync_to_async(request_finished.send)(sender=None)
            return [before, await is_open()]

    assert run(scenario()) == [True, False]


@pytest.mark.parametrize("alias", ["default", "postgres"])
@pytest.mark.parametrize("outlives", [False, True], ids=["in the request", "after the request"])
def test_a_transaction_of_a_request_stays_on_the_thread_of_the_request(
    postgres: str, alias: str, outlives: bool
) -> None:
    """Under ASGI each request has a thread, and each thread a connection."""

    def state() -> tuple[int, bool]:
        return threading.get_ident(), connections[alias].in_atomic_block

    async def work(begins: asyncio.Event) -> list[tuple[int, bool]]:
        await begins.wait()
        states = [await sync_to_async(state)()]
        async with atomic(alias):
            await Publisher.objects.using(alias).acreate(name="Late", slug="late")
            states.append(await sync_to_async(state)())
            async with atomic(alias):
                await q(Publisher).using(alias).filter(slug="late").aupdate(name="Later")
                states.append(await adj.run_sync(state))
        states.append(await sync_to_async(state)())
        await sync_to_async(lambda: connections[alias].close())()
        return states

    async def main() -> list[tuple[int, bool]]:
        begins = asyncio.Event()
        async with ThreadSensitiveContext():
            task = asyncio.create_task(work(begins))
            if not outlives:
                begins.set()
                await task
        begins.set()
        return await task

    with override_settings(ADJ={alias: {"engine": "django"}}):
        states = run(main())
    # On this thread's connection, which waits for locks of the others.
    deleted, _ = Publisher.objects.using(alias).filter(slug="late", name="Later").delete()
    assert deleted == 1
    assert [in_block for _, in_block in states] == [False, True, True, False]
    assert len({thread for thread, _ in states}) == 1


def test_an_in_memory_database_gets_this_engine_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {**connections.settings["default"], "NAME": ":memory:"}
    monkeypatch.setitem(connections.settings, "memory", memory)

    async def kind() -> type:
        return type(engine_for("memory"))

    assert run(kind()) is DjangoEngine
