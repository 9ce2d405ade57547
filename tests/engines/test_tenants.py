"""Tenants with schemas of their own: each context finds its own rows, whatever asks and however it is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, transaction
from django.test import override_settings
from psycopg.sql import Composed

import adj
from adj import SessionChanged, UnsupportedFeature, atomic, q
from adj.engines.postgres.connection import PgConnection
from adj.execution.databases import executor_for
from tests.engines.aliases import alias_at
from tests.engines.schemas import TENANTS, tenants_schemas
from tests.engines.sessions import elsewhere
from tests.engines.test_choice import database
from tests.running import run
from tests.shop.models import Country

tenant: ContextVar[str] = ContextVar("tenant", default="")
wanted: ContextVar[Mapping[str, str]] = ContextVar("wanted", default=MappingProxyType({}))


def session() -> Mapping[str, str]:
    """What a project would write: the schema of the request's tenant before the public one."""
    name = tenant.get()
    return {"search_path": f"{name}, public", "adj.tenant": name} if name else {}


DIRECT: Any = {"engine": "psycopg", "session": session, "pool": {"max_size": 5}}
POOLED: Any = {**DIRECT, "pooler": "transaction"}
THREADS: Any = {"engine": "threads", "threads": 5, "session": session}


@pytest.fixture(params=["direct", "by path", "pgbouncer", "threads"])
def alias(request: Any, postgres: str) -> Generator[str]:
    """PostgreSQL with a schema for each tenant, in which a country has the tenant's name; its settings in `ADJ`."""
    by_path = {**DIRECT, "session": f"{__name__}.session"}
    ways = {"direct": DIRECT, "by path": by_path, "pgbouncer": POOLED, "threads": THREADS}
    if request.param == "pgbouncer":
        request.getfixturevalue("bounced")
    with tenants_schemas(postgres), override_settings(ADJ={postgres: ways[request.param]}):
        yield postgres


def names(alias: str) -> list[str]:
    """The countries that Django finds."""
    return list(Country.objects.using(alias).order_by("name").values_list("name", flat=True))


def iterated(alias: str) -> list[str]:
    """The countries that Django iterates over, in a separate transaction."""
    with transaction.atomic(alias):
        return list(Country.objects.using(alias).values_list("name", flat=True).iterator(chunk_size=1))


async def streamed(alias: str) -> list[str]:
    """The countries of a stream."""
    async with q(Country).using(alias).stream(1) as rows:
        return [row.name async for row in rows]


async def every_way(alias: str) -> list[list[str]]:
    """The countries of the current tenant, by everything that asks."""
    rows = q(Country).using(alias)
    executor = await executor_for(alias)
    found = [
        await rows.values_list("name", flat=True).run(),
        [row.name for row in await rows.filter(code__in=["xx", "yy"]).timeout(5).run()],
        await executor.run(names, alias),
        await executor.run(iterated, alias),
        await streamed(alias),
    ]
    async with adj.native(alias):
        found.append([country.name async for country in Country.objects.using(alias)])
    async with atomic(alias):
        found.append(await rows.values_list("name", flat=True).run())
        async with atomic(alias):
            found.append(await executor.run(names, alias))
        found.append(await streamed(alias))
    return found


def test_everything_in_a_context_finds_its_tenants_rows(alias: str) -> None:
    async def work(number: int) -> None:
        name = TENANTS[number % 2]
        tenant.set(name)
        for _ in range(2):
            assert await every_way(alias) == [[name]] * 9

    async def main() -> None:
        await asyncio.gather(*(asyncio.create_task(work(number)) for number in range(40)))

    run(main())


@pytest.mark.parametrize("engine", ["auto", "threads", "django"])
def test_a_backend_with_tenants_needs_the_settings_of_its_sessions(postgres: str, engine: str) -> None:
    async def main(alias: str) -> None:
        with pytest.raises(ImproperlyConfigured, match=r'"session"\] is missing: the backend keeps'):
            await q(Country).using(alias).acount()
        with pytest.raises(ImproperlyConfigured, match=r'"session"\] is missing: the backend keeps'):
            async with atomic(alias):
                pass

    with (
        database(postgres, ENGINE="tests.backends.schemas") as alias,
        override_settings(ADJ={alias: {"engine": engine}}),
    ):
        run(main(alias))


def in_drivers_transaction(alias: str) -> list[str]:
    """The countries that code finds which uses the driver's own connection."""
    connection: Any = connections[alias]
    connection.ensure_connection()
    with connection.connection.transaction():
        return [name for (name,) in connection.connection.execute("SELECT name FROM shop_country").fetchall()]


@pytest.mark.parametrize("alias", ["direct", "pgbouncer"], indirect=True)
def test_a_transaction_of_the_driver_finds_its_tenants_rows_or_is_refused(alias: str) -> None:
    async def main() -> None:
        executor = await executor_for(alias)
        is_pooled = "pooler" in settings.ADJ[alias]
        for name in TENANTS:
            tenant.set(name)
            if is_pooled:
                with pytest.raises(UnsupportedFeature, match="transaction"):
                    await executor.run(in_drivers_transaction, alias)
            else:
                assert await executor.run(in_drivers_transaction, alias) == [name]
            async with atomic(alias):
                assert await executor.run(in_drivers_transaction, alias) == [name]

    run(main())


def test_a_context_without_a_tenant_is_not_affected(alias: str) -> None:
    async def main() -> None:
        executor = await executor_for(alias)
        before = await executor.run(names, alias)
        tenant.set(TENANTS[0])
        assert await executor.run(names, alias) == [TENANTS[0]]
        tenant.set("")
        assert await executor.run(names, alias) == before
        assert await q(Country).using(alias).order_by("name").values_list("name", flat=True).run() == before

    run(main())


def by_tenant(alias: str) -> list[str]:
    """The countries that code finds which goes from tenant to tenant."""
    found = []
    for name in TENANTS:
        tenant.set(name)
        found += names(alias)
    return found


def by_tenant_in_transactions(alias: str) -> list[str]:
    """The same, with a transaction for each."""
    found = []
    for name in TENANTS:
        tenant.set(name)
        with transaction.atomic(alias):
            found += names(alias)
    return found


def by_tenant_on_a_cursor(alias: str) -> list[str]:
    """The same, with one cursor for all."""
    found = []
    with connections[alias].cursor() as cursor:
        for name in TENANTS:
            tenant.set(name)
            cursor.execute("SELECT name FROM shop_country")
            found += [name for (name,) in cursor.fetchall()]
    return found


def by_tenant_with_new_connections(alias: str) -> list[str]:
    """The same, with a connection for each."""
    found = []
    for name in TENANTS:
        tenant.set(name)
        found += names(alias)
        connections[alias].close()
        found += names(alias)
    return found[::2] if found[::2] == found[1::2] else found


WAYS = [by_tenant, by_tenant_in_transactions, by_tenant_on_a_cursor, by_tenant_with_new_connections]


@pytest.mark.parametrize("ask", WAYS)
def test_code_that_goes_from_tenant_to_tenant_finds_the_rows_of_each(alias: str, ask: Callable[[str], Any]) -> None:
    async def main() -> None:
        executor = await executor_for(alias)
        for _ in range(2):
            assert await executor.run(ask, alias) == list(TENANTS)
            tenant.set(TENANTS[0])
            assert await executor.run(names, alias) == [TENANTS[0]]

    run(main())


def test_another_tenant_within_djangos_transaction_is_refused(alias: str) -> None:
    def ask() -> None:
        with transaction.atomic(alias):
            names(alias)
            by_tenant(alias)

    async def main() -> None:
        tenant.set(TENANTS[0])
        executor = await executor_for(alias)
        with pytest.raises(SessionChanged):
            await executor.run(ask)

    run(main())


@pytest.mark.parametrize("alias", ["threads"], indirect=True)
@pytest.mark.parametrize("ask", WAYS)
def test_code_on_the_thread_of_another_alias_finds_its_tenants_rows(alias: str, ask: Callable[[str], Any]) -> None:
    async def main() -> None:
        executor = await executor_for("default")
        for name in ("", *TENANTS):
            tenant.set(name)
            assert await executor.run(ask, alias) == list(TENANTS)
            tenant.set(TENANTS[0])
            assert await executor.run(names, alias) == [TENANTS[0]]

    with override_settings(ADJ={alias: THREADS, "default": {"threads": 1}}):
        run(main())


@pytest.mark.parametrize("alias", ["direct"], indirect=True)
def test_code_beside_a_native_connection_finds_its_tenants_rows(alias: str) -> None:
    """An alias that the native engine cannot serve has Django's own connection there."""

    async def main(beside: str) -> None:
        executor = await executor_for(alias)
        for name in TENANTS:
            tenant.set(name)
            assert await executor.run(names, beside) == [name]

    with (
        database(alias, ENGINE="tests.backends.opening") as beside,
        override_settings(ADJ={alias: DIRECT, beside: {"session": session}}),
    ):
        run(main(beside))


@pytest.mark.parametrize("alias", ["direct"], indirect=True)
@pytest.mark.parametrize("engine", ["threads", "beside a native connection"])
def test_a_tenant_set_on_the_backend_lasts_until_its_call_ends(alias: str, engine: str) -> None:
    def stray(beside: str, *, asks: bool) -> None:
        places: Any = connections
        places[beside].set_schema(TENANTS[0])
        if asks:
            assert names(beside) == [TENANTS[0]]

    async def main(beside: str) -> None:
        executor = await executor_for(beside if engine == "threads" else alias)
        public = await executor.run(names, beside)
        assert len(public) > 1
        for asks in (True, False):
            for name in ("", TENANTS[1], TENANTS[0], ""):
                tenant.set(name)
                await executor.run(stray, beside, asks=asks)
                assert await executor.run(names, beside) == ([name] if name else public)

    with (
        database(alias, ENGINE="tests.backends.schemas") as beside,
        override_settings(ADJ={alias: DIRECT, beside: {"session": session, "threads": 1}}),
    ):
        run(main(beside))


@pytest.mark.parametrize("alias", ["pgbouncer"], indirect=True)
def test_a_thread_of_another_alias_cannot_have_tenants_behind_a_pooler(alias: str) -> None:
    async def main() -> None:
        executor = await executor_for("default")
        tenant.set(TENANTS[0])
        with pytest.raises(UnsupportedFeature, match=r'"session"\] behind a pooler needs the engine "psycopg"'):
            await executor.run(names, alias)

    run(main())


def test_writes_go_to_the_tenants_tables(alias: str) -> None:
    async def main() -> None:
        tenant.set(TENANTS[0])
        rows = q(Country).using(alias)
        await rows.acreate(code="yy", name="new")
        async with atomic(alias):
            await rows.acopy([Country(code="zz", name="copied")])
            assert await rows.filter(code="xx").aupdate(name="changed") == 1
        assert await rows.order_by("code").values_list("name", flat=True).run() == ["changed", "new", "copied"]
        tenant.set(TENANTS[1])
        assert await rows.values_list("name", flat=True).run() == [TENANTS[1]]

    run(main())


def test_a_copy_outside_a_transaction_is_right_or_refused(alias: str) -> None:
    async def main() -> None:
        tenant.set(TENANTS[0])
        rows = q(Country).using(alias)
        try:
            await rows.acopy([Country(code="zz", name="copied")])
        except UnsupportedFeature as error:
            assert "has to run inside atomic()" in str(error)  # noqa: PT017  # one of the two ways
        else:
            assert await rows.filter(name="copied").acount() == 1
        tenant.set("")
        assert not await rows.filter(name="copied").aexists()

    run(main())


def test_another_tenant_within_a_transaction_is_refused(alias: str) -> None:
    async def main() -> None:
        tenant.set(TENANTS[0])
        async with atomic(alias):
            assert await q(Country).using(alias).acount() == 1
            tenant.set(TENANTS[1])
            with pytest.raises(SessionChanged, match=r"adj\.tenant, search_path"):
                await q(Country).using(alias).acount()
            with pytest.raises(SessionChanged):
                await adj.run_sync(names, alias)
            tenant.set(TENANTS[0])
            assert await q(Country).using(alias).acount() == 1
        tenant.set(TENANTS[1])
        assert await q(Country).using(alias).values_list("name", flat=True).run() == [TENANTS[1]]

    run(main())


@pytest.mark.parametrize("isolation", ["serializable", "repeatable read"])
def test_a_transaction_with_an_isolation_level_finds_its_tenants_rows(alias: str, isolation: Any) -> None:
    async def main() -> None:
        for name in TENANTS:
            tenant.set(name)
            async with atomic(alias, isolation=isolation, read_only=True, set_local={"adj.x": "1"}):
                assert await q(Country).using(alias).values_list("name", flat=True).run() == [name]
                assert await adj.run_sync(names, alias) == [name]

    run(main())


@pytest.mark.parametrize("settings", [DIRECT, THREADS])
def test_settings_that_the_server_refuses_leave_nothing_of_them(postgres: str, settings: Any) -> None:
    """The first of two settings is valid."""

    async def main() -> None:
        rows = q(Country).using(postgres).order_by("name").values_list("name", flat=True)
        before = await rows.run()
        wanted.set({"search_path": TENANTS[0], "statement_timeout": "soon"})
        with pytest.raises(DatabaseError, match="statement_timeout"):
            await rows.run()
        wanted.set({})
        assert await rows.run() == before

    one: Any = {**settings, "session": wanted.get, **({"threads": 1} if "threads" in settings else {})}
    with tenants_schemas(postgres), override_settings(ADJ={postgres: one}):
        run(main())


def test_a_task_that_is_cancelled_when_its_settings_are_there_does_not_leave_them(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer and the cancellation arrive together."""
    execute = PgConnection.execute

    async def execute_and_cancel(connection: PgConnection, query: Any, *args: Any, **options: Any) -> Any:
        result = await execute(connection, query, *args, **options)
        if isinstance(query, Composed) and "set_config" in query.as_string(connection) and tenant.get() == TENANTS[0]:
            raise asyncio.CancelledError
        return result

    async def main() -> None:
        rows = q(Country).using(postgres).order_by("name").values_list("name", flat=True)
        before = await rows.run()
        monkeypatch.setattr(PgConnection, "execute", execute_and_cancel)
        tenant.set(TENANTS[0])
        with pytest.raises(asyncio.CancelledError):
            await rows.run()
        tenant.set("")
        assert await rows.run() == before

    one: Any = {**DIRECT, "pool": {"max_size": 1}}
    with tenants_schemas(postgres), override_settings(ADJ={postgres: one}):
        run(main())


@pytest.mark.parametrize("changed_by", ["settings", "code"])
def test_what_django_s_pool_gives_to_another_thread_is_as_it_was(postgres: str, changed_by: str) -> None:
    """`OPTIONS["pool"]` keeps sessions that a thread has closed."""

    def set_path() -> None:
        with connections[postgres].cursor() as cursor:
            cursor.execute(f"SET search_path = {TENANTS[0]}")

    async def main() -> None:
        rows = q(Country).using(postgres).order_by("name").values_list("name", flat=True)
        before = await rows.run()
        if changed_by == "settings":
            tenant.set(TENANTS[0])
            assert await rows.run() == [TENANTS[0]]
            tenant.set("")
        else:
            await (await executor_for(postgres)).run(set_path)
        # All threads close their connections.
        await adj.close()
        for _ in range(2):
            assert await rows.run() == before
            await adj.close()

    plain = connections.settings[postgres]
    pooled = {**plain, "OPTIONS": {**plain["OPTIONS"], "pool": {"min_size": 1, "max_size": 1}}}
    settings = {"engine": "threads", **({"session": session} if changed_by == "settings" else {})}
    with tenants_schemas(postgres), alias_at(postgres, pooled), override_settings(ADJ={postgres: settings}):
        try:
            run(main())
        finally:
            wrapper: Any = connections[postgres]
            wrapper.close_pool()


def test_a_transaction_that_is_undone_leaves_the_settings_that_it_began_with(alias: str) -> None:
    async def main() -> None:
        for name in (*TENANTS, *TENANTS):
            tenant.set(name)
            async with atomic(alias):
                assert await q(Country).using(alias).acount() == 1
                await adj.set_rollback(using=alias)
            assert await q(Country).using(alias).values_list("name", flat=True).run() == [name]

    run(main())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"session": 5}, r'\["session"\] must be a synchronous function or its dotted path; got 5'),
        ({"session": "django.VERSION"}, "must be a synchronous function or its dotted path; got 'django.VERSION'"),
        ({"session": asyncio.sleep}, "must be a synchronous function or its dotted path; got <function sleep"),
        ({"engine": "threads", "session": "no.such.function"}, "cannot import"),
        ({"engine": "threads", "session": lambda: None}, r'\["session"\] must return a dict'),
        ({"session": "no.such.function"}, r'\["session"\]: cannot import "no.such.function"'),
        ({"session": lambda: None}, r'\["session"\] must return a dict'),
        ({"session": lambda: {"search_path": 1}}, r'\["session"\] must return a dict'),
    ],
)
def test_an_invalid_session_setting_is_reported(postgres: str, given: Any, message: str) -> None:
    async def main() -> None:
        with pytest.raises(ImproperlyConfigured, match=message):
            await q(Country).using(postgres).acount()

    with override_settings(ADJ={postgres: {"engine": "psycopg", **given}}):
        run(main())


@pytest.mark.parametrize(
    ("alias", "given", "message"),
    [
        ("default", {"session": session}, r'\["session"\] needs PostgreSQL with the engine "psycopg" or "threads"'),
        ("postgres", {"session": session, "engine": "django"}, r'\["session"\] needs PostgreSQL with the engine'),
        ("postgres", {"pooler": "transaction", "engine": "threads"}, r'\["pooler"\] needs the engine "psycopg"'),
    ],
)
def test_an_engine_that_cannot_do_it_says_so(postgres: str, alias: str, given: Any, message: str) -> None:
    async def main() -> None:
        with pytest.raises(ImproperlyConfigured, match=message):
            await q(Country).using(alias).acount()

    with override_settings(ADJ={alias: given}):
        run(main())


# -- sessions that code changes, on threads ----------------------------------------------------------------------------


@pytest.fixture(params=["postgres", "mariadb", "default"])
def threads(request: Any) -> Generator[str]:
    """An alias whose queries run on one thread."""
    if request.param != "default":
        request.getfixturevalue(request.param)
    with override_settings(ADJ={request.param: {"engine": "threads", "threads": 1}}):
        yield request.param


CHANGES = {
    "postgres": [
        ("SET search_path TO pg_catalog", "SHOW search_path"),
        ("SELECT set_config('adj.tenant', '7', false)", "SELECT current_setting('adj.tenant', true)"),
    ],
    "mariadb": [("SET SESSION sql_mode = ''", "SELECT @@SESSION.sql_mode")],
    "default": [("PRAGMA case_sensitive_like = 1", "SELECT 'a' LIKE 'A'")],
}


def test_a_query_does_not_see_session_changes_of_other_code(threads: str) -> None:
    """P40."""

    def ask(*statements: str) -> Any:
        with connections[threads].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()

    async def main() -> None:
        executor = await executor_for(threads)
        for change, show in CHANGES[threads]:
            before = await executor.run(ask, show)
            assert await executor.run(ask, change, show) != before
            assert await executor.run(ask, show) == before
            async with atomic(threads):
                await executor.run(ask, change, show)
                assert await executor.run(ask, show) != before
            assert await executor.run(ask, show) == before

    run(main())


@pytest.mark.parametrize("threads", ["postgres", "mariadb"], indirect=True)
def test_session_changes_on_the_thread_of_another_alias_are_reset(threads: str) -> None:
    def ask(*statements: str) -> Any:
        with connections[threads].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()

    async def main() -> None:
        executor = await executor_for("default")
        for change, show in CHANGES[threads]:
            before = await executor.run(ask, show)
            assert await executor.run(ask, change, show) != before
            assert await executor.run(ask, show) == before
            async with atomic():
                assert await executor.run(ask, change, show) != before
            assert await executor.run(ask, show) == before

    with override_settings(ADJ={"default": {"engine": "threads", "threads": 1}}):
        run(main())


def test_a_function_is_looked_up_on_the_server_once_for_all_threads(postgres: str) -> None:
    def call() -> int:
        with connections[postgres].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), to_tsvector('a'), pg_sleep(0.2)")
            return int(cursor.fetchone()[0])

    def last_statements(pids: list[int]) -> list[str]:
        with connections[postgres].cursor() as cursor:
            cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = ANY(%s)", [pids])
            return [query for (query,) in cursor.fetchall()]

    async def main() -> None:
        executor = await executor_for(postgres)
        pids = [await executor.run(call)]
        assert ["proname" in query for query in await elsewhere(lambda alias: last_statements(pids))] == [True]
        pids = [*await asyncio.gather(executor.run(call), executor.run(call))]
        assert pids[0] != pids[1]
        assert ["to_tsvector" in query for query in await elsewhere(lambda alias: last_statements(pids))] == [True] * 2

    with override_settings(ADJ={postgres: {"engine": "threads", "threads": 2}}):
        run(main())


def test_a_connection_with_an_unchanged_session_is_reused(postgres: str) -> None:
    def pid(*statements: str) -> int:
        with connections[postgres].cursor() as cursor:
            for statement in (*statements, "SELECT pg_backend_pid()"):
                cursor.execute(statement)
            return int(cursor.fetchone()[0])

    async def main() -> None:
        executor = await executor_for(postgres)
        first = await executor.run(pid)
        for statement in ("SET LOCAL statement_timeout = 1000", "SELECT to_tsvector('a')", "SELECT 1"):
            assert await executor.run(pid, statement) == first
        assert await executor.run(pid) == first
        await executor.run(pid, "SET statement_timeout = 1000", "SELECT to_tsquery('a')")
        assert await executor.run(pid) != first

    with override_settings(ADJ={postgres: {"engine": "threads", "threads": 1}}):
        run(main())
