"""Compares on PostgreSQL in each way that adj can ask it, and prints what was compared at the end of a run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

import adj
from tests.parity.tally import TALLY
from tests.shop.data import know_content_types


@pytest.fixture(autouse=True)
def _known_content_types() -> None:
    know_content_types("default")


@pytest.fixture(params=["psycopg", "psycopg, prepared", "threads"])
def way(request: Any) -> str:
    """The engines for PostgreSQL. Not a parameter of `postgres`, which would create the database again for each."""
    name: str = request.param
    return name


@pytest.fixture
def postgres(way: str, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """PostgreSQL: natively, also with statements that are prepared at once, and through threads."""
    engine, _, prepared = way.partition(", ")
    know_content_types(postgres)
    if prepared:
        monkeypatch.setitem(connections.settings[postgres]["OPTIONS"], "prepare_threshold", 0)
    with override_settings(ADJ={postgres: {"engine": engine}}):
        yield postgres


@pytest.fixture(params=["SQLite", "MariaDB"])
def shop(request: Any) -> str:
    """The bookshop on a database that adj asks through threads."""
    if request.param == "SQLite":
        return "default"
    alias: str = request.getfixturevalue("mariadb_shop")
    know_content_types(alias)
    return alias


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    TALLY.take_over(adj.plan_cache)
    if TALLY.comparisons:
        terminalreporter.section("parity with Django")
        terminalreporter.line(str(TALLY))
