"""N11 and N12: a server that is full, away for a while or read-only, and passwords that change: queries go on."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connections
from django.test import override_settings

import adj
from adj import EngineNotOpen, PoolTimeout, atomic, q
from adj.execution.databases import executor_for
from tests.engines.aliases import alias_at
from tests.engines.places import NATIVE, Place
from tests.engines.rotating import base as rotating
from tests.engines.sessions import backend_pid
from tests.mariadb import private_server
from tests.running import run
from tests.servers import Server, start, stop
from tests.shop.models import Country

THREADS = Place("threads", "postgres", "threads")
MARIADB = Place("threads on MariaDB", "mariadb", "threads")
QUERIES, ROOM, DEADLINE = 60, 3, 10.0


@pytest.fixture(params=[NATIVE, THREADS], ids=lambda place: place.name)
def served(own_server: Server, request: Any) -> Generator[Place]:
    """An engine on a private server, with at most ten connections."""
    with chosen(request.param):
        yield request.param


@contextmanager
def chosen(place: Place, timeout: float = DEADLINE) -> Generator[None]:
    limits = {"engine": place.engine, "threads": 10, "pool": {"max_size": 10, "timeout": timeout}}
    with override_settings(ADJ={place.alias: limits}):
        yield


def tell(server: Server, *statements: str) -> None:
    """Execute statements as the superuser, each in autocommit."""
    with server.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def as_limited_role(server: Server, alias: str, room: int) -> Generator[None]:
    """Let adj connect as a role that may have so many connections."""
    tell(server, f"CREATE ROLE limited LOGIN CONNECTION LIMIT {room} IN ROLE pg_read_all_data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings[alias], "USER", "limited")
        yield


async def busy(alias: str, seconds: float) -> None:
    """Use a connection for some seconds."""

    def sleep() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [seconds])

    await (await executor_for(alias)).run(sleep)


# -- full --------------------------------------------------------------------------------------------------------------


def test_a_full_server_fails_no_query_that_can_wait(own_server: Server, served: Place) -> None:
    """A role that may have three connections, a pool of ten, 60 queries of .05 s at once, ten seconds for each."""

    async def main() -> None:
        results = await asyncio.gather(*(busy(served.alias, 0.05) for _ in range(QUERIES)), return_exceptions=True)
        assert [result for result in results if isinstance(result, BaseException)] == []
        stats = adj.pools()[served.alias]
        assert (stats.opened, stats.size, stats.in_use) == (ROOM, ROOM, 0)
        # It is asked again, but not by each query.
        assert 0 < stats.failed < QUERIES / 3

    with as_limited_role(own_server, served.alias, ROOM):
        run(main())


def test_a_server_that_others_have_filled_is_waited_for(own_server: Server, served: Place) -> None:
    """Also by a pool that never had a connection."""

    async def main() -> None:
        query = q(Country).using(served.alias)
        others = await asyncio.to_thread(lambda: [limited_connection(own_server) for _ in range(ROOM)])
        waiting = asyncio.create_task(query.acount())
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        await asyncio.to_thread(others.pop().close)
        await waiting
        await adj.close()
        # What was closed is gone only once the server has noticed.
        await asyncio.to_thread(lambda: others.append(limited_connection(own_server)))
        with chosen(served, timeout=0.5):
            with pytest.raises(PoolTimeout, match="too many connections for role") as raised:
                await query.acount()
            assert isinstance(raised.value.__cause__, EngineNotOpen)
            await adj.close()
        for other in others:
            other.close()

    with as_limited_role(own_server, served.alias, ROOM):
        run(main())


def limited_connection(server: Server) -> Any:
    """A connection as the limited role, once there is room for it."""
    end = time.monotonic() + 5
    while True:
        try:
            return replace(server, user="limited").connect()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


# -- away --------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_away_for_a_while_is_waited_for(own_server: Server, served: Place) -> None:
    """It is stopped and started again: queries that come meanwhile wait."""

    async def main() -> None:
        query = q(Country).using(served.alias)
        await asyncio.gather(*(query.acount() for _ in range(5)))
        await asyncio.to_thread(stop, own_server)
        waiting = [asyncio.create_task(query.acount()) for _ in range(20)]
        done, _ = await asyncio.wait(waiting, timeout=1)
        assert not done
        await asyncio.to_thread(start, own_server)
        await asyncio.gather(*waiting)
        assert adj.pools()[served.alias].failed < 20

    run(main())


# -- read-only ---------------------------------------------------------------------------------------------------------


def test_sessions_on_a_server_that_was_demoted_are_replaced(own_server: Server, served: Place) -> None:
    """The first write fails; the sessions that were opened before are gone soon, and reads go on."""
    alias = served.alias

    async def pids() -> set[int]:
        together = asyncio.Barrier(3)

        async def one() -> int:
            async with atomic(alias):
                pid = await adj.run_sync(backend_pid, alias)
                await together.wait()
                return pid

        return set(await asyncio.gather(one(), one(), one()))

    async def write() -> None:
        await q(Country).using(alias).acreate(code="+1", name="x")
        await q(Country).using(alias).filter(code="+1").adelete()

    async def writes(may_write: bool) -> None:
        """Write until the server's processes have read their settings again, which they do when they like."""
        async with asyncio.timeout(10):
            while await succeeds(write()) is not may_write:  # noqa: ASYNC110  # no event of the loop
                await asyncio.sleep(0.01)

    async def main() -> None:
        before = await pids()
        await asyncio.to_thread(tell, own_server, "ALTER SYSTEM SET default_transaction_read_only = on", RELOAD)
        await writes(may_write=False)
        if served is NATIVE:
            stats = adj.pools()[alias]
            assert (stats.size, stats.in_use) == (0, 0)
        else:
            # What was taken before the server was asked is replaced when it comes back.
            await pids()
        assert await q(Country).using(alias).acount() >= 0
        between = await pids()
        assert not before & between
        # Now sessions are read-only from their beginning: a refused write is the project's affair.
        assert not await succeeds(write())
        assert len(await pids() & between) == 3

    try:
        run(main())
    finally:
        tell(own_server, "ALTER SYSTEM RESET default_transaction_read_only", RELOAD)
        while is_read_only(own_server):
            time.sleep(0.01)


async def succeeds(writing: Coroutine[Any, Any, None]) -> bool:
    """Whether a write is not refused for being one."""
    with suppress(InternalError):
        await writing
        return True
    return False


def test_sessions_that_were_opened_to_read_may_write_when_the_server_lets_them(
    own_server: Server, served: Place
) -> None:
    """Read-only and back."""
    alias = served.alias

    async def write() -> None:
        await q(Country).using(alias).acreate(code="+1", name="x")
        await q(Country).using(alias).filter(code="+1").adelete()

    async def main() -> None:
        assert not await succeeds(write())
        await asyncio.to_thread(tell, own_server, "ALTER SYSTEM RESET default_transaction_read_only", RELOAD)
        async with asyncio.timeout(10):
            while not await succeeds(write()):  # noqa: ASYNC110  # no event of the loop
                await asyncio.sleep(0.01)

    tell(own_server, "ALTER SYSTEM SET default_transaction_read_only = on", RELOAD)
    try:
        while not is_read_only(own_server):
            time.sleep(0.01)
        run(main())
    finally:
        tell(own_server, "ALTER SYSTEM RESET default_transaction_read_only", RELOAD)
        while is_read_only(own_server):
            time.sleep(0.01)


def is_read_only(server: Server) -> bool:
    """Whether new sessions only read."""
    with server.connect() as connection:
        return connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)


RELOAD = "SELECT pg_reload_conf()"


@pytest.fixture
def own_mariadb() -> Generator[tuple[str, Any]]:
    """An alias on a MariaDB for this test alone, which adj reaches as a user like any other; and its administrator."""
    if shutil.which("mariadb-install-db") is None:
        pytest.skip("MariaDB's programs are not installed")
    with private_server() as where, pymysql.connect(**where, autocommit=True) as administrator:
        cursor = administrator.cursor()
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        cursor.execute("CREATE USER adj@localhost")
        cursor.execute("GRANT ALL ON shop.* TO adj@localhost")
        database = {
            "NAME": "shop",
            "HOST": where["unix_socket"],
            "PORT": "",
            "USER": "adj",
            "PASSWORD": "",
            "CONN_MAX_AGE": None,
        }
        with alias_at("mariadb", {**connections.settings["mariadb"], **database}), chosen(MARIADB):
            with connections["mariadb"].schema_editor() as editor:
                editor.create_model(Country)
            connections["mariadb"].close()
            yield "mariadb", cursor


def test_sessions_on_a_mariadb_that_was_demoted_are_replaced(own_mariadb: tuple[str, Any]) -> None:
    """N12: with the first write that is refused."""
    alias, administrator = own_mariadb

    def connection_id() -> int:
        return int(connections[alias].connection.thread_id())

    async def write(code: str) -> None:
        await q(Country).using(alias).acreate(code=code, name="x")

    async def main() -> None:
        executor = await executor_for(alias)
        together = asyncio.Barrier(3)

        async def one() -> int:
            async with atomic(alias):
                number = await adj.run_sync(connection_id)
                await together.wait()
                return number

        async def sessions() -> set[int]:
            return set(await asyncio.gather(one(), one(), one()))

        await write("+1")
        before = await sessions()
        administrator.execute("SET GLOBAL read_only = 1")
        with pytest.raises(DatabaseError, match="read-only"):
            await write("+2")
        # What was taken before the server was asked is replaced when it comes back.
        await sessions()
        between = await sessions()
        assert len(between) == 3
        assert not before & between
        # Now sessions only read from their beginning: a refused write is the project's affair.
        with pytest.raises(DatabaseError, match="read-only"):
            await write("+2")
        assert await sessions() == between
        administrator.execute("SET GLOBAL read_only = 0")
        await write("+2")
        assert (await executor.run(connection_id)) in between

    run(main())


def test_a_session_survives_a_write_in_a_read_only_transaction(mariadb: str) -> None:
    """N12: the server has not been demoted."""

    def write() -> None:
        with connections[mariadb].cursor() as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
            try:
                cursor.execute("DELETE FROM shop_country WHERE code = 'none'")
            finally:
                cursor.execute("ROLLBACK")

    def connection_id() -> int:
        return int(connections[mariadb].connection.thread_id())

    async def main() -> None:
        executor = await executor_for(mariadb)
        before = await executor.run(connection_id)
        with pytest.raises(OperationalError, match="READ ONLY"):
            await executor.run(write)
        assert await executor.run(connection_id) == before

    with chosen(MARIADB):
        run(main())


def test_a_session_survives_a_write_in_atomic_read_only(native: Place) -> None:
    pids: set[int] = set()

    async def write() -> None:
        async with atomic(native.alias, read_only=True):
            pids.add(await adj.run_sync(backend_pid, native.alias))
            await q(Country).using(native.alias).acreate(code="+1", name="x")

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(InternalError, match="read-only"):
                await write()
        assert len(pids) == 1

    run(main())


# -- passwords ---------------------------------------------------------------------------------------------------------


def test_each_connection_is_opened_with_the_password_of_its_time(
    own_server: Server, served: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subclass of Django's backend whose tokens expire. Asking for one does not block the event loop."""
    with private_password(own_server):
        settings = connections.settings[served.alias]
        monkeypatch.setitem(settings, "ENGINE", "tests.engines.rotating")
        monkeypatch.setitem(settings, "USER", "rotating")
        monkeypatch.setattr(rotating, "passwords", ["first"])
        monkeypatch.setattr(rotating, "asked_on", [])

        async def main() -> None:
            query = q(Country).using(served.alias)
            await query.acount()
            await asyncio.to_thread(tell, own_server, "ALTER ROLE rotating PASSWORD 'second'")
            rotating.passwords.append("second")
            # The old one still serves its connection; the new ones need the new token.
            await asyncio.gather(*(busy(served.alias, 0.1) for _ in range(3)))
            opened = adj.pools()[served.alias].opened
            assert opened > 1
            assert len(rotating.asked_on) == opened
            assert threading.main_thread().name not in rotating.asked_on
            rotating.passwords.append("wrong")
            await adj.close()
            with pytest.raises(EngineNotOpen, match="password authentication failed") as raised:
                await query.acount()
            assert isinstance(raised.value, OperationalError)

        run(main())


@contextmanager
def private_password(server: Server) -> Generator[None]:
    """A role that has to show its password, on a server of our own."""
    rules = Path(server.host) / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all rotating scram-sha-256\n{before}")
    try:
        tell(server, "CREATE ROLE rotating LOGIN PASSWORD 'first' IN ROLE pg_read_all_data", RELOAD)
        yield
    finally:
        rules.write_text(before)
