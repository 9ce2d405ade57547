"""Print the tour: each example with its code, SQL and rows, and the final table."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import geometric_mean
from typing import Final

import django
import sqlparse
from django.db import connection
from rich import box
from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from adj import CacheStats
from tour.example import Row
from tour.measure import Asked, CacheUse, Race, Visit
from tour.statements import Statement

SHOWN_ROWS: Final = 8


def print_visit(console: Console, number: int, visit: Visit) -> None:
    """One example: its code, the SQL that was sent, the rows that were returned, and the time."""
    heading(console, f"{number}. {visit.question.title}")
    show(console, Text.assemble((visit.question.type, "cyan"), "  ", (visit.question.shows, "italic")))
    show(console, highlighted(visit.question.code, "python"))
    for sql, executions in by_sql(visit.statements).items():
        show(console, highlighted(f"{layout(sql, console.width)}\n{parameters(executions)}", "sql"))
    show(console, answer_table(visit.question.columns, visit.second.answer.rows))
    show(console, Group(timing("First run", visit.first), timing("Again", visit.second), verdict(visit)))


def print_races(console: Console, races: Sequence[Race], runs: int) -> None:
    """The final table: the time of each example with both ORMs."""
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("#", justify="right")
    table.add_column("Query", footer="Geometric mean of the ratios")
    table.add_column("adj", justify="right", no_wrap=True)
    table.add_column("Django", justify="right", no_wrap=True)
    table.add_column("Ratio", justify="right", no_wrap=True, footer=times(geometric_mean(r.ratio for r in races)))
    for number, race in enumerate(races, start=1):
        cells = milliseconds(race.adj), milliseconds(race.django), times(race.ratio)
        table.add_row(str(number), race.question.title, *cells)
    heading(console, "adj beside Django's own async ORM")
    console.print(table)
    method = f"Median of {runs} runs each, taken in turn. Ratio: Django's time divided by adj's."
    show(console, Text(f"{method} {versions()}."))


def print_cache(console: Console, stats: CacheStats) -> None:
    """The figures of the plan cache for the whole tour."""
    found = f"{stats.hits:,} hits, {stats.misses:,} misses"
    others = f"{stats.refusals:,} refused, {stats.uncacheable:,} uncacheable"
    show(console, Text(f"Plan cache: {stats.size:,} of at most {stats.maximum:,} plans; {found}, {others}."))


def heading(console: Console, title: str) -> None:
    """Print a title on a line across the page."""
    console.rule(Text(title, style="bold"), align="left")


def show(console: Console, part: RenderableType) -> None:
    """Print a part with an empty line below."""
    console.print(part)
    console.print()


def highlighted(code: str, language: str) -> Text:
    """Code in the terminal's colors. Unlike `Syntax`, text wraps without padding its lines with blanks."""
    text = Syntax(code, language, theme="ansi_dark", background_color="default").highlight(code)
    text.rstrip()
    text.no_wrap = False
    return text


def layout(sql: str, width: int) -> str:
    """SQL with a line for each clause; long clauses continue on indented lines."""
    clauses = sqlparse.format(sql, reindent=True, wrap_after=len(sql), indent_width=2)
    return "\n".join(line for clause in clauses.splitlines() for line in folded(clause, width) if clause.strip())


def folded(clause: str, width: int) -> Iterator[str]:
    """A clause as lines that fit; the condition of a long join is on the next line."""
    indent = " " * (len(clause) - len(clause.lstrip()) + 4)
    parts = [clause] if len(clause) <= width else clause.replace(" ON (", f"\n{indent}ON (").splitlines()
    for part in parts:
        yield from (
            textwrap.wrap(part, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
            if len(part) > width
            else [part]
        )


def by_sql(statements: Iterable[Statement]) -> Mapping[str, list[Statement]]:
    """The executions of each distinct SQL text, in order."""
    grouped: dict[str, list[Statement]] = {}
    for statement in statements:
        grouped.setdefault(statement.sql, []).append(statement)
    return grouped


def parameters(executions: Sequence[Statement]) -> str:
    """The parameters as a comment, in one pair of brackets for each execution."""
    each = [", ".join(map(repr, execution.params)) for execution in executions]
    if len(each) == 1:
        return f"-- parameters: {each[0] or 'none'}"
    return f"-- {len(each)} times, with the parameters {' '.join(f'({one})' for one in each)}"


def answer_table(columns: Sequence[str], rows: Sequence[Row]) -> RenderableType:
    """The first rows of a result as a table; numbers are aligned right."""
    table = Table(box=box.ROUNDED, header_style="bold")
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*map(cell, row))
    hidden = len(rows) - SHOWN_ROWS
    return Group(table, Text(f"and {hidden} more", style="dim")) if hidden > 0 else table


def cell(value: object) -> Text:
    """A value, formatted for readers."""
    match value:
        case None:
            return Text("none", style="dim")
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}")
        case float():
            return Text(f"{value:,.2f}")
        case _:
            return Text(str(value))


def timing(when: str, asked: Asked) -> Text:
    """The time of one run, and whether its plans came from the cache."""
    sources = Text(", ").join(origin(asked.cache))
    return Text.assemble(f"{when:<9} ", (f"{milliseconds(asked.answer.seconds):>10}", "bold"), "  ", sources)


def origin(cache: CacheUse) -> Iterable[Text]:
    """The hits and misses of the plan cache, in different colors."""
    if not (cache.hits or cache.misses or cache.others):
        yield Text("hand-written SQL: needs no plan", style="cyan")
    for count, name, style in (
        (cache.misses, "cache miss: plan built", "yellow"),
        (cache.hits, "cache hit: plan reused", "green"),
        (cache.others, "compiled without the cache", "magenta"),
    ):
        if count:
            yield Text(f"{name}, {count} times" if count > 1 else name, style=style)


def verdict(visit: Visit) -> Text:
    """Django's time, and whether its rows are the same."""
    word = ("the same rows", "green") if visit.agrees else ("DIFFERENT ROWS", "bold red")
    return Text.assemble(f"{'Django':<9} ", f"{milliseconds(visit.django.seconds):>10}", "  ", word)


def milliseconds(seconds: float) -> str:
    """A time as text."""
    return f"{seconds * 1_000:,.2f} ms"


def times(ratio: float) -> str:
    """A ratio as text."""
    return f"{ratio:.2f}x"


def versions() -> str:
    """The versions and the machine, so that a pasted table includes them."""
    return f"Python {platform.python_version()}, Django {django.get_version()}, {connection.display_name}"
