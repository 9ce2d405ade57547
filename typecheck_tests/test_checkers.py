"""mypy, pyright, ty and pyrefly, none with a plugin, agree with what the files beside this one say."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
BIN = Path(sys.executable).parent

CHECKERS = {
    "mypy": ["mypy", "--strict", "--config-file=", "--python-executable", sys.executable],
    "pyright": ["pyright", "--pythonpath", sys.executable],
    "ty": ["ty", "check", "--output-format", "concise", "--python", sys.executable],
    "pyrefly": ["pyrefly", "check", "--output-format", "min-text", "--python-interpreter-path", sys.executable],
}


def errors(checker: str, path: Path) -> dict[int, str]:
    """What a checker finds in a file, by line."""
    command = [str(BIN / CHECKERS[checker][0]), *CHECKERS[checker][1:], str(path.relative_to(ROOT))]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = re.findall(rf"^(.*{path.name}:(\d+).*)$", result.stdout, re.MULTILINE)
    found = {int(number): line for line, number in lines if "error" in line.lower()}
    # A checker that did not run would agree with everything.
    assert found or result.returncode == 0, result.stdout + result.stderr
    return found


def wrong_lines(path: Path, checker: str) -> Iterator[int]:
    """The lines that say that they are wrong."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        _, mark, comment = line.partition("  # wrong")
        if mark and f"except for {checker}" not in comment:
            yield number


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", ["reveals.py", "managers.py", "contracts.py"])
def test_a_checker_knows_the_type_of_every_row(checker: str, file: str) -> None:
    assert errors(checker, HERE / file) == {}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_checker_knows_what_is_wrapped(checker: str) -> None:
    found = errors(checker, HERE / "wrappers.py")
    assert sorted(found) == sorted(wrong_lines(HERE / "wrappers.py", checker)), found


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_checker_refuses_what_is_wrong(checker: str) -> None:
    path = HERE / "mistakes.py"
    found = errors(checker, path)
    assert sorted(found) == sorted(wrong_lines(path, checker)), found


def test_mypy_without_a_configuration_reveals_rows() -> None:
    source = (
        "from adj import q\nfrom tests.shop.models import Book\n"
        "async def f() -> None:\n"
        "    reveal_type(await q(Book).run())\n"
        "    reveal_type(await q(Book).aget())\n"
        "    reveal_type(await q(Book).afirst())\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "reveal.py"
        path.write_text(source, encoding="utf-8")
        command = [sys.executable, "-m", "mypy", "--config-file=", str(path)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    revealed = re.findall(r'Revealed type is "(.*)"', result.stdout)
    book = "tests.shop.models.Book"
    assert revealed == [f"list[{book}]", book, f"{book} | None"], result.stdout
