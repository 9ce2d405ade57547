"""Settings that code makes on Django's own connections: adj's queries would run without them, and are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.db.backends.signals import connection_created
from django.test import override_settings
from psycopg.sql import SQL, Identifier

import adj
from adj import SessionChanged, q
from tests.running import run
from tests.shop.models import Country

REFUSED = [
    ("SET search_path TO tenant_1, public", (), "search_path"),
    ("  set session Search_Path = 'tenant_1'", (), "search_path"),
    ("SELECT 1; SET search_path TO tenant_1", (), "search_path"),
    ("-- a tenant\n/* number 1 */ SET search_path TO tenant_1", (), "search_path"),
    ("SET ROLE postgres", (), "role"),
    ("SET app.tenant = '7'", (), "app.tenant"),
    ("SELECT set_config('app.tenant', '7', false)", (), "app.tenant"),
    ("SELECT set_config(%s, %s, %s)", ("search_path", "tenant_1", False), "search_path"),
    ("SELECT pg_catalog.set_config('app.tenant', %s, false)", ("7",), "app.tenant"),
    ("SET search_path TO %s", ("it's",), "search_path"),
    ('SET "search_path" TO "tenant_1"', (), "search_path"),
    ("SET SCHEMA 'tenant_1'", (), "search_path"),
    ("SET/**/search_path='tenant_1'", (), "search_path"),
    ("SELECT '--'; SET search_path TO tenant_1", (), "search_path"),
    ("SELECT ';'; SET app.tenant = 'RESET ALL; a--b'", (), "app.tenant"),
    ("SET SESSION AUTHORIZATION postgres", (), "session_authorization"),
    ("SET row_security = off", (), "row_security"),
    ("SET ROLE postgres; RESET ALL", (), "role"),
    ("DO $$ BEGIN PERFORM set_config('app.tenant', '7', false); END $$", (), "app.tenant"),
    ("DO $do$ BEGIN IF true THEN SET search_path TO tenant_1; END IF; END $do$", (), "search_path"),
    ("DO $do$ BEGIN EXECUTE format('SET search_path TO %I', 'tenant_1'); END $do$", (), "search_path"),
    ("PREPARE adj_tenant AS SELECT set_config('app.tenant', $1, false)", (), "app.tenant"),
    ("SELECT shop_set_tenant(%s)", (7,), "app.tenant"),
    ("SELECT shop_choose_schema('tenant_1')", (), "search_path"),
    ("WITH chosen AS (SELECT shop_calls_choose()) SELECT * FROM chosen", (), "search_path"),
    (SQL("SET search_path TO {}").format(Identifier("tenant_1")), (), "search_path"),
]
ALLOWED = [
    ("SET statement_timeout = 1000", ()),
    ("SET TIME ZONE 'UTC'", ()),
    ("SET LOCAL search_path TO tenant_1", ()),
    ("SELECT set_config('app.tenant', '7', true)", ()),
    ("SELECT set_config(%s, %s, %s)", ("app.tenant", "7", True)),
    ("SET search_path TO public", ()),
    ("CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT set_config(''app.tenant'', ''7'', false)'", ()),
    ("SET search_path TO tenant_1; RESET search_path", ()),
    ("SET app.tenant = '7'; RESET ALL", ()),
    ("SET search_path TO tenant_1; SET search_path TO DEFAULT", ()),
    ("SET search_path TO tenant_1; SET SCHEMA 'public'; RESET search_path", ()),
    ("SET ROLE postgres; RESET ROLE", ()),
    ("SET ROLE postgres; SET ROLE NONE", ()),
    ("SET ROLE postgres; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE", ()),
    ("SET row_security = on", ()),
    ("SELECT 'SET search_path TO tenant_1; SET app.tenant = 7'", ()),
    ("SELECT 1 -- ; SET search_path TO tenant_1", ()),
    ("SELECT shop_counts()", ()),
    ("SELECT shop_sets_local(7)", ()),
]
FUNCTIONS = [
    """
    shop_set_tenant(n int) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('app.tenant', n::text, false); END $$
    """,
    """
    shop_choose_schema(name text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'SET search_path TO ' || quote_ident(name); END $$
    """,
    "shop_calls_choose() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT shop_choose_schema('tenant_1'); END",
    "shop_counts() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE shop_country SET name = name; RETURN 1; END $$",
    """
    shop_sets_local(n int) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN SET LOCAL search_path TO tenant_1; PERFORM set_config('app.tenant', n::text, true); END $$
    """,
]


@pytest.fixture(params=["psycopg", "threads"])
def alias(request: Any, postgres: str) -> Generator[str]:
    """PostgreSQL on an engine whose connections are not Django's."""
    with override_settings(ADJ={postgres: {"engine": request.param}}):
        yield postgres


def execute(alias: str, sql: Any, params: tuple[Any, ...]) -> None:
    """Run a statement on Django's own connection, as synchronous middleware does."""
    with transaction.atomic(alias), connections[alias].cursor() as cursor:
        cursor.execute(sql, params or None)


@pytest.fixture(autouse=True)
def _functions(postgres: str) -> Generator[None]:
    """Functions of the project, dropped after the test."""
    with connections[postgres].cursor() as cursor:
        for function in FUNCTIONS:
            cursor.execute(f"CREATE OR REPLACE FUNCTION public.{function}")
    connections[postgres].close()
    yield
    with connections[postgres].cursor() as cursor:
        for function in reversed(FUNCTIONS):
            cursor.execute(f"DROP FUNCTION public.{function.split(')')[0].split()[0].split('(')[0]}")
    connections[postgres].close()


@pytest.fixture(autouse=True)
def _closed(alias: str) -> Generator[None]:
    """Close Django's own connection after the test, on the thread that has it."""
    yield
    run(sync_to_async(lambda: connections[alias].close())())


@pytest.mark.parametrize(("sql", "params", "name"), REFUSED)
def test_a_setting_that_changes_which_rows_match_is_refused(
    alias: str, sql: object, params: tuple[object, ...], name: str
) -> None:
    async def main() -> None:
        await q(Country).using(alias).acount()
        await sync_to_async(execute)(alias, sql, params)
        for asking in (q(Country).using(alias).acount(), q(Country).using(alias).filter(pk="+1").aupdate(name="x")):
            with pytest.raises(SessionChanged, match=rf"set {name} on Django's own connection to \"{alias}\""):
                await asking
        with pytest.raises(SessionChanged):
            async with adj.atomic(alias):
                pass

    run(main())


@pytest.mark.parametrize(("sql", "params"), ALLOWED)
def test_other_settings_change_nothing(alias: str, sql: str, params: tuple[object, ...]) -> None:
    async def main() -> None:
        await sync_to_async(execute)(alias, sql, params)
        assert await q(Country).using(alias).acount() >= 0

    run(main())


def test_a_setting_ends_with_its_connection(alias: str) -> None:
    async def main() -> None:
        await sync_to_async(execute)(alias, "SET search_path TO tenant_1", ())
        with pytest.raises(SessionChanged):
            await q(Country).using(alias).acount()
        await sync_to_async(lambda: connections[alias].close())()
        assert await q(Country).using(alias).acount() >= 0

    run(main())


def test_the_setting_of_one_request_is_not_that_of_another(alias: str) -> None:
    async def request(sql: str) -> int:
        await sync_to_async(execute)(alias, sql, ())
        return await q(Country).using(alias).acount()

    async def main() -> None:
        requests = (request("SET search_path TO tenant_1"), request("SELECT 1"))
        refused, counted = await asyncio.gather(*requests, return_exceptions=True)
        assert isinstance(refused, SessionChanged)
        assert counted == await q(Country).using(alias).acount()

    run(main())


def test_a_project_that_says_what_its_sessions_have_is_not_refused(alias: str) -> None:
    settings = {alias: {"engine": "threads", "session": dict}}

    async def main() -> None:
        await sync_to_async(execute)(alias, "SET search_path TO tenant_1", ())
        assert await q(Country).using(alias).acount() >= 0

    with override_settings(ADJ=settings):
        run(main())


def test_what_receivers_set_on_each_connection_holds_for_adjs_as_well(alias: str) -> None:
    def receiver(sender: object, connection: Any, **kwargs: object) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET app.application = 'shop'")

    connection_created.connect(receiver)
    try:

        async def main() -> None:
            await sync_to_async(execute)(alias, "SELECT 1", ())
            assert await q(Country).using(alias).acount() >= 0

        run(main())
    finally:
        connection_created.disconnect(receiver)


def test_connections_of_adj_are_not_watched(alias: str) -> None:
    def is_watched() -> list[bool]:
        connection = connections[alias]
        found = []
        for _ in range(2):
            connection.ensure_connection()
            found.append("_adj_record_sent" in vars(getattr(connection.connection, "raw", connection.connection)))
            connection.close()
        return found

    async def main() -> None:
        assert await sync_to_async(is_watched)() == [True, True]
        async with adj.native(alias):
            assert await adj.run_sync(is_watched) == [False, False]

    run(main())


def by_callproc(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.callproc("set_config", ["search_path", "tenant_1", False])


def by_executemany(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("SELECT set_config('app.tenant', %s, false)", [["7"]])


def on_drivers_connection(connection: Any) -> None:
    connection.ensure_connection()
    connection.connection.execute("SET search_path TO tenant_1")


def on_drivers_cursor(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.cursor.execute(b"SET search_path TO tenant_1")


def on_a_cursor_with_a_name(connection: Any) -> None:
    with transaction.atomic(connection.alias), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant', '7', false)")


def by_copy(connection: Any) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT set_config('app.tenant', '7', false)) TO STDOUT") as rows,
    ):
        assert list(rows)


def by_stream(connection: Any) -> None:
    with connection.cursor() as cursor:
        assert list(cursor.stream("SELECT set_config('search_path', 'tenant_1', false)"))


@pytest.mark.parametrize(
    "work",
    [
        by_callproc,
        by_executemany,
        on_drivers_connection,
        on_drivers_cursor,
        on_a_cursor_with_a_name,
        by_copy,
        by_stream,
    ],
)
def test_a_setting_that_does_not_go_through_djangos_cursors_is_noticed(alias: str, work: Callable[[Any], None]) -> None:
    async def main() -> None:
        await sync_to_async(lambda: work(connections[alias]))()
        with pytest.raises(SessionChanged):
            await q(Country).using(alias).acount()

    run(main())
