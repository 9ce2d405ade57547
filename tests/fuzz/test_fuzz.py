"""A part of `python -m tests.fuzz`: the same cases wherever `CI` is set, others at each run elsewhere."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Generator

import pytest

from tests.fuzz.cases import drawn_cases
from tests.fuzz.comparing import WAYS, Tally, fuzzing
from tests.fuzz.known import KNOWN

# Cases for each way; a number in the environment is for a longer hunt.
CASES = int(os.environ.get("ADJ_TEST_FUZZ", "80"))
SEED = 11 if "CI" in os.environ else random.randrange(10**6)


@pytest.fixture(autouse=True)
def _what_is_warned_of_is_compared() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fuzz(way: str, count: int = CASES) -> Tally:
    with fuzzing(way) as fuzzer:
        for case in drawn_cases(fuzzer, count, SEED):
            fuzzer.check(case)
    return fuzzer.tally


def test_hostile_names_and_values_do_what_they_do_in_django() -> None:
    tally = fuzz("sqlite", 2 * CASES)
    assert not tally.differences, f"python -m tests.fuzz --count {2 * CASES} --seed {SEED}\n" + "\n".join(
        tally.differences
    )
    assert tally.counts["hot"] > tally.counts["queries"] / 3, tally


@pytest.mark.parametrize("way", [way for way in WAYS if way != "sqlite"])
def test_hostile_names_and_values_do_what_they_do_in_django_on_postgresql(way: str, postgres: str) -> None:
    tally = fuzz(way)
    assert not tally.differences, f"python -m tests.fuzz --count {CASES} --seed {SEED}\n" + "\n".join(tally.differences)
    assert tally.counts["hot"] > tally.counts["queries"] / 3, tally


def test_known_differences_have_a_reason_and_a_mark() -> None:
    assert len(KNOWN) <= 20
    assert all(len(known.reason) > 10 and (known.found or known.values != "*") for known in KNOWN)
