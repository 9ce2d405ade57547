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
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Lower

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
    from adj.compiler.checks import validate
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
    lengths = [*range(1, 1_000, 3), 1_000, 3_000, 10_000, 30_000, 60_000]

    def of_lengths(rows: Any) -> Iterator[Any]:
        return (rows.filter(pk__in=range(length)) for length in lengths)

    yield from _filled("IN lists of 1 to 60,000 members", of_lengths)


def hostile_shapes() -> Iterator[str]:
    """As many query structures as the cache has entries, each with many conditions."""

    def shape(rows: Any, number: int) -> Any:
        conditions = [("pages__gt" if number >> bit & 1 else "pages__lt", bit) for bit in range(10)] * 3
        return rows.filter(Q(*conditions, _connector="OR"))

    yield from _filled(
        "1,024 structures of 30 conditions", lambda rows: (shape(rows, number) for number in range(1_024))
    )


def _filled(title: str, queries: Callable[[Any], Iterator[Any]]) -> Iterator[str]:
    from adj import plan_cache, q
    from benchmarks.models import Book

    before = _resident()
    for queryset in queries(Book.objects.all()):
        _django_sql(queryset)
    djangos = _resident() - before
    plan_cache.clear()
    before = _resident()
    for query in queries(q(Book)):
        _adj_sql(query)
    ours = _resident() - before
    stats = plan_cache.stats()
    yield f"| {title} | Django | adj |"
    yield "| --- | ---: | ---: |"
    yield f"| plans kept | | {stats.size:,} |"
    yield f"| compiled for one run | all | {stats.uncacheable:,} |"
    yield f"| bytes of plans, estimated | | {_mib(stats.bytes)} |"
    yield f"| growth of the process | {_mib(djangos)} | {_mib(ours)} |"


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _resident() -> int:
    """The memory of the process, in bytes."""
    gc.collect()
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1_024 for line in status if line.startswith("VmRSS"))


# -- depth -------------------------------------------------------------------------------------------------------------


def depths() -> Iterator[str]:
    """How deep a query may be nested before it cannot be compiled."""
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


def _negations(rows: Any, depth: int) -> Any:
    condition = Q(pages=0)
    for number in range(depth):
        condition = ~Q(condition, pages__gt=number)
    return rows.filter(condition)


def _operators(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for number in range(depth):
        query = query | rows.filter(pages=number) if number % 2 else query & rows.filter(pages=-number)
    return query


def _operators_from_the_right(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for number in range(depth):
        query = rows.filter(pages=number) | query if number % 2 else rows.filter(pages=-number) & query
    return query


def _arithmetic(rows: Any, depth: int) -> Any:
    expression: Any = F("pages")
    for _ in range(depth):
        expression += 1
    return rows.annotate(x=expression)


def _functions(rows: Any, depth: int) -> Any:
    expression: Any = F("title")
    for _ in range(depth):
        expression = Lower(expression)
    return rows.annotate(x=expression)


def _cases(rows: Any, depth: int) -> Any:
    expression: Any = Value(0)
    for number in range(depth):
        expression = Case(When(pages=number, then=Value(number)), default=expression)
    return rows.annotate(x=expression)


def _subqueries(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for _ in range(depth):
        query = rows.filter(pk__in=query)
    return query


def _exists(rows: Any, depth: int) -> Any:
    query = rows.filter(pages=0)
    for _ in range(depth):
        query = rows.filter(Exists(query.filter(pk=OuterRef("pk"))))
    return query


NESTED = {
    "`&` and <code>&#124;</code> of `Q`": _conditions,
    "`~` of `Q`": _negations,
    "`&` and <code>&#124;</code> of queries": _operators,
    "`&` and <code>&#124;</code> of queries, to the right": _operators_from_the_right,
    "arithmetic": _arithmetic,
    "functions": _functions,
    "`Case`": _cases,
    "subqueries": _subqueries,
    "`Exists`": _exists,
}


def _django_sql(queryset: Any) -> object:
    return queryset.query.get_compiler("default").as_sql()


def _adj_sql(query: Any) -> object:
    from adj.compiler.django.dialect import dialect_for
    from adj.compiler.plans.prepare import prepare
    from adj.compiler.plans.prepared import DjangoPath, Execution
    from adj.statement.statement import ROWS

    prepared = prepare(Execution(query.statement, query.structure, ROWS), dialect_for("default"))
    return _django_sql(prepared.source) if isinstance(prepared, DjangoPath) else prepared


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
