"""`python -m benchmarks.failures`: a server that stays silent, and one that is full, for adj beside psycopg's pool.

Each figure is the slowest of six tasks that start together, in seconds. The server is a cluster of PostgreSQL of its
own, behind a proxy that can swallow everything. psycopg's pool is measured where it is installed (`adj[bench]` brings
it).
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

from benchmarks.project import set_up_postgresql
from tests.servers import Server, private_server, temporary_database

TASKS: Final = 6
LIMIT: Final = 1.0
"""The seconds that everything is allowed."""

PATIENCE: Final = 15.0
"""The seconds after which the benchmark gives up."""

QUERIES, ROOM, POOL, DEADLINE = 60, 3, 10, 10.0
"""The full server: so many queries at once, connections of the role, connections of the pool, seconds for each."""

Work = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure and print two tables."""
    argparse.ArgumentParser(prog="python -m benchmarks.failures", description=__doc__).parse_args()
    with private_server() as server, temporary_database(server) as name:
        set_up_postgresql(server.django_database(name))
        # After the settings are there: it imports models.
        from benchmarks import data

        data.create()
        print(asyncio.run(silent(name)))
        print()
        print(asyncio.run(full(server, name)))
    packages = ("psycopg", *(["psycopg-pool"] if find_spec("psycopg_pool") else []), "Django")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"\nPython {platform.python_version()}, {versions}, PostgreSQL {server.version // 10_000}")


# -- a silent server ---------------------------------------------------------------------------------------------------


async def silent(name: str) -> str:
    """How long tasks take that may take a second, cold and with ten connections that were open before."""
    lines = ["| a silent server | cold | warm |", "| --- | ---: | ---: |"]
    for title, measure in silences(name).items():
        cold, warm = [await measure(is_warm) for is_warm in (False, True)]
        lines.append(f"| {title} | {cold} | {warm} |")
    return "\n".join(lines)


def silences(name: str) -> Mapping[str, Callable[[bool], Coroutine[Any, Any, str]]]:
    """The rows of the table."""
    from adj import atomic, q
    from benchmarks.models import Book

    async def in_block() -> None:
        async with atomic(timeout=LIMIT):
            await q(Book).acount()

    rows = {
        "adj, `.timeout(1)`": lambda warm: adj_silence(q(Book).timeout(LIMIT).acount, warm),
        "adj, `atomic(timeout=1)`": lambda warm: adj_silence(in_block, warm),
        "adj, `pool.timeout=1`, all in use": lambda warm: adj_silence(q(Book).acount, warm, holds=True),
    }
    if not find_spec("psycopg_pool"):
        return rows
    return {
        **rows,
        "psycopg_pool in `asyncio.timeout(1)`": lambda warm: peer_silence(name, warm, is_limited=True),
        "psycopg_pool, `timeout=1`, all in use": lambda warm: peer_silence(name, warm, holds=True),
    }


async def adj_silence(work: Work, warm: bool, *, holds: bool = False) -> str:
    """The slowest of tasks of adj."""
    from django.test import override_settings

    import adj
    from adj import atomic, q
    from benchmarks.models import Book
    from tests.engines.faults import network_to

    async def use(together: asyncio.Barrier) -> None:
        async with atomic():
            await q(Book).acount()
            await together.wait()

    pool = {"max_size": POOL, "timeout": LIMIT if holds else 30}
    with override_settings(ADJ={"default": {"engine": "psycopg", "pool": pool}}):
        async with network_to("default") as network:
            if warm:
                together = asyncio.Barrier(POOL)
                await asyncio.gather(*(use(together) for _ in range(POOL)))
            network.go_down()
            async with held(q(Book).acount if holds else None):
                slowest = await slowest_of(work)
            network.come_back()
            await network.end()
            await adj.close()
    return slowest


async def peer_silence(name: str, warm: bool, *, holds: bool = False, is_limited: bool = False) -> str:
    """The same of psycopg's pool."""
    from tests.engines.faults import network_to

    async def work() -> None:
        async with asyncio.timeout(LIMIT if is_limited else None):
            await use_peer(pool)

    async with network_to("default") as network, peer_pool(name, LIMIT if holds else 30) as pool:
        if warm:
            together = asyncio.Barrier(POOL)
            await asyncio.gather(*(use_peer(pool, together) for _ in range(POOL)))
        network.go_down()
        async with held((lambda: use_peer(pool)) if holds else None):
            slowest = await slowest_of(work)
        network.come_back()
        await network.end()
    return slowest


@asynccontextmanager
async def peer_pool(name: str, timeout: float, user: str = "postgres") -> AsyncGenerator[Any]:  # noqa: ASYNC109
    """The pool of psycopg on the database of `default`, wherever that is at the moment."""
    import psycopg_pool
    from django.db import connections

    found = connections.settings["default"]
    where = f"host={found['HOST']} port={found['PORT']} dbname={name} user={user}"
    pool = psycopg_pool.AsyncConnectionPool(where, min_size=0, max_size=POOL, timeout=timeout, open=False)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close(timeout=1)


async def use_peer(pool: Any, together: asyncio.Barrier | None = None) -> None:
    """Run one query, and keep the connection until the others have theirs."""
    async with pool.connection() as connection:
        await connection.execute("SELECT 1")
        if together is not None:
            await together.wait()


@asynccontextmanager
async def held(work: Work | None) -> AsyncGenerator[None]:
    """Let as many tasks as the pool has connections take them first."""
    tasks = [asyncio.ensure_future(run(work)) for _ in range(POOL)] if work is not None else []
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)


async def run(work: Work) -> None:
    """Run something to its end."""
    await work()


async def slowest_of(work: Work) -> str:
    """How long the slowest of six tasks takes that begin together."""
    begun = time.monotonic()
    tasks = [asyncio.ensure_future(run(work)) for _ in range(TASKS)]
    _, late = await asyncio.wait(tasks, timeout=PATIENCE)
    seconds = time.monotonic() - begun
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=PATIENCE)
    await asyncio.gather(*(task for task in tasks if task.done()), return_exceptions=True)
    return f"> {PATIENCE:g} s" if late else f"{seconds:.2f} s"


# -- a full server -----------------------------------------------------------------------------------------------------


async def full(server: Server, name: str) -> str:
    """How many of 60 queries fail where the role may have three connections, and the pool ten."""
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE limited LOGIN CONNECTION LIMIT {ROOM} IN ROLE pg_read_all_data".encode())
    title = f"{QUERIES} queries of 0.05 s, a role of {ROOM} connections, a pool of {POOL}"
    lines = [f"| {title} | failed | seconds |", "| --- | ---: | ---: |", f"| adj | {await full_adj()} |"]
    if find_spec("psycopg_pool"):
        lines.append(f"| psycopg_pool | {await full_peer(name)} |")
    return "\n".join(lines)


async def full_adj() -> str:
    """How many of adj's fail, and how long all take."""
    from django.db import connections
    from django.test import override_settings

    import adj

    def sleep() -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05)")

    pool = {"max_size": POOL, "timeout": DEADLINE}
    before = connections.settings["default"]["USER"]
    connections.settings["default"]["USER"] = "limited"
    try:
        with override_settings(ADJ={"default": {"engine": "psycopg", "pool": pool}}):
            found = await counted(lambda: adj.run_sync(sleep))
            await adj.close()
            return found
    finally:
        connections.settings["default"]["USER"] = before


async def full_peer(name: str) -> str:
    """The same of psycopg's pool."""

    async def work() -> None:
        async with pool.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.05)")

    async with peer_pool(name, DEADLINE, "limited") as pool:
        return await counted(work)


async def counted(work: Work) -> str:
    """How many of the queries fail, and the seconds until the last one ends."""
    begun = time.monotonic()
    results = await asyncio.gather(*(work() for _ in range(QUERIES)), return_exceptions=True)
    failed = sum(isinstance(result, BaseException) for result in results)
    return f"{failed} | {time.monotonic() - begun:.2f}"


if __name__ == "__main__":
    main()
