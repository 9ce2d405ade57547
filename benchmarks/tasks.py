"""What is measured: nine tasks, each by the name of the method that a contender has for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.data import AUTHORS, BOOKS

MANY: Final = 1_000
PAGE: Final = 20
JOINED: Final = 200
PREFETCHED: Final = 100
CONCURRENT: Final = 50
COLUMNS: Final = ("id", "title", "pages", "in_print", "published", "price")


@dataclass(frozen=True, slots=True)
class Task:
    """A task; one sample repeats it `times` times, each time with other values."""

    method: str
    title: str
    times: int


TASKS: Final = (
    Task("one", "`aget(pk=...)`", 200),
    Task("instances", f"{MANY:,} instances", 8),
    Task("dicts", f"{MANY:,} dicts of `values()`", 10),
    Task("tuples", f"{MANY:,} tuples of `values_list()`", 10),
    Task("page", f"filter by 3 conditions, order, slice of {PAGE}", 60),
    Task("related", f"{JOINED} instances, `select_related()` of 2 levels", 15),
    Task("prefetched", f"{PREFETCHED} instances, `prefetch_related()` of 3 tags each", 15),
    Task("count", "`acount()` of a filter", 100),
    Task("concurrent", f"{CONCURRENT} queries of 10 rows in a `gather()`", 3),
)


def key(number: int) -> int:
    """The book that repetition `number` asks for."""
    return 1 + number * 37 % BOOKS


def author(number: int) -> int:
    """The author that repetition `number` asks for."""
    return 1 + number * 13 % AUTHORS


def pages(number: int) -> int:
    """The number of pages that repetition `number` asks for."""
    return 200 + number % 50
