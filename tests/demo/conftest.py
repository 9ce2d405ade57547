"""Run the demo and its project as a user does: in a process of their own, with settings of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

import adj

ROOT: Final = Path(adj.__file__).resolve().parents[1]
PROJECT: Final = ROOT / "examples" / "geography"
TIMEOUT: Final = 300


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the database of this session's runs is; the first run makes it."""
    return tmp_path_factory.mktemp("geography") / "geography.sqlite3"


@pytest.fixture(scope="session")
def run_python(database: Path) -> Callable[..., CompletedProcess[str]]:
    """Python in the project's directory, with this checkout's adj and the session's database.

    Positional arguments are Python's; keywords are environment variables.
    """

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        # The tests' own settings must not reach the demo, nor may the machine's taste in colors reach the tests.
        hidden = {"DJANGO_SETTINGS_MODULE", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
        inherited = {name: value for name, value in os.environ.items() if name not in hidden}
        defaults = {
            "COLUMNS": "100",
            "GEOGRAPHY_DATABASE": str(database),
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=PROJECT,
            env=inherited | defaults | variables,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def demo(run_python: Callable[..., CompletedProcess[str]], database: Path) -> CompletedProcess[str]:
    """The output of one run of the whole demo on two thousand cities."""
    return run_python("-m", "adj", "demo", "--rows", "2000", "--runs", "2", "--database", str(database))
