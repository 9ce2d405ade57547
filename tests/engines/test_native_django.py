"""Django's own code on the native engine: its methods, its requests, and synchronous code of projects."""

from __future__ import annotations

import asyncio
import threading
from contextvars import Context
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connections, transaction
from django.test import override_settings

import adj
from adj import atomic, q
from adj.asgi import NativeMiddleware, atomic_view
from adj.execution.databases import executor_for
from tests.engines.places import Place
from tests.engines.sessions import (
    backend_pid,
    native_engine,
)
from tests.running import run
from tests.shop.models import Country, Review


def test_djangos_own_methods_run_natively(native: Place) -> None:
    async def main() -> None:
        before = threading.active_count()
        async with adj.native(native.alias):
            country = await Country.objects.using(native.alias).acreate(code="+1", name="x")
            country.name = "y"
            await country.asave(using=native.alias)
            assert (await Country.objects.using(native.alias).aget(code="+1")).name == "y"
            found = [each async for each in Country.objects.using(native.alias).filter(code="+1").aiterator()]
            assert found == [country]
            counts = await asyncio.gather(*(Country.objects.using(native.alias).acount() for _ in range(5)))
            assert len(set(counts)) == 1
            with pytest.raises(Country.DoesNotExist):
                await Country.objects.using(native.alias).aget(code="+2")
            async with atomic(native.alias):
                await country.adelete(using=native.alias)
                await adj.set_rollback(using=native.alias)
            assert await sync_to_async(Country.objects.using(native.alias).filter(code="+1").count)() == 1
        assert threading.active_count() == before
        assert (await native_engine()).stats().in_use == 0

    run(main())


def test_a_native_block_has_a_connection_while_it_needs_one(native: Place) -> None:
    countries = Country.objects.using(native.alias).order_by("code")

    async def main() -> None:
        with override_settings(ADJ={native.alias: {"pool": {"max_size": 1, "timeout": 0.2}}}):
            codes = await q(Country).using(native.alias).order_by("code").values_list("code", flat=True).run()
            async with adj.native(native.alias):
                assert await countries.acount() == len(codes)
                assert await q(Country).using(native.alias).acount() == len(codes)
                rows = countries.aiterator(chunk_size=1)
                seen = [(await anext(rows)).code]
                assert await q(Country).using(native.alias).acount() == len(codes)
                others = q(Country).using(native.alias).acount()
                with pytest.raises(adj.PoolTimeout):
                    await asyncio.create_task(others, context=Context())
                seen += [row.code async for row in rows]
                assert seen == codes
                assert await q(Country).using(native.alias).acount() == len(codes)

    run(main())


def test_a_session_that_ends_in_a_native_block_is_replaced(native: Place) -> None:
    def end_own_session() -> None:
        with connections[native.alias].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async def main() -> None:
        async with adj.native(native.alias):
            with pytest.raises(OperationalError):
                await sync_to_async(end_own_session)()
            assert await Country.objects.using(native.alias).acount() > 0

    run(main())


def test_a_request_runs_natively(native: Place) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        is_there = await Country.objects.using(native.alias).filter(code="DE").aexists()
        await send({"type": "test", "is_there": is_there, "threads": threading.active_count()})

    async def main() -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        before = threading.active_count()
        await NativeMiddleware(application, native.alias)({"type": "http"}, None, send)  # type: ignore[arg-type]
        assert sent[0]["threads"] == before

    run(main())


def test_an_open_websocket_holds_no_connection(native: Place) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async with adj.native(native.alias):
            await Country.objects.using(native.alias).acount()
        assert (await native_engine()).stats().in_use == 0

    async def main() -> None:
        await NativeMiddleware(application, native.alias)({"type": "websocket"}, None, None)  # type: ignore[arg-type]

    run(main())


def test_djangos_request_signals_do_not_close_the_connection(native: Place) -> None:
    """P53: CONN_MAX_AGE is 0 here, with which Django closes its own connections."""

    async def main() -> None:
        pids = []
        for _ in range(3):
            async with adj.native(native.alias):
                await request_started.asend(sender=None)
                pids.append(await sync_to_async(backend_pid)(native.alias))
                await request_finished.asend(sender=None)
        assert len(set(pids)) == 1

    run(main())


def test_a_view_is_a_transaction(native: Place) -> None:
    """P57."""

    @atomic_view(native.alias)
    async def view(request: object, *, fails: bool) -> str:
        await adj.run_sync(Country.objects.using(native.alias).create, code="+1", name="x")
        if fails:
            raise ValueError("no")
        return "done"

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            await view(None, fails=True)
        assert not await q(Country).using(native.alias).filter(code="+1").aexists()
        assert await view(None, fails=False) == "done"
        assert await q(Country).using(native.alias).filter(code="+1").aexists()

    run(main())
    exempt: Any = view
    assert exempt._non_atomic_requests == {native.alias}


def test_code_that_uses_another_database_has_a_connection_of_its_own_to_it(native: Place) -> None:
    """What one bridge has begun there is not found by another that runs at the same time."""
    sleep = "SELECT pg_sleep(0.05)"

    def write(code: str) -> list[str]:
        with transaction.atomic("default"):
            Country.objects.using("default").create(code=code, name="x")
            with connections[native.alias].cursor() as cursor:
                cursor.execute(sleep)
            found = list(Country.objects.using("default").filter(code__startswith="+").values_list("code", flat=True))
            transaction.set_rollback(True, "default")
        return found

    async def main() -> None:
        executor = await executor_for(native.alias)
        # Not both at once write to SQLite, which lets one writer in; the second only looks.
        look = lambda: list(Country.objects.using("default").filter(code__startswith="+"))  # noqa: E731
        written, seen = await asyncio.gather(executor.run(write, "+1"), executor.run(look))
        assert (written, seen) == (["+1"], [])

    before = [wrapper.alias for wrapper in connections.all(initialized_only=True) if wrapper.connection is not None]
    run(main())
    after = [wrapper.alias for wrapper in connections.all(initialized_only=True) if wrapper.connection is not None]
    assert before == after


def test_synchronous_code_streams_and_copies(native: Place) -> None:
    def work() -> tuple[int, str]:
        rows = list(Review.objects.using(native.alias).iterator(chunk_size=1))
        with connections[native.alias].cursor() as cursor, cursor.copy("COPY (SELECT 1, 'a') TO STDOUT") as copy:
            text = b"".join(copy).decode()
        return len(rows), text

    async def main() -> None:
        executor = await executor_for(native.alias)
        count, text = await executor.run(work)
        assert count == await q(Review).using(native.alias).acount()
        assert text == "1\ta\n"

    run(main())


def test_code_has_connections_for_itself_too(native: Place) -> None:
    def name_of_database() -> list[str]:
        connection: Any = connections[native.alias]
        with connection._nodb_cursor() as cursor:
            # As Django has it where it creates and drops databases.
            cursor.execute("SELECT current_database()")
            names = [cursor.fetchone()[0]]
        own = connection.copy()
        try:
            with own.cursor() as cursor:
                cursor.execute("SELECT current_database()")
                names.append(cursor.fetchone()[0])
        finally:
            own.close()
        return names

    async def main() -> None:
        name = connections[native.alias].settings_dict["NAME"]
        executor = await executor_for(native.alias)
        assert await executor.run(name_of_database) == ["postgres", name]
        async with atomic(native.alias):
            assert await adj.run_sync(name_of_database) == ["postgres", name]

    run(main())
