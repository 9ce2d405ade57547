"""Every line of every case: what mypy says of it is what stands beside it, and nothing else."""

from __future__ import annotations

import pytest

from typecheck_tests.plugin.checked import CASES, ROOT, check
from typecheck_tests.plugin.marks import Case, Message, read_cases, said

FILES = sorted(path for path in CASES.glob("*.py") if path.stem != "__init__")
PARAMETERS = [
    pytest.param(path.name, case, id=f"{path.stem}-{case.name}") for path in FILES for case in read_cases(path)
]


def messages(name: str) -> list[Message]:
    """What mypy says of a file of cases."""
    paths = tuple(str(path.relative_to(ROOT)) for path in FILES)
    return said(check(*paths, debug=True)).get(str((CASES / name).relative_to(ROOT)), [])


@pytest.mark.parametrize(("name", "case"), PARAMETERS)
def test_mypy_says_what_stands_beside_the_code(name: str, case: Case) -> None:
    found = [message for message in messages(name) if case.first <= message.line <= case.last]
    unexpected = [message for message in found if not any(mark.fits(message) for mark in case.expected)]
    missing = [mark for mark in case.expected if not any(mark.fits(message) for message in found)]
    assert not unexpected, f"not expected: {unexpected}; missing: {missing}"
    assert not missing


@pytest.mark.parametrize("name", [path.name for path in FILES])
def test_mypy_says_nothing_outside_the_cases(name: str) -> None:
    cases = read_cases(CASES / name)
    assert [
        message for message in messages(name) if not any(case.first <= message.line <= case.last for case in cases)
    ] == []
