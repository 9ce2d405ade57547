"""Runs type checkers in a folder that has the stubs of the bookshop, as `manage.py adj stubs` writes them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
BIN: Final = Path(sys.executable).parent

# The bookshop is in the checkout, and so are the checkers' paths to it.
_PYPROJECT: Final = f"""\
[tool.pyright]
include = ["right.py", "mistakes.py"]
extraPaths = ["{ROOT.as_posix()}"]
typeCheckingMode = "standard"

[tool.ty.environment]
extra-paths = ["typings", "{ROOT.as_posix()}"]

[tool.pyrefly]
search-path = ["typings", "{ROOT.as_posix()}"]
project-includes = ["right.py", "mistakes.py"]

[tool.zuban]
mypy_path = ["typings", "{ROOT.as_posix()}"]

[tool.mypy]
plugins = ["adj_mypy.plugin"]
mypy_path = "typings:{ROOT.as_posix()}"

[[tool.mypy.overrides]]
module = ["tests.*"]
ignore_errors = true

[tool.django-stubs]
django_settings_module = "tests.settings"
"""

COMMANDS: Final[Mapping[str, list[str]]] = {
    "mypy": ["mypy", "--python-executable", sys.executable],
    "pyright": ["pyright", "--pythonpath", sys.executable],
    "basedpyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
    "ty": ["ty", "check", "--output-format", "concise", "--python", sys.executable],
    "pyrefly": ["pyrefly", "check", "--output-format", "min-text", "--python-interpreter-path", sys.executable],
    "zuban": ["zuban", "check", "--python-executable", sys.executable],
}


def make_folder(folder: Path, options: str = "") -> Path:
    """Write the configuration of the checkers, the programs and the stubs."""
    (folder / "pyproject.toml").write_text(f"{_PYPROJECT}\n[tool.adj.stubs]\n{options}\n", encoding="utf-8")
    for name in ("right.py", "mistakes.py"):
        shutil.copy(HERE / name, folder / name)
    write_stubs(folder)
    return folder


def write_stubs(folder: Path) -> None:
    """Write the stubs of the bookshop, or write them again."""
    command = [sys.executable, "-m", "adj", "stubs", "--settings", "tests.settings"]
    result = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def environment() -> dict[str, str]:
    """The environment of a process that imports this copy of adj."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def program(name: str) -> str:
    """The path of a checker; skips the test if it is not installed."""
    found = shutil.which(name, path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def check(checker: str, folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    """Run a checker on a file of a folder."""
    name, *arguments = COMMANDS[checker]
    command = [program(name), *arguments, file]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def errors(checker: str, folder: Path, file: str) -> dict[int, str]:
    """What a checker reports in a file, by line."""
    result = check(checker, folder, file)
    lines = re.findall(rf"^(.*\b{re.escape(file)}:(\d+).*)$", result.stdout, re.MULTILINE)
    found = {int(number): line for line, number in lines if re.search(r"\berror\b", line, re.IGNORECASE)}
    # A checker that did not run would agree with everything.
    assert found or result.returncode == 0, result.stdout + result.stderr
    return found
