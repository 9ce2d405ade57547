"""`python -m benchmarks.foreign [--postgres DATABASE]`: CPU of `aget()` on four packages' querysets.

The packages have to be installed, as `nox -s third_party` installs them. One run measures Django and adj in turn: the
ratio is the median over the rounds of adj's CPU time divided by Django's in the same round, all threads included. The
exit status is 1 if a ratio exceeds its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any, Final

TIMES = 150

GOAL: Final = 1.1
"""The greatest ratio: adj leaves these queries to Django, and may add a tenth for the way there and back."""

Ask = Callable[[], Awaitable[Any]]


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foreign", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    parser.add_argument("--postgres", metavar="DATABASE", help="an empty database; SQLite without it")
    parser.add_argument("--engine", default="threads", choices=["threads", "psycopg"])
    options = parser.parse_args()
    if options.postgres:
        os.environ["ADJ_FOREIGN_POSTGRES"] = options.postgres
    from tests.thirdparty.__main__ import set_up

    set_up()
    from django.conf import settings

    settings.ADJ["default"]["engine"] = options.engine
    from tests.thirdparty import data

    data.load()
    measured = asyncio.run(measure(options.rounds))
    for name, ratio, seconds in measured:
        print(f"{name:40} {ratio:5.2f} of Django's {seconds * 1e6:5.0f} µs")
    slow = exceeding(measured)
    if slow:
        print(f"More than {GOAL} of Django's CPU time:", *slow, sep="\n  ")
    return 1 if slow else 0


def exceeding(measured: Sequence[tuple[str, float, float]]) -> list[str]:
    """The querysets whose ratio exceeds the goal, with the ratio."""
    return [f"{name}: {ratio:.3f}" for name, ratio, _ in measured if ratio > GOAL]


async def measure(rounds: int) -> list[tuple[str, float, float]]:
    """For each queryset: its name, the ratio, and Django's seconds."""
    return [(name, *await compare(django, ours, rounds)) for name, (django, ours) in contenders().items()]


async def compare(django: Ask, ours: Ask, rounds: int) -> tuple[float, float]:
    """The ratio of adj to Django, and Django's seconds for one query."""
    if await django() != await ours():
        raise ValueError("the two do not give the same row")
    samples = []
    for number in range(rounds):
        sides = [django, ours] if number % 2 else [ours, django]
        spent = {side: await cpu(side) for side in sides}
        samples.append((spent[ours], spent[django]))
    return median(mine / theirs for mine, theirs in samples), median(theirs for _, theirs in samples)


async def cpu(ask: Ask) -> float:
    """CPU seconds of one query."""
    gc.collect()
    start = time.process_time()
    for _ in range(TIMES):
        await ask()
    return (time.process_time() - start) / TIMES


def contenders() -> dict[str, tuple[Ask, Ask]]:
    """The same row by either."""
    from adj import q
    from tests.thirdparty.models import Document, News, Place, Shape

    return {
        "django-safedelete": (
            lambda: Document.objects.aget(pk=1),
            lambda: q(Document).aget(pk=1),
        ),
        "django-polymorphic": (
            lambda: Shape.objects.aget(pk=1),
            lambda: q(Shape).aget(pk=1),
        ),
        "django-modeltranslation": (
            lambda: News.objects.aget(pk=1),
            lambda: q(News).aget(pk=1),
        ),
        "InheritanceManager": (
            lambda: Place.objects.aget(pk=1),
            lambda: q(Place).aget(pk=1),
        ),
        "django-safedelete, a chain": (
            lambda: Document.objects.filter(pages__gte=0).exclude(name="x").order_by("pk").aget(pk=1),
            lambda: q(Document).filter(pages__gte=0).exclude(name="x").order_by("pk").aget(pk=1),
        ),
    }


if __name__ == "__main__":
    sys.exit(main())
