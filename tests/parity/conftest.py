"""Compares on PostgreSQL through both engines, and prints what was compared at the end of a run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.test import override_settings

import adj
from tests.parity.tally import TALLY


@pytest.fixture(params=["psycopg", "threads"])
def engine_name(request: Any) -> str:
    """The engines for PostgreSQL. Not a parameter of `postgres`, which would make the database anew for each."""
    name: str = request.param
    return name


@pytest.fixture
def postgres(engine_name: str, postgres: str) -> Generator[str]:
    """PostgreSQL, natively and through threads."""
    with override_settings(ADJ={postgres: {"engine": engine_name}}):
        yield postgres


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    TALLY.take_over(adj.plan_cache)
    if TALLY.comparisons:
        terminalreporter.section("parity with Django")
        terminalreporter.line(str(TALLY))
