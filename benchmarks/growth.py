"""`python -m benchmarks.growth`: what grows with a query, beside Django: time to build, bytes of plans, depth.

CPU time of this process, the best of some rounds; no query runs.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import F, Q

from benchmarks.project import set_up


def main() -> None:
    """Measure everything, and print it as tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how many samples of each time (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adj-benchmarks-") as directory:
        set_up(Path(directory) / "library.sqlite3")
        for table in (building(options.rounds), lists(), hostile_shapes(), depths()):
            for line in table:
                print(line, flush=True)
            print()


# -- building ----------------------------------------------------------------------------------------------------------


def building(rounds: int) -> Iterator[str]:
    """Chains of one query method, cold (no shape is known) and warm."""
    # Only after set_up(): these import models.
    from adj import q
    from adj.compiler import validate
    from benchmarks.models import Book

    def cold(build: Callable[[], object]) -> Callable[[], object]:
        def forget_and_build() -> object:
            validate._seen.clear()  # noqa: SLF001  # what a new process does not know yet
            return build()

        return forget_and_build

    yield "| built | Django | adj, cold | adj, warm |"
    yield "| --- | ---: | ---: | ---: |"
    for length in (100, 300, 1_000):
        django = _best(rounds, partial(_filtered, Book.objects.all(), length))
        first = _best(rounds, cold(partial(_filtered, q(Book), length)))
        again = _best(rounds, partial(_filtered, q(Book), length))
        yield f"| {length:,} chained filters | {_ms(django)} | {_share(first, django)} | {_share(again, django)} |"

    django = _best(rounds, partial(_annotated, Book.objects.all()))
    found = _best(rounds, partial(_annotated, q(Book)))
    yield f"| 300 annotations, the last one unknown | {_ms(django)} | {_share(found, django)} | |"


def _annotated(rows: Any) -> None:
    names = {f"n{number}": F("pages") for number in range(300)}
    with suppress(FieldError):
        rows.annotate(**names, last=F("no_such_name"))


def _filtered(rows: Any, length: int) -> Any:
    for number in range(length):
        rows = rows.filter(pages__gt=number)
    return rows


# -- memory ------------------------------------------------------------------------------------------------------------


def lists() -> Iterator[str]:
    """A cache filled with queries for lists of 1 to 60,000 members."""
    from adj import q
    from benchmarks.models import Book

    lengths = [*range(1, 1_000, 3), 1_000, 3_000, 10_000, 30_000, 60_000]
    yield from _filled("IN lists of 1 to 60,000 members", (q(Book).filter(pk__in=range(length)) for length in lengths))


def hostile_shapes() -> Iterator[str]:
    """As many shapes as the cache has places, each with many conditions."""
    from adj import q
    from benchmarks.models import Book

    def shape(number: int) -> Any:
        conditions = [("pages__gt" if number >> bit & 1 else "pages__lt", bit) for bit in range(10)] * 3
        return q(Book).filter(Q(*conditions, _connector="OR"))

    yield from _filled("1,024 shapes of 30 conditions", (shape(number) for number in range(1_024)))


def _filled(title: str, queries: Any) -> Iterator[str]:
    from adj import plan_cache
    from adj.compiler.dialect import dialect_for
    from adj.compiler.prepare import Question, prepare
    from adj.engines.calls import read_facts
    from adj.statement import ROWS

    dialect = dialect_for("default", read_facts("default"))
    plan_cache.clear()
    before = _resident()
    for query in queries:
        prepare(Question(query.statement, query.structure, ROWS), dialect)
    del queries, query
    stats = plan_cache.stats()
    yield f"| {title} | |"
    yield "| --- | ---: |"
    yield f"| plans kept | {stats.size:,} |"
    yield f"| compiled for one run | {stats.uncacheable:,} |"
    yield f"| bytes of plans, estimated | {stats.bytes / 2**20:.1f} MiB |"
    yield f"| growth of the process | {(_resident() - before) / 2**20:.1f} MiB |"


def _resident() -> int:
    """The memory of the process, in bytes."""
    gc.collect()
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1_024 for line in status if line.startswith("VmRSS"))


# -- depth -------------------------------------------------------------------------------------------------------------


def depths() -> Iterator[str]:
    """How deep a query may be nested before there is no SQL."""
    from adj import q
    from benchmarks.models import Book

    yield "| nesting, levels | Django | adj |"
    yield "| --- | ---: | ---: |"
    for title, build in NESTED.items():
        django = _deepest(build, Book.objects.all(), _django_sql)
        found = _deepest(build, q(Book), _adj_sql)
        yield f"| {title} | {django} | {found} |"


def _conditions(rows: Any, depth: int) -> Any:
    condition = Q(pages=0)
    for number in range(depth):
        condition = Q(pages=number) | condition if number % 2 else Q(pages=-number) & condition
    return rows.filter(condition)


def _operators(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for number in range(depth):
        query = query | rows.filter(pages=number) if number % 2 else query & rows.filter(pages=-number)
    return query


def _arithmetic(rows: Any, depth: int) -> Any:
    expression: Any = F("pages")
    for _ in range(depth):
        expression += 1
    return rows.annotate(x=expression)


def _subqueries(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for _ in range(depth):
        query = rows.filter(pk__in=query)
    return query


NESTED = {
    "`Q`": _conditions,
    "`&` and `|` of queries": _operators,
    "arithmetic": _arithmetic,
    "subqueries": _subqueries,
}


def _django_sql(queryset: Any) -> object:
    return queryset.query.get_compiler("default").as_sql()


def _adj_sql(query: Any) -> object:
    from adj.compiler.dialect import dialect_for
    from adj.compiler.prepare import Foreign, Question, prepare
    from adj.statement import ROWS

    prepared = prepare(Question(query.statement, query.structure, ROWS), dialect_for("default"))
    return _django_sql(prepared.source) if isinstance(prepared, Foreign) else prepared


def _deepest(build: Callable[[Any, int], Any], rows: Any, sql_of: Callable[[Any], object]) -> int:
    low, high = 0, 600
    while high - low > 1:
        middle = (low + high) // 2
        try:
            sql_of(build(rows, middle))
            low = middle
        except RecursionError:
            high = middle
    return low


# -- numbers -----------------------------------------------------------------------------------------------------------


def _best(rounds: int, work: Callable[[], object]) -> float:
    """The least CPU time, in seconds."""
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def _share(seconds: float, whole: float) -> str:
    return f"{_ms(seconds)}, {seconds / whole:.1f} x"


if __name__ == "__main__":
    main()
