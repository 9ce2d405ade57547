"""`python -m benchmarks.load`: an ASGI application under load, with `NativeMiddleware` and as Django runs it.

uvicorn serves the same views over SQLite to 64 connections at once. Each contender has a separate server; in each
round every view is asked of one after another.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

from benchmarks.page import write_table
from benchmarks.project import set_up
from tests.asgi.serving import Served, served

README: Final = Path(__file__).with_name("README.md")
BEGIN: Final = "<!-- the load table: written by `python -m benchmarks.load --write` -->\n"
END: Final = "<!-- end of the load table -->\n"
CONNECTIONS: Final = 64
VIEWS: Final[Mapping[str, str]] = {
    "one": "one book by its key",
    "page": "a page of 20 with their authors, and the count",
    "change": "one book changed, and read",
}


@dataclass(frozen=True, slots=True)
class Contender:
    """Whose methods the views use, and whether the application is in `NativeMiddleware`."""

    views: str
    is_native: bool


CONTENDERS: Final[Mapping[str, Contender]] = {
    "Django async": Contender("django", is_native=False),
    "Django async in `NativeMiddleware`": Contender("django", is_native=True),
    "`q()` in `NativeMiddleware`": Contender("adj", is_native=True),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """How many requests of one sample have failed, and the requests per second."""

    errors: int
    rate: float


Samples: TypeAlias = Mapping[str, list[Sample]]


def main() -> None:
    """Measure, print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how many rounds (default: 7)")
    parser.add_argument("--requests", type=int, default=640, metavar="N", help="requests of a sample (default: 640)")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adj-") as folder:
        database = Path(folder) / "library.sqlite3"
        set_up(database)
        # After the settings are there: it imports models.
        from benchmarks import data

        data.create()
        table = compare(database, options.rounds, options.requests)
    print(table)
    if options.write:
        write_table(README, table, BEGIN, END)


def compare(database: Path, rounds: int, requests: int) -> str:
    """The table of one run."""
    with ExitStack() as stack:
        servers = {
            title: stack.enter_context(
                served(
                    "benchmarks.served:application",
                    {"database": str(database), "urls": "benchmarks.views", "is_native": contender.is_native},
                )
            )
            for title, contender in CONTENDERS.items()
        }
        found = {view: measure(servers, view, rounds, requests) for view in VIEWS}
    lines = [f"| {CONNECTIONS} connections | {' | '.join(CONTENDERS)} |", "| --- |" + " ---: |" * len(CONTENDERS)]
    lines += [row(VIEWS[view], samples) for view, samples in found.items()]
    known = ", ".join(f"{package} {version(package)}" for package in ("Django", "uvicorn"))
    made_with = f"Python {platform.python_version()}, {known}, {platform.machine()}"
    return "\n".join([*lines, "", f"{made_with}; {rounds} rounds of {requests} requests."])


def measure(servers: Mapping[str, Served], view: str, rounds: int, requests: int) -> Samples:
    """The samples of one view, for each contender."""
    samples: dict[str, list[Sample]] = {title: [] for title in servers}
    for title, server in servers.items():
        sample(server, f"/{CONTENDERS[title].views}/{view}", 2 * CONNECTIONS)
    for _ in range(rounds):
        for title, server in servers.items():
            samples[title].append(sample(server, f"/{CONTENDERS[title].views}/{view}", requests))
    return samples


def sample(server: Served, path: str, requests: int) -> Sample:
    """Ask a view for other rows each time."""
    begun = time.perf_counter()
    answers = server.get([f"{path}/{number}/" for number in range(requests)], CONNECTIONS)
    seconds = time.perf_counter() - begun
    return Sample(sum(answer.status != 200 for answer in answers), requests / seconds)


def row(title: str, samples: Samples) -> str:
    """Errors, requests per second, and how many times as many they are as the first contender's of the same round."""
    reference = next(iter(samples.values()))
    cells = []
    for found in samples.values():
        errors, rate = sum(each.errors for each in found), median(each.rate for each in found)
        ratio = median(each.rate / other.rate for each, other in zip(found, reference, strict=True))
        cells.append(f"{errors} errors, {rate:,.0f}/s, {ratio:.2f} x")
    return f"| {title} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
