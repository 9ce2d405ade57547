"""`manage.py demo`: load the data, run the tour, compare with Django. `python -m adj demo` runs this command."""

from __future__ import annotations

import asyncio
from typing import Final

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from rich.console import Console
from rich.progress import track

from adj import close, plan_cache
from tour import report, statements
from tour.example import Question
from tour.examples import TOUR
from tour.measure import Visit, race, visit

RUNS: Final = 15


class Command(BaseCommand):
    """Run the tour, from an empty database to the final table."""

    help = "Load the GeoNames data and run typed queries on it, each beside Django's own async ORM."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare `--rows` and `--runs`."""
        parser.add_argument("--rows", type=int, metavar="N", help="load only the N most populous cities")
        parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"measure N times (default {RUNS})")

    def handle(self, *, rows: int | None, runs: int, **_options: object) -> None:
        """Prepare the database in synchronous code, like Django's commands, then run the tour in one event loop."""
        if runs < 1:
            raise CommandError(f"--runs counts measurements: give 1 or more, not {runs}.")
        console = Console()
        report.heading(console, "The data")
        call_command("migrate", verbosity=0)
        call_command("load_geonames", rows=rows)
        connections.close_all()
        console.print()
        statements.install()
        visits = asyncio.run(take(console, runs))
        if wrong := [visit.question.title for visit in visits if not visit.agrees]:
            raise CommandError(f"adj and Django return different rows: {'; '.join(wrong)}.")


async def take(console: Console, runs: int) -> list[Visit]:
    """Run the whole tour, and return the visits for the final table."""
    try:
        visits = [await visit_aloud(console, number, question) for number, question in enumerate(TOUR, start=1)]
        progress = track(TOUR, "Measuring", console=console, transient=True, disable=not console.is_terminal)
        report.print_races(console, [await race(question, runs) for question in progress], runs)
        report.print_cache(console, plan_cache.stats())
        return visits
    finally:
        await close()
        # Django's own async ORM keeps a connection on the thread that it runs on.
        await sync_to_async(connections.close_all)()


async def visit_aloud(console: Console, number: int, question: Question) -> Visit:
    """Run an example and print it."""
    visited = await visit(question)
    report.print_visit(console, number, visited)
    return visited
