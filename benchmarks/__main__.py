"""`python -m benchmarks`: measure, print the table, and write it into `benchmarks/README.md` if asked to."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.page import write_table
from benchmarks.project import set_up

README: Final = Path(__file__).with_name("README.md")
ROUNDS: Final = 25


def main() -> None:
    """Run the benchmarks on a database of their own."""
    options = build_parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="adj-benchmarks-") as directory:
        compare(Path(directory) / "library.sqlite3", options)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"how many rounds (default: {ROUNDS})")
    parser.add_argument("--only", metavar="TASK", help="one task, by the name of its method in benchmarks/tasks.py")
    parser.add_argument("--no-peers", action="store_true", help="leave out SQLAlchemy and Tortoise ORM")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    return parser


def compare(database: Path, options: argparse.Namespace) -> None:
    """Measure in this process, one contender after another."""
    set_up(database)
    # After the settings are there: these import models.
    from rich.console import Console

    from benchmarks import data, measure, report
    from benchmarks.contenders import contenders
    from benchmarks.tasks import TASKS

    tasks = [task for task in TASKS if options.only in {None, task.method}]
    if not tasks:
        raise SystemExit(f"no task is called {options.only}: choose one of {', '.join(task.method for task in TASKS)}")
    data.create()
    taking_part = contenders(with_peers=not options.no_peers)
    results = asyncio.run(measure.run(taking_part, tasks, options.rounds, database))
    console = Console()
    report.print_table(console, results)
    console.print(report.measured_with(options.rounds))
    if options.write:
        write_table(README, report.markdown(results, options.rounds), report.BEGIN, report.END)


if __name__ == "__main__":
    main()
