"""The harness of `make shadow` finds what is wrong: faults are put into the compiler, in a new process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.shadow.exceptions import EXCEPTIONS, MOST_EXCEPTIONS

_FORMS = ("chain", "q(queryset)")


@pytest.fixture(scope="module")
def found() -> Any:
    """What the harness says of each fault."""
    run = subprocess.run([sys.executable, "-m", "tests.shadow.seeded"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _ways(*temperatures: str) -> list[str]:
    return sorted(f"{form}, {temperature}" for form in _FORMS for temperature in temperatures)


_ALL_WAYS = _ways("cold", "hot", "hot, after other operands")


def test_without_a_fault_nothing_differs(found: Any) -> None:
    assert found["nothing"] == {}


def test_values_that_stay_in_a_plan_are_seen_after_other_operands_only(found: Any) -> None:
    assert found["keeps_first_values"] == {
        f"{ending}: parameters": _ways("hot, after other operands") for ending in ("rows", "count", "get")
    }


def test_the_plan_of_another_query_is_seen_in_its_sql(found: Any) -> None:
    assert found["lacks_a_condition"] == {f"{ending}: sql": _ALL_WAYS for ending in ("rows", "count", "get")}


def test_a_parameter_that_only_equals_the_right_one_is_seen(found: Any) -> None:
    assert found["changes_a_type"] == {f"{ending}: parameters": _ALL_WAYS for ending in ("rows", "count", "get")}


def test_rows_made_of_other_columns_are_seen(found: Any) -> None:
    assert found["swaps_columns"] == {f"{ending}: rows": _ALL_WAYS for ending in ("rows", "get")}


def test_an_error_that_django_does_not_raise_is_seen(found: Any) -> None:
    # With other operands nothing is asked, as these fail as well.
    ways = _ways("cold", "hot")
    assert found["refuses"] == {f"{ending}: adj raises ValueError": ways for ending in ("rows", "count", "get")}


def test_few_tests_are_excepted() -> None:
    assert len(EXCEPTIONS) <= MOST_EXCEPTIONS
