"""What code changes in its session is not found by another, however it does that (P40).

By functions, past Django's cursors, on the driver's connection, in MariaDB.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

import pytest
from django.db import connections
from django.db.models import Func, TextField, Value
from django.test import override_settings
from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row

from adj.execution.databases import executor_for
from tests.running import run
from tests.shop.models import Country

SETS = "SELECT set_config('adj.tenant', '7', false)"


def ask(alias: str, *statements: str) -> Any:
    """The first row of the last statement."""
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


@pytest.fixture(params=["psycopg", "threads"])
def one(postgres: str, request: Any) -> Generator[str]:
    """An engine on PostgreSQL with a single connection."""
    limit = {"threads": 1} if request.param == "threads" else {"pool": {"max_size": 1}}
    with override_settings(ADJ={postgres: {"engine": request.param, **limit}}):
        yield postgres


@pytest.fixture
def functions(postgres: str) -> Generator[None]:
    """Functions of which some set their session's tenant, with the help of others, and are not called volatile."""
    reads = "CREATE FUNCTION"
    ask(
        postgres,
        f"{reads} adj_sets(n int) RETURNS text LANGUAGE sql AS $$ SELECT set_config('adj.tenant', n::text, false) $$",
        f"{reads} adj_stable(n int) RETURNS text LANGUAGE sql STABLE"
        " AS $$ SELECT set_config('adj.tenant', n::text, false) $$",
        f"{reads} adj_indirect(n int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN adj_stable(n); END $$",
        f"{reads} adj_atomic(n int) RETURNS text LANGUAGE sql STABLE RETURN adj_sets(n)",
        f"{reads} adj_dynamic(n int) RETURNS text LANGUAGE plpgsql STABLE"
        " AS $$ DECLARE f text; BEGIN EXECUTE 'SELECT set_' || 'config(''adj.tenant'', ''7'', false)' INTO f;"
        " RETURN f; END $$",
        f"{reads} adj_computes(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN abs(n) * 2; END $$",
        f"{reads} adj_computes_too(n int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT adj_computes(n) $$",
    )
    # adj refuses queries in a context whose code has called such a function, which a definition looks like.
    connections[postgres].close()
    yield
    names = ("adj_computes_too", "adj_computes", "adj_dynamic", "adj_atomic", "adj_indirect", "adj_stable", "adj_sets")
    ask(postgres, *(f"DROP FUNCTION {name}(int)" for name in names))


@pytest.mark.parametrize("name", ["adj_stable", "adj_indirect", "adj_atomic", "adj_dynamic"])
def test_a_function_that_is_not_called_volatile_may_change_its_session(one: str, functions: None, name: str) -> None:
    async def main() -> None:
        executor = await executor_for(one)
        for _ in range(2):
            await executor.run(ask, one, f"SELECT {name}(7)")
            assert (await executor.run(ask, one, "SELECT current_setting('adj.tenant', true)"))[0] in {"", None}

    run(main())


def test_functions_that_only_compute_keep_the_session(one: str, functions: None) -> None:
    async def main() -> None:
        executor = await executor_for(one)
        first = await executor.run(ask, one, "SELECT pg_backend_pid()")
        for _ in range(2):
            await executor.run(ask, one, "SELECT adj_computes_too(7)")
            assert await executor.run(ask, one, "SELECT pg_backend_pid()") == first

    run(main())


def composed(alias: str) -> None:
    """Execute psycopg's composed SQL."""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql.SQL("SET adj.tenant = {}").format(sql.Literal("7")))


def in_bytes(alias: str) -> None:
    """Execute bytes."""
    with connections[alias].cursor() as cursor:
        cursor.execute(cast("Any", SETS.encode()))


def called(alias: str) -> None:
    """Call a function by its name."""
    with connections[alias].cursor() as cursor:
        cursor.callproc("adj_sets", [7])


def copied(alias: str) -> None:
    """Copy what a query calls."""
    cursor: Any
    with connections[alias].cursor() as cursor, cursor.copy("COPY (SELECT adj_sets(7)) TO STDOUT") as rows:
        while rows.read():
            pass


def many(alias: str) -> None:
    """Execute a statement several times."""
    with connections[alias].cursor() as cursor:
        cursor.executemany("SELECT adj_sets(%s)", [[6], [7]])


def by_the_driver(alias: str) -> None:
    """Execute on the driver's connection."""
    connections[alias].ensure_connection()
    connections[alias].connection.execute(SETS)


def by_the_drivers_cursor(alias: str) -> None:
    """Execute on the driver's cursor."""
    with connections[alias].cursor() as cursor:
        cursor.cursor.execute(SETS)


def by_an_expression(alias: str) -> None:
    """Select an expression."""
    call: Any = Func(Value(7), function="adj_sets", output_field=TextField())
    list(Country.objects.using(alias).annotate(found=call)[:1])


def by_a_raw_query(alias: str) -> None:
    """Iterate over a raw query."""
    list(Country.objects.using(alias).raw("SELECT code, name, adj_sets(7) FROM shop_country LIMIT 1"))


@pytest.mark.parametrize(
    "code",
    [
        *(composed, in_bytes, called, copied, many),
        *(by_the_driver, by_the_drivers_cursor, by_an_expression, by_a_raw_query),
    ],
)
def test_every_way_to_send_a_statement_is_noticed(one: str, functions: None, code: Callable[[str], None]) -> None:
    async def main() -> None:
        executor = await executor_for(one)
        for _ in range(2):
            await executor.run(code, one)
            assert (await executor.run(ask, one, "SELECT current_setting('adj.tenant', true)"))[0] in {"", None}

    run(main())


def add_wrapper(connection: Any) -> None:
    """Leave an execute wrapper on a connection, which lets nothing pass."""
    connection.execute_wrappers.append(lambda execute, *statement: pytest.fail("the wrapper of other code was called"))


def log_queries(connection: Any) -> None:
    """Leave a connection logging."""
    connection.force_debug_cursor = True


def return_dicts(connection: Any) -> None:
    """Let the driver return dicts."""
    connection.connection.row_factory = dict_row


def isolate(connection: Any) -> None:
    """Let the driver begin other transactions."""
    connection.connection.isolation_level = IsolationLevel.SERIALIZABLE


@pytest.mark.parametrize("change", [add_wrapper, log_queries, return_dicts, isolate])
def test_what_code_changes_on_its_connection_is_not_found_by_another(one: str, change: Callable[[Any], None]) -> None:
    def changed() -> None:
        connections[one].ensure_connection()
        change(connections[one])

    def found() -> object:
        connection = connections[one]
        assert not connection.force_debug_cursor
        connection.set_autocommit(False)
        try:
            return ask(one, "SHOW transaction_isolation")
        finally:
            connection.rollback()
            connection.set_autocommit(True)

    async def main() -> None:
        executor = await executor_for(one)
        await executor.run(changed)
        for _ in range(2):
            assert await executor.run(found) == ("read committed",)

    run(main())


@pytest.fixture
def mariadb_functions(mariadb: str) -> Generator[str]:
    """MariaDB with one connection, and with a function and a procedure that set a variable."""
    ask(
        mariadb,
        "CREATE FUNCTION adj_sets(n int) RETURNS int BEGIN SET @adj = n; RETURN n; END",
        "CREATE PROCEDURE adj_sets_too(n int) BEGIN SET @adj = n; END",
    )
    with override_settings(ADJ={mariadb: {"engine": "threads", "threads": 1}}):
        yield mariadb
    ask(mariadb, "DROP FUNCTION adj_sets", "DROP PROCEDURE adj_sets_too")


@pytest.mark.parametrize(
    "statement",
    [
        *("SELECT GET_LOCK('adj', 1)", "/* first */ LOCK TABLES shop_country WRITE", "USE information_schema"),
        *("SELECT @adj := 7", "SELECT 7 INTO @adj", "/* first */ SET @adj = 7", "# first\nSET @adj = 7"),
        *("/*!40101 SET @adj = 7 */", "BEGIN NOT ATOMIC SET @adj = 7; END", "PREPARE adj FROM 'SELECT 1'"),
        *("SELECT adj_sets(7)", "SELECT `ADJ_SETS` (7)", "CALL adj_sets_too(7)", "CREATE TEMPORARY TABLE adj (n int)"),
    ],
)
def test_what_code_changes_in_a_session_of_mariadb_is_not_found_by_another(
    mariadb_functions: str, statement: str
) -> None:
    alias = mariadb_functions

    async def main() -> None:
        executor = await executor_for(alias)
        for _ in range(2):
            first = await executor.run(ask, alias, "SELECT CONNECTION_ID()")
            harmless = ("-- SET @adj = 7\nSELECT '@adj', @@version", "SELECT LOWER(`name`) FROM shop_country")
            assert await executor.run(ask, alias, *harmless, "SELECT CONNECTION_ID()") == first
            await executor.run(ask, alias, statement)
            assert await executor.run(ask, alias, "SELECT CONNECTION_ID()") != first

    run(main())
