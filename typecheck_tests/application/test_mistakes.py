"""Mistakes on the hospital: mypy reports each on its line, with the code of its kind, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from typecheck_tests.application.checking import HERE, messages
from typecheck_tests.plugin.marks import Case, marks, read_cases

FILES = sorted(HERE.glob("mistakes*.py"))
CASES = [
    pytest.param(path, case, id=f"{path.stem}-{case.name}")
    for path in FILES
    for case in read_cases(path)
    if case.expected
]
LEAST_MISTAKES = 200
LEAST_OF_EACH_CODE = {"adj-lookup": 90, "adj-value": 30, "adj-not-loaded": 20, "adj-shape": 20, "adj-truth": 5}


@pytest.mark.parametrize(("path", "case"), CASES)
def test_mypy_reports_each_mistake_on_its_line(path: Path, case: Case) -> None:
    found = [message for message in messages(path) if case.first <= message.line <= case.last]
    unexpected = [message for message in found if not any(mark.fits(message) for mark in case.expected)]
    missing = [mark for mark in case.expected if not any(mark.fits(message) for message in found)]
    assert not unexpected, f"not expected: {unexpected}; missing: {missing}"
    assert not missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mypy_reports_nothing_else_in_the_file(path: Path) -> None:
    expected = list(marks(path.read_text(encoding="utf-8").splitlines()))
    found = messages(path)
    assert [message for message in found if not any(mark.fits(message) for mark in expected)] == []
    assert [mark for mark in expected if not any(mark.fits(message) for message in found)] == []


def test_there_are_enough_mistakes_of_each_kind() -> None:
    errors = [message for path in FILES for message in messages(path) if message.kind == "E"]
    assert len({(path, message.line) for path in FILES for message in messages(path)}) >= LEAST_MISTAKES
    codes = Counter(code[1] for error in errors if (code := re.search(r"\[([\w-]+)\]$", error.text)))
    assert {code: codes[code] for code, least in LEAST_OF_EACH_CODE.items() if codes[code] < least} == {}
