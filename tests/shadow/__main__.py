"""`python -m tests.shadow [--database sqlite|postgresql] [--subset] [SUITE ...]`: Django's own tests, shadowed by adj.

Runs `tests/runtests.py` of the Django that is installed, while every QuerySet that the tests evaluate is also asked
through adj: as the recorded chain and as `q(queryset)`; cold, hot, and hot after other operands of the same shape. SQL,
parameters and rows are compared. Ends with an error for a difference that is not in `exceptions.py`, and for fewer than
15,000 queries of all suites.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import django

from tests.django_suite.running import Recorder, run_tests
from tests.django_suite.sources import fetch_sources
from tests.servers import postgresql_server, temporary_database
from tests.shadow.exceptions import EXCEPTIONS
from tests.shadow.suites import POSTGRESQL_SUITES, SUBSET, SUITES

SETTINGS = "tests.shadow.settings"
FEWEST_QUERIES = 15_000
FEWEST_HITS = 0.3
"""The share of the comparisons."""


def main() -> int:
    """Run on the databases that are asked for; return the exit status."""
    arguments = _arguments()
    if arguments.database is None:
        # Settings are for a whole process.
        command = [sys.executable, "-m", "tests.shadow", *sys.argv[1:], "--database"]
        return max(subprocess.run([*command, name], check=False).returncode for name in ("sqlite", "postgresql"))
    os.environ |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "RUNNING_DJANGOS_TEST_SUITE": "true"}
    sources = fetch_sources()
    is_whole = not arguments.suites and not arguments.subset
    suites = arguments.suites or _existing(sources, SUBSET if arguments.subset else SUITES)
    if arguments.database == "sqlite":
        print(f"Django {django.__version__} on SQLite")
        return _run(sources, suites, arguments.report, is_whole=is_whole)
    with postgresql_server() as server, temporary_database(server) as name:
        print(f"Django {django.__version__} on {server.origin}, PostgreSQL {server.version // 10_000}")
        os.environ |= {
            "ADJ_SUITE_DATABASE": name,
            "ADJ_SUITE_HOST": server.host,
            "ADJ_SUITE_PORT": str(server.port),
            "ADJ_SUITE_USER": server.user,
            "ADJ_SUITE_PASSWORD": server.password,
        }
        suites = [*suites, *POSTGRESQL_SUITES] if is_whole else suites
        return _run(sources, suites, arguments.report, is_whole=is_whole)


def _existing(sources: Path, suites: Sequence[str]) -> list[str]:
    """The suites that this version of Django has."""
    return [name for name in suites if (sources / "tests" / name).is_dir()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.shadow")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="both, one after the other, by default")
    parser.add_argument("--subset", action="store_true", help="the suites that take a few minutes")
    parser.add_argument("--report", type=Path, help="a folder for files with both sides of every difference")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    return parser.parse_args()


def _run(sources: Path, suites: Sequence[str], report: Path | None, *, is_whole: bool) -> int:
    # After the settings are named: these import Django's models.
    from tests.shadow.hooks import install
    from tests.shadow.tally import TALLY

    class Named(Recorder):
        """Tells the tally which test runs."""

        def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # unittest's name
            """Note the test."""
            super().startTest(test)
            TALLY.test = test.id()

        def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # unittest's name
            """Note that what comes is the class's doing, or the next one's."""
            super().stopTest(test)
            TALLY.test = f"after {test.id()}"

    install()
    count = run_tests(sources, SETTINGS, suites, Named)
    return _concluded(TALLY, count, report, is_whole=is_whole)


def _concluded(tally: Any, count: int, report: Path | None, *, is_whole: bool) -> int:
    """Print how it went; return the exit status."""
    # After the settings are named.
    from django.db import connection

    failed = sorted(Recorder.failed - EXCEPTIONS.keys())
    different = [found for found in tally.differences if found.test not in EXCEPTIONS]
    print(f"{count} tests", *tally.lines(), sep="\n")
    for title, found in (
        ("tests failed that are not in the list of exceptions", failed),
        (
            "differences not in the list of exceptions",
            [f"{one.test}: {one.reason} ({'; '.join(tally.differences[one])})" for one in different],
        ),
        ("tests in which the harness failed", sorted(tally.broken)),
    ):
        print(f"{len(found)} {title}", *found, sep="\n  ")
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / f"{connection.vendor}.txt").write_text("\n".join(_details(tally)))
    is_short = is_whole and tally.queries < FEWEST_QUERIES
    # Whatever makes adj give its queries to Django, the hooks of this harness included, leaves nothing to compare.
    is_idle = tally.cache["hits"] < tally.comparisons * FEWEST_HITS
    if is_idle:
        print(f"Plans answered less than {FEWEST_HITS:.0%} of the comparisons.")
    return 1 if failed or different or tally.broken or is_short or is_idle or not count else 0


def _details(tally: Any) -> Iterator[str]:
    """Both sides of every difference, and where the harness failed."""
    for one, sides in tally.differences.items():
        yield f"{one.test}: {one.reason}"
        for asked, details in sides.items():
            yield f"  {asked}\n    {details}"
    for test, error in tally.broken.items():
        yield f"{test}\n{error}"


if __name__ == "__main__":
    sys.exit(main())
