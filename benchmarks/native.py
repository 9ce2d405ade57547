"""`python -m benchmarks.native`: the native engine beside bare psycopg and Django's async ORM, on a real PostgreSQL.

One run measures all three in turn, wall time and the client's CPU time, first on asyncio's own event loop, then on
uvloop's where it is installed (`adj[bench]` brings it). The server is the one that the tests use.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.bare import bare_connection
from benchmarks.page import write_table
from benchmarks.project import set_up_postgresql
from tests.servers import Server, postgresql_server, temporary_database

README: Final = Path(__file__).with_name("README.md")
BEGIN: Final = "<!-- the native table: written by `python -m benchmarks.native --write` -->\n"
END: Final = "<!-- end of the native table -->\n"
TIMES: Final[Mapping[str, int]] = {"`aget(pk=...)`": 200, "100 instances, `prefetch_related()` of 3 tags each": 20}
"""How often one sample repeats its query, for each task."""

CONTENDERS: Final = ("psycopg", "adj", "Django async")

Ask: TypeAlias = Callable[[int], Awaitable[object]]
Seconds: TypeAlias = tuple[float, float]
"""Wall time, and CPU time of this process."""


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.native", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="how many rounds (default: 15)")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    options = parser.parse_args()
    with postgresql_server() as server, temporary_database(server) as name:
        set_up_postgresql(server.django_database(name))
        table = compare(server, name, options.rounds)
    print(table)
    if options.write:
        write_table(README, table, BEGIN, END)


def compare(server: Server, name: str, rounds: int) -> str:
    """The table of one run."""
    # After the settings are there: it imports models.
    from benchmarks import data

    data.create()
    lines = ["| | psycopg, tuples | adj | Django async |", "| --- | ---: | ---: | ---: |"]
    for loop, factory in loop_factories().items():
        with asyncio.Runner(loop_factory=factory) as runner:
            for task, samples in runner.run(measure(server, name, rounds)).items():
                lines += rows(f"{task}, {loop}", samples)
    versions = ("psycopg", "Django", *(["uvloop"] if find_spec("uvloop") else []))
    known = ", ".join(f"{package} {version(package)}" for package in versions)
    made_with = f"Python {platform.python_version()}, {known}, PostgreSQL {server.version // 10_000}"
    return "\n".join([*lines, "", f"{made_with}, {platform.machine()}; {rounds} rounds."])


def loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops to measure on."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if find_spec("uvloop"):
        import uvloop  # only where it is installed

        factories["uvloop"] = uvloop.new_event_loop
    return factories


async def measure(server: Server, name: str, rounds: int) -> Mapping[str, Mapping[str, list[Seconds]]]:
    """The seconds of one query, for each task, contender and round."""
    async with bare_connection(server, name) as connection:
        tasks = zip(TIMES.items(), (await one_by_key(connection), prefetched()), strict=True)
        return {task: await compared(contenders, times, rounds) for (task, times), contenders in tasks}


async def one_by_key(connection: Any) -> Mapping[str, Ask]:
    """One row by its key."""
    from adj import q
    from benchmarks.models import Book
    from benchmarks.tasks import key

    async def bare(number: int) -> object:
        cursor = await connection.execute(statement, (key(number),))
        return await cursor.fetchall()

    async def native(number: int) -> object:
        return await q(Book).aget(pk=key(number))

    async def django(number: int) -> object:
        return await Book.objects.aget(pk=key(number))

    await native(1)
    # What `aget()` sends: it asks for one row more than 20, to say how many there are.
    statement: Any = q(Book).filter(pk=1)[:21].sql().sql
    return {"psycopg": bare, "adj": native, "Django async": django}


def prefetched() -> Mapping[str, Ask]:
    """Books, and the tags of each."""
    # It asks by `q()`; which engine that is, the settings say.
    from benchmarks.contenders.adj_threads import AdjThreads
    from benchmarks.contenders.django_async import DjangoAsync

    return {"adj": AdjThreads().prefetched, "Django async": DjangoAsync().prefetched}


async def compared(contenders: Mapping[str, Ask], times: int, rounds: int) -> Mapping[str, list[Seconds]]:
    """The seconds of one query, for each contender and each round."""
    samples: dict[str, list[Seconds]] = {title: [] for title in contenders}
    for ask in contenders.values():
        await sample(ask, times)
    for _ in range(rounds):
        for title, ask in contenders.items():
            samples[title].append(await sample(ask, times))
    return samples


async def sample(ask: Ask, times: int) -> Seconds:
    """The seconds that one query takes, of many."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(times):
        await ask(number)
    return (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times


def rows(title: str, samples: Mapping[str, list[Seconds]]) -> list[str]:
    """Two rows of the table: wall time and CPU time, each with its share of the last contender's."""
    lines = []
    for index, kind in enumerate(("wall", "CPU")):
        columns = {name: [seconds[index] for seconds in found] for name, found in samples.items()}
        reference = columns["Django async"]
        cells = [
            f"{median(column) * 1e6:.0f} µs, {median(a / b for a, b in zip(column, reference, strict=True)):.0%}"
            if (column := columns.get(name))
            else ""
            for name in CONTENDERS
        ]
        lines.append(f"| {title}, {kind} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
