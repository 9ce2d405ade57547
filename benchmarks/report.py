"""The results as a table for a terminal, and the same table in Markdown."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Result

BEGIN: Final = "<!-- the table: written by `python -m benchmarks --write` -->\n"
END: Final = "<!-- end of the table -->\n"


def print_table(console: Console, results: Sequence[Result]) -> None:
    """Print the table."""
    header, *rows = _rows(results)
    table = Table()
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index else "left")
    for row in rows:
        table.add_row(*(cell.replace("`", "") for cell in row))
    console.print(table)


def markdown(results: Sequence[Result], rounds: int) -> str:
    """The table and what it was measured with."""
    header, *rows = _rows(results)
    ruler = ["---", *["---:"] * (len(header) - 1)]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows))
    return f"{lines}\n\n{measured_with(rounds)}"


def measured_with(rounds: int) -> str:
    """The versions, so that a table still says what it is about when it is copied."""
    versions = (
        f"Python {platform.python_version()}",
        f"Django {version('Django')}",
        f"SQLite {sqlite3.sqlite_version}",
        platform.machine(),
    )
    return f"{', '.join(versions)}; {rounds} rounds."


def _rows(results: Sequence[Result]) -> list[list[str]]:
    """The header, and for each task the first contender's time, then the others' times and their shares of it."""
    names = list(results[0].samples)
    header = ["CPU time", *names]
    return [header, *([result.task.title, *_cells(result, names)] for result in results)]


def _cells(result: Result, names: Sequence[str]) -> list[str]:
    first, *others = names
    shares = [f"{_time(result.seconds(name))}, {result.ratio(name):.0%}" for name in others]
    return [_time(result.seconds(first)), *shares]


def _time(seconds: float) -> str:
    return f"{seconds * 1_000:.2f} ms" if seconds >= 0.001 else f"{seconds * 1_000_000:.0f} µs"
