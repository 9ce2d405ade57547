"""What PostgreSQL says of the sessions on the tests' database, and queries that keep one busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Func, IntegerField, Value

from adj import AsyncQuery, q
from adj.engines.postgres import PsycopgEngine
from adj.execution.databases import executor_for
from tests.shop.models import Book

T = TypeVar("T")

# Those of programs: an autovacuum comes and goes when it likes.
OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


class Sleep(Func):
    """`pg_sleep(seconds)`, as a number, so that it can be compared."""

    template = "(SELECT 1 FROM pg_sleep(%(expressions)s))"
    output_field: Any = IntegerField()


class Slow(Func):
    """A number that a database takes half a minute or more to find, on each in its own way."""

    arity = 0
    output_field: Any = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """PostgreSQL's."""
        return "(SELECT 1 FROM pg_sleep(25))", ()

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """MariaDB's."""
        return "SLEEP(25)", ()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite's, which keeps a processor busy."""
        counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
        return f"({counting} SELECT count(*) FROM n)", ()


def sleeping(seconds: float, alias: str = "postgres") -> AsyncQuery[Book, Any]:
    """A query of one row that takes its time."""
    return q(Book).using(alias).order_by("pk").values_list(Sleep(Value(seconds)), flat=True)[:1]


def sessions(alias: str = "postgres") -> int:
    """How many sessions of others there are on our database."""
    return _number(alias, f"SELECT count(*) {OTHERS}")


def active_queries(alias: str = "postgres") -> int:
    """How many queries of others the server is running, or transactions are open, on our database."""
    return _number(alias, f"SELECT count(*) {OTHERS} AND state <> 'idle'")


def end_all_sessions(alias: str = "postgres") -> int:
    """End every session on our database but this one, and wait until they are gone; how many there were."""
    return _number(alias, f"SELECT count(pg_terminate_backend(pid, 5000)) {OTHERS}")


def backend_pid(alias: str) -> int:
    """The server's process that serves the connection of this code."""
    return _number(alias, "SELECT pg_backend_pid()")


async def until_active(number: int, alias: str = "postgres") -> None:
    """Wait until the server runs so many queries of others at the same time."""
    async with asyncio.timeout(30):
        while await elsewhere(active_queries, alias) != number:  # noqa: ASYNC110  # no event of the loop
            await asyncio.sleep(0.02)


async def assert_run_at_once(queries: list[AsyncQuery[Any, Any]], alias: str = "postgres") -> None:
    """Fail if the server does not run all of these queries, which take long, at the same time; they are cancelled."""
    tasks = [asyncio.create_task(query.run()) for query in queries]
    await until_active(len(queries), alias)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def assert_nothing_runs() -> None:
    """Fail if the server is still busy for us ten seconds after everything has ended."""
    end = time.monotonic() + 10
    while busy := await elsewhere(active_queries):
        assert time.monotonic() < end, f"{busy} queries or transactions are still open"
        await asyncio.sleep(0.02)


async def elsewhere(ask: Callable[[str], T], alias: str = "postgres") -> T:
    """What one of these functions finds, asked in a thread on a connection that is not adj's."""

    def asked() -> T:
        try:
            return ask(alias)
        finally:
            connections[alias].close()

    return await asyncio.to_thread(asked)


async def native_engine(alias: str = "postgres") -> PsycopgEngine:
    """The native engine of an alias on this event loop."""
    found = (await executor_for(alias)).engine
    assert isinstance(found, PsycopgEngine)
    return found


def _number(alias: str, question: str) -> int:
    with connections[alias].cursor() as cursor:
        cursor.execute(question)
        number: int = cursor.fetchone()[0]
        return number
