"""`python -m benchmarks.restart`: PostgreSQL restarts while twenty tasks move money, for adj beside psycopg's pool.

Each task moves an amount between two accounts, in one transaction, over and over. An operation that fails is counted,
and the task continues with another one. The server is a private cluster. psycopg's pool is measured where it is
installed (`adj[bench]` brings it).
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Final, TypeAlias

from benchmarks.failures import peer_pool
from benchmarks.project import set_up_postgresql
from tests.servers import Server, private_server, restart, temporary_database

TASKS: Final = 20
POOL: Final = 10
TIMEOUT: Final = 30.0
"""The seconds that an operation may wait for a connection."""
ACCOUNTS: Final = 8
BALANCE: Final = 1_000
MOVES: Final = 100
"""How many operations succeed before the restart, and after it."""
PAUSE: Final = 0.02
"""The seconds after an operation that has failed."""

Move: TypeAlias = Callable[[int, int, int], Awaitable[None]]
"""Moves an amount from one account to another."""


@dataclass
class Day:
    """What has become of the operations of one run."""

    moved: int = 0
    failed: int = 0
    total: int = 0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restart", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="how many restarts for each (default: 5)")
    options = parser.parse_args()
    with private_server() as server, temporary_database(server) as name:
        set_up_postgresql(server.django_database(name))
        # After the settings are there: it imports models.
        from benchmarks import data

        data.create()
        print(table(server, name, options.runs))
    packages = ("psycopg", *(["psycopg-pool"] if find_spec("psycopg_pool") else []), "Django")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"\nPython {platform.python_version()}, {versions}, PostgreSQL {server.version // 10_000}")


def table(server: Server, name: str, runs: int) -> str:
    """The operations that have failed, for each contender and each run."""
    contenders: dict[str, Callable[[], AbstractAsyncContextManager[Move]]] = {"adj": adj_moves}
    if find_spec("psycopg_pool"):
        contenders["psycopg_pool"] = lambda: peer_moves(name)
    days: dict[str, list[Day]] = {title: [] for title in contenders}
    for _ in range(runs):
        for title, contender in contenders.items():
            days[title].append(asyncio.run(day(server, name, contender())))
    lines = [f"| {TASKS} tasks, a pool of {POOL}, a restart | failed | sum kept |", "| --- | ---: | ---: |"]
    for title, found in days.items():
        kept = sum(each.total == ACCOUNTS * BALANCE for each in found)
        lines.append(f"| {title} | {', '.join(str(each.failed) for each in found)} | {kept} of {runs} |")
    return "\n".join(lines)


async def day(server: Server, name: str, contender: AbstractAsyncContextManager[Move]) -> Day:
    """Move money before, during and after a restart."""
    with server.connect(name) as connection:
        connection.execute("UPDATE book SET pages = %s WHERE id <= %s", (BALANCE, ACCOUNTS))
    found = Day()
    async with contender as move:
        is_over = asyncio.Event()
        # Nothing here is a secret.
        chances = [random.Random(seed) for seed in range(TASKS)]  # noqa: S311
        tasks = [asyncio.create_task(work(move, chance, found, is_over)) for chance in chances]
        await moves(found, MOVES)
        await asyncio.to_thread(restart, server)
        await moves(found, MOVES)
        is_over.set()
        await asyncio.gather(*tasks)
    with server.connect(name) as connection:
        row = connection.execute("SELECT sum(pages) FROM book WHERE id <= %s", (ACCOUNTS,)).fetchone()
        found.total = int(row[0]) if row else 0
    return found


async def work(move: Move, chance: random.Random, found: Day, is_over: asyncio.Event) -> None:
    """One task."""
    while not is_over.is_set():
        source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
        try:
            await move(source, target, chance.randrange(1, 10))
        except Exception:  # noqa: BLE001  # whatever it is, the operation has failed
            found.failed += 1
            await asyncio.sleep(PAUSE)
        else:
            found.moved += 1


async def moves(found: Day, count: int) -> None:
    """Wait for so many more operations."""
    wanted = found.moved + count
    while found.moved < wanted:  # noqa: ASYNC110  # any of the tasks may be the one that counts
        await asyncio.sleep(0.01)


@asynccontextmanager
async def adj_moves() -> AsyncGenerator[Move]:
    """By adj's native engine."""
    from django.db.models import F
    from django.test import override_settings

    import adj
    from adj import atomic, q
    from benchmarks.models import Book

    async def move(source: int, target: int, amount: int) -> None:
        async with atomic():
            await q(Book).filter(pk__in=[source, target]).order_by("pk").select_for_update().values_list("pk").run()
            await q(Book).filter(pk=source).aupdate(pages=F("pages") - amount)
            await q(Book).filter(pk=target).aupdate(pages=F("pages") + amount)

    pool = {"max_size": POOL, "timeout": TIMEOUT}
    with override_settings(ADJ={"default": {"engine": "psycopg", "pool": pool}}):
        yield move
        await adj.close()


@asynccontextmanager
async def peer_moves(name: str) -> AsyncGenerator[Move]:
    """By psycopg and its pool."""
    async with peer_pool(name, TIMEOUT) as pool:

        async def move(source: int, target: int, amount: int) -> None:
            async with pool.connection() as connection:
                locked = "SELECT id FROM book WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
                await (await connection.execute(locked, ([source, target],))).fetchall()
                changed = "UPDATE book SET pages = pages + %s WHERE id = %s"
                await connection.execute(changed, (-amount, source))
                await connection.execute(changed, (amount, target))

        yield move


if __name__ == "__main__":
    main()
