"""Prints what was compared at the end of a run."""

from __future__ import annotations

import pytest

import adj
from tests.parity.tally import TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    TALLY.take_over(adj.plan_cache)
    if TALLY.comparisons:
        terminalreporter.section("parity with Django")
        terminalreporter.line(str(TALLY))
