"""Runs the tests of other projects as their authors would, each in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import adj

ROOT = Path(adj.__file__).resolve().parents[1]

SECONDS = 200
"""How long a run may take on a busy machine; one that waits for a lock takes longer."""


def run_pytest(
    folder: Path, arguments: Iterable[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder with the plugins that are installed, adj's among them."""
    if not entry_points(group="pytest11", name="adj"):
        pytest.fail('pytest does not find the plugin of adj: install the checkout again, `pip install -e ".[dev]"`.')
    return run(folder, ["-m", "pytest", "-p", "no:cacheprovider", *arguments], variables)


def run_django(
    folder: Path, arguments: Iterable[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of Django's in a folder, with warnings as errors."""
    return run(folder, ["-W", "error", "-m", "django", *arguments], variables)


def run(folder: Path, arguments: Iterable[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, on this checkout."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
