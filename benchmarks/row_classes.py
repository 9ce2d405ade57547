"""`python -m benchmarks.row_classes`: rows of `into()`, in each kind of class, beside those of `values()`.

Every round runs each of them once, in turn, on a SQLite file.
The table shows the medians, and the median of the ratios within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypedDict

import attrs
import msgspec
import pydantic

from benchmarks.project import set_up

Run: TypeAlias = Callable[[], Awaitable[list[Any]]]

COLUMNS = ("id", "title", "pages", "in_print", "published", "price", "author__name")
MANY = 1_000


@dataclass
class Dataclass:
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


@dataclass(slots=True)
class SlottedDataclass:
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


@attrs.define
class Attrs:
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


class Dict(TypedDict):
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


class Tuple(NamedTuple):
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


class Struct(msgspec.Struct):
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


class Model(pydantic.BaseModel):
    id: int
    title: str
    pages: int
    in_print: bool
    published: datetime.datetime
    price: Decimal
    author__name: str


CLASSES: Mapping[str, type[Any]] = {
    "dataclass": Dataclass,
    "dataclass with slots": SlottedDataclass,
    "attrs class": Attrs,
    "TypedDict": Dict,
    "NamedTuple": Tuple,
    "msgspec Struct": Struct,
    "pydantic model": Model,
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.row_classes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=64, metavar="N", help="how many rounds (default: 64)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adj-benchmarks-") as directory:
        set_up(Path(directory) / "library.sqlite3")
        samples = asyncio.run(measure(options.rounds))
    print(f"| {MANY:,} rows of {len(COLUMNS)} columns | Time | `values()` = 1 |")
    print("|---|---|---|")
    first = samples["values()"]
    for name, times in samples.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(times, first, strict=True))
        print(f"| {name} | {statistics.median(times) * 1_000:.2f} ms | {ratio:.2f} |")


async def measure(rounds: int) -> dict[str, list[float]]:
    """The times of every kind of row in each round."""
    # After the settings are there: these import models.
    from asgiref.sync import sync_to_async

    import adj
    from adj import q
    from benchmarks import data
    from benchmarks.models import Book

    await sync_to_async(data.create)()
    books = q(Book).order_by("pk")[:MANY]
    runs: dict[str, Run] = {"values()": q(Book).order_by("pk").values(*COLUMNS)[:MANY].run}
    runs |= {name: q(Book).order_by("pk").into(each)[:MANY].run for name, each in CLASSES.items()}
    count = len(await books.run())
    samples: dict[str, list[float]] = {name: [] for name in runs}
    try:
        for _ in range(5):
            for run in runs.values():
                if len(await run()) != count:
                    raise RuntimeError("a class has other rows")
        names = [*runs]
        for number in range(rounds):
            gc.collect()
            # Each is the first as often as the others.
            place = number % len(names)
            for name in (*names[place:], *names[:place]):
                run = runs[name]
                start = time.perf_counter()
                rows = await run()
                samples[name].append(time.perf_counter() - start)
                del rows
    finally:
        await adj.close()
    return samples


if __name__ == "__main__":
    main()
