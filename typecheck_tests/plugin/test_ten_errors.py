"""The program with ten errors in README.md: each of its ten lines is an error, and the corrected version has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from typecheck_tests.plugin.checked import ROOT, run

PROGRAM = ROOT / "examples" / "mypy_errors"
README = ROOT / "README.md"
TEN = 10


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of the program and of its twin."""
    cache = str(tmp_path_factory.mktemp("cache"))
    options = ["--config-file", "mypy.ini", "--cache-dir", cache, "--no-pretty"]
    return run(*options, "wrong.py", "right.py", cwd=PROGRAM, project=PROGRAM.parent / "geography").strip()


def body(name: str) -> str:
    """The function of a program, without its imports."""
    source = (PROGRAM / name).read_text(encoding="utf-8")
    return source[source.index("async def ") :].strip()


def test_ten_lines_are_ten_errors_and_nothing_else(output: str) -> None:
    *errors, summary = output.splitlines()
    lines = {re.match(r"wrong\.py:(\d+): error: ", error) for error in errors}
    assert None not in lines
    assert len(errors) == len(lines) == TEN
    assert summary == "Found 10 errors in 1 file (checked 2 source files)"


def test_the_twins_differ_in_the_lines_that_are_wrong() -> None:
    pairs = zip(body("wrong.py").splitlines(), body("right.py").splitlines(), strict=True)
    # A missing key or relation is corrected in the query.
    assert sum(wrong != right for wrong, right in pairs) == TEN


@pytest.mark.parametrize("shown", ["program", "output"])
def test_readme_shows_it(shown: str, output: str) -> None:
    text = README.read_text(encoding="utf-8")
    assert (f"```py\n{body('wrong.py')}\n```" if shown == "program" else f"```text\n{output}\n```") in text


def test_every_program_is_checked() -> None:
    assert {path.name for path in PROGRAM.glob("*.py")} == {"wrong.py", "right.py"}
    assert Path(PROGRAM / "mypy.ini").is_file()
