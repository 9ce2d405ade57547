"""Projects whose tests Django's own runner runs, with nothing set for adj."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.testing.running import run_django


def assert_passed(project: Path, variables: dict[str, str], *arguments: str, tests: int) -> None:
    finished = run_django(project, ["test", "--noinput", *arguments], variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(rf"^Ran {tests} tests? in ", finished.stderr, flags=re.MULTILINE), finished.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_test_case_needs_no_change(project: Path, variables: dict[str, str], processes: str) -> None:
    assert_passed(project, variables, f"--parallel={processes}", "case_plain", tests=12)


def test_databases_are_dropped_behind_loops_that_go_on(project: Path, variables: dict[str, str]) -> None:
    assert_passed(project, variables, "case_committing", tests=3)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_adj_test_case_has_coroutines_around_its_tests(
    project: Path, variables: dict[str, str], processes: str
) -> None:
    assert_passed(project, variables, f"--parallel={processes}", "case_adj", "case_plain", tests=17)


@pytest.mark.parametrize("variables", [("SQLite", "threads")], indirect=True, ids=["SQLite"])
def test_a_plan_that_differs_from_django_raises_where_tests_use_adj_testing(
    project: Path, variables: dict[str, str]
) -> None:
    verifying = {**variables, "PROJECT_VERIFY": "1"}
    assert_passed(project, verifying, "case_adj", "case_verifying", tests=6)
    # As in production: Django's SQL runs, and the difference is logged.
    finished = run_django(project, ["test", "--noinput", "case_verifying"], verifying)
    assert "AssertionError: PlanMismatch not raised" in finished.stderr
    assert "the SQL differs" in finished.stderr
