"""`python -m benchmarks.writing`: loading many rows, and one update, on a real PostgreSQL.

`acopy()` beside `abulk_create()` and psycopg's own COPY, with the memory that each takes at most; then `aupdate()`
beside bare psycopg and Django's. The server is the one that the tests use.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import gc
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.bare import bare_connection
from benchmarks.native import README, compared
from benchmarks.page import write_table
from benchmarks.project import set_up_postgresql
from tests.servers import Server, postgresql_server, temporary_database

BEGIN: Final = "<!-- the writing tables: written by `python -m benchmarks.writing --write` -->\n"
END: Final = "<!-- end of the writing tables -->\n"
UPDATES: Final = 200
"""How often one sample updates a row."""
STATM: Final = Path("/proc/self/statm")
NAMES: Final = ("title", "pages", "in_print", "published", "price", "details", "author_id")
MOMENT: Final = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)

Row: TypeAlias = tuple[Any, ...]
Load: TypeAlias = Callable[[int], Awaitable[object]]


def main() -> None:
    """Measure, print the tables, and write them if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writing", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, metavar="N", help="rows to load (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of updates (default: 5)")
    parser.add_argument("--write", action="store_true", help="write the tables into benchmarks/README.md")
    options = parser.parse_args()
    with postgresql_server() as server, temporary_database(server) as name:
        set_up_postgresql(server.django_database(name))
        # After the settings are there: it imports models.
        from benchmarks import data

        data.create()
        table = asyncio.run(measure(server, name, options.rows, options.rounds))
    print(table)
    if options.write:
        write_table(README, table, BEGIN, END)


async def measure(server: Server, name: str, rows: int, rounds: int) -> str:
    """Both tables of one run."""
    async with bare_connection(server, name) as connection:
        return f"{await loading(connection, rows)}\n\n{await updating(connection, rounds)}"


# -- loading -----------------------------------------------------------------------------------------------------------


async def loading(connection: Any, rows: int) -> str:
    """The table of what loads rows: rows a second, and how far the process has grown meanwhile."""
    # The books that are there have brought their own keys.
    await connection.execute("SELECT setval(pg_get_serial_sequence('book', 'id'), (SELECT max(id) FROM book))")
    lines = [f"| {rows:,} rows | rows a second | CPU, µs a row | growth |", "| --- | ---: | ---: | ---: |"]
    for title, load in loaders(connection).items():
        await load(100)
        gc.collect()
        before, wall, cpu = resident(), time.perf_counter(), time.process_time()
        peak = asyncio.create_task(highest_resident())
        await load(rows)
        peak.cancel()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        grown = max(0.0, await peak - before)
        lines.append(f"| {title} | {rows / wall:,.0f} | {cpu / rows * 1e6:.1f} | {grown:.0f} MB |")
        await connection.execute("DELETE FROM book WHERE title LIKE 'new%'")
    return "\n".join(lines)


def loaders(connection: Any) -> dict[str, Load]:
    """What loads so many rows, by name."""
    from psycopg.types.json import Jsonb

    from adj import q
    from benchmarks.models import Book

    async def bare(count: int) -> None:
        statement = f"COPY book ({', '.join(NAMES)}) FROM STDIN"
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for title, pages, in_print, published, price, details, author in values(count):
                await copy.write_row((title, pages, in_print, published, price, Jsonb(details), author))

    async def sequences(count: int) -> None:
        await q(Book).acopy(values(count), NAMES)

    async def instances(count: int) -> None:
        await q(Book).acopy(books(count))

    async def bulk(count: int) -> None:
        source = books(count)
        while batch := list(islice(source, 2_000)):
            await q(Book).abulk_create(batch)

    def books(count: int) -> Iterator[Book]:
        return (Book(**dict(zip(NAMES, row, strict=True))) for row in values(count))

    return {
        "psycopg, COPY of tuples": bare,
        "`acopy()` of tuples": sequences,
        "`acopy()` of instances": instances,
        "`abulk_create()`, 2,000 at a time": bulk,
    }


def values(count: int) -> Iterator[Row]:
    """The rows to load."""
    for number in range(count):
        yield f"new {number}", number % 500, number % 2 == 0, MOMENT, "9.90", {"n": number}, number % 500 + 1


def resident() -> float:
    """The memory of this process, in megabytes."""
    return int(STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


async def highest_resident() -> float:
    """The most memory that there was until this task is cancelled."""
    highest = resident()
    try:
        while True:
            await asyncio.sleep(0.01)
            highest = max(highest, resident())
    except asyncio.CancelledError:
        return max(highest, resident())


# -- updating ----------------------------------------------------------------------------------------------------------


async def updating(connection: Any, rounds: int) -> str:
    """The table of what updates one row."""
    from adj import q
    from benchmarks.models import Book
    from benchmarks.tasks import key

    async def bare(number: int) -> object:
        return await connection.execute('UPDATE "book" SET "pages" = %s WHERE "book"."id" = %s', (number, key(number)))

    async def ours(number: int) -> object:
        return await q(Book).filter(pk=key(number)).aupdate(pages=number)

    async def django(number: int) -> object:
        return await Book.objects.filter(pk=key(number)).aupdate(pages=number)

    contenders = {"psycopg": bare, "adj": ours, "Django async": django}
    samples = await compared(contenders, UPDATES, rounds)
    lines = ["| one `aupdate()` by its key | wall | CPU | CPU, of Django's |", "| --- | ---: | ---: | ---: |"]
    reference = median(cpu for _, cpu in samples["Django async"])
    for title, found in samples.items():
        wall, cpu = (median(column) for column in zip(*found, strict=True))
        lines.append(f"| {title} | {wall * 1e6:.0f} µs | {cpu * 1e6:.0f} µs | {cpu / reference:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
