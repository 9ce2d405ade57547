"""The benchmarks run, and README.md quotes what they wrote."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import adj
from benchmarks.foreign import GOAL, exceeding

ROOT: Final = Path(adj.__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    """The output of a program of the benchmarks."""
    finished = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_every_contender_gives_as_many_rows_as_django() -> None:
    output = run("benchmarks", "--rounds=1", "--no-peers")
    assert "Django async" in output
    assert output.count("%") >= 9 * 3


def test_rows_are_loaded_and_updated_in_every_way() -> None:
    output = run("benchmarks.writing", "--rows=500", "--rounds=1")
    assert output.count("MB |") == 4
    assert output.count("% |") == 3


def test_every_kind_of_class_gives_as_many_rows() -> None:
    assert run("benchmarks.row_classes", "--rounds=1").count(" ms | ") == 8


def test_an_application_under_load_answers_every_request() -> None:
    assert run("benchmarks.load", "--rounds=1", "--requests=64").count(" 0 errors, ") == 9


def test_the_profile_shows_functions_of_adj() -> None:
    assert "prepare.py" in run("benchmarks.profile", "one", "--times=1", "--top=200")


def test_a_queryset_of_a_package_that_exceeds_its_goal_is_named() -> None:
    assert exceeding([("at the goal", GOAL, 1e-4), ("slow", GOAL + 0.023, 1e-4)]) == ["slow: 1.123"]


def test_the_readme_quotes_the_table() -> None:
    table = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    shares = dict(
        re.findall(r"^\| (`aget\(pk=\.\.\.\)`|1,000 instances) \|[^|]+\|[^|]+, (\d+)% \|", table, re.MULTILINE)
    )
    quoted = re.findall(r"(\d+)%", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert quoted == list(shares.values())
