"""Django and the plugin agree on every row of the table, or the row says why they do not."""

from __future__ import annotations

import pytest

from typecheck_tests.conformance import plugin, runtime
from typecheck_tests.conformance.table import Row, Verdict, rows

ROWS = list(rows())
PARAMETERS = [pytest.param(at, row, id=str(row)) for at, row in enumerate(ROWS)]


@pytest.fixture(scope="module")
def of_django() -> list[str]:
    """What Django says of each row."""
    return runtime.verdicts()


@pytest.mark.parametrize(("at", "row"), PARAMETERS)
def test_django_judges_as_the_table(at: int, row: Row, of_django: list[str]) -> None:
    verdict = of_django[at]
    assert (verdict == runtime.RUNS) is row.verdict.runs, f"{row}: {verdict}"


@pytest.fixture(scope="module")
def of_the_plugin() -> list[str]:
    """What mypy says of each row."""
    return plugin.verdicts()


@pytest.mark.parametrize(("at", "row"), PARAMETERS)
def test_the_plugin_judges_as_the_table(at: int, row: Row, of_the_plugin: list[str]) -> None:
    verdict = of_the_plugin[at]
    assert (verdict == plugin.PASSES) is row.verdict.passes, f"{row}: {verdict}"


def test_what_they_disagree_on_has_a_reason() -> None:
    agreed = {Verdict.RIGHT, Verdict.WRONG}
    assert [str(row) for row in ROWS if (row.verdict in agreed) is bool(row.reason)] == []
    assert len(ROWS) >= 150
