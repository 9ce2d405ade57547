"""A bad day: sessions are killed and the server restarts while money is moved; and a long day: memory stays flat."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from pathlib import Path

import pytest
from django.db import DatabaseError

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.engines.sessions import elsewhere, end_all_sessions, native_engine
from tests.running import run
from tests.servers import Server, restart
from tests.shop.models import Book, Country

ACCOUNTS = [f"+{number}" for number in range(8)]
QUERIES = int(os.environ.get("ADJ_TEST_SOAK", "10000"))
"""How many queries the long day has; 100,000 take a minute."""


def test_money_is_neither_made_nor_lost(own_server: Server) -> None:
    """P33, M5 and M11: twenty tasks move money while sessions are killed twice and the server restarts."""
    chance = random.Random(11)
    moved: list[int] = []
    failed: list[BaseException] = []
    is_over = asyncio.Event()

    async def move() -> None:
        source, target = chance.sample(ACCOUNTS, 2)
        async with atomic("postgres"):
            locked = q(Country).using("postgres").filter(code__in=[source, target]).order_by("code")
            accounts = {account.code: account for account in await locked.select_for_update().run()}
            amount = chance.randrange(1, 10)
            accounts[source].population = (accounts[source].population or 0) - amount
            accounts[target].population = (accounts[target].population or 0) + amount
            await accounts[source].asave(using="postgres")
            await accounts[target].asave(using="postgres")

    async def work() -> None:
        while not is_over.is_set():
            try:
                await move()
                moved.append(1)
            except Exception as error:  # noqa: BLE001  # looked at below
                failed.append(error)
                await asyncio.sleep(0.02)

    async def moves(count: int) -> None:
        """Wait for so many more successful moves, which shows that everything works again."""
        wanted = len(moved) + count
        while len(moved) < wanted:  # noqa: ASYNC110  # any of twenty tasks may be the one that counts
            await asyncio.sleep(0.01)

    async def main() -> None:
        await adj.run_sync(
            Country.objects.using("postgres").bulk_create,
            [Country(code=code, name=code, population=1_000) for code in ACCOUNTS],
        )
        tasks = [asyncio.create_task(work()) for _ in range(20)]
        async with asyncio.timeout(60):
            for _ in range(2):
                await moves(50)
                assert await elsewhere(end_all_sessions)
            await moves(50)
            await asyncio.to_thread(restart, own_server)
            await moves(50)
            is_over.set()
            await asyncio.gather(*tasks)
        accounts = await q(Country).using("postgres").filter(code__in=ACCOUNTS).run()
        assert sum(account.population or 0 for account in accounts) == 1_000 * len(ACCOUNTS)

    run(main())
    strange = [error for error in failed if not isinstance(error, DatabaseError)]
    assert not strange, strange[:3]
    assert failed, "nothing was disturbed"


def resident_pages() -> int:
    """How many pages of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from Linux's /proc")
def test_memory_stays_flat(native: Place) -> None:
    """Fifty tasks ask many queries, over ten connections at most."""

    async def ask(count: int) -> None:
        for number in range(count):
            books = q(Book).using(native.alias).filter(pages__gt=number % 50).select_related("author")
            assert await books.order_by("pk")[:3].run()

    async def main() -> int:
        await asyncio.gather(*(ask(QUERIES // 250) for _ in range(50)))
        gc.collect()
        before = resident_pages()
        await asyncio.gather(*(ask(QUERIES // 50) for _ in range(50)))
        gc.collect()
        assert (await native_engine()).stats().size <= 10
        return resident_pages() - before

    start = time.perf_counter()
    grown = run(main()) * os.sysconf("SC_PAGE_SIZE") / 2**20
    print(f"{QUERIES} queries in {time.perf_counter() - start:.0f} s, memory grew by {grown:.1f} MiB")
    assert grown < 4
