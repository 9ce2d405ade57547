"""What the pages show runs: their Python on the geography project, their commands in the Makefile."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import adj
from tests.docs.blocks import blocks

ROOT: Final = Path(adj.__file__).resolve().parents[1]
PROJECT: Final = ROOT / "examples" / "geography"
TUTORIAL: Final = ROOT / "docs" / "tutorial.md"
TESTING: Final = ROOT / "docs" / "howto" / "testing.md"
PAGES: Final = [ROOT / "README.md", TUTORIAL, *sorted((ROOT / "docs" / "howto").glob("*.md"))]
WITH_PYTHON: Final = [page for page in PAGES if blocks(page, "python")]


def name(page: Path) -> str:
    """A page as the ids of tests show it."""
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a process that runs in the geography project, with the largest cities loaded."""
    database = tmp_path_factory.mktemp("pages") / "geography.sqlite3"
    variables = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "geography.settings",
        "GEOGRAPHY_DATABASE": str(database),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(PROJECT)]),
    }
    for command in (["migrate", "--verbosity=0"], ["load_geonames", "--rows=5000"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=PROJECT, env=variables, check=True)
    return variables


def run(arguments: list[str], environment: dict[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with warnings as errors, in a new process."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=PROJECT,
        env=environment,
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_python_of_a_page_runs(page: Path, environment: dict[str, str]) -> None:
    given = json.dumps([name(page), blocks(page, "python")])
    finished = run([str(Path(__file__).with_name("run_blocks.py"))], environment, given)
    assert finished.returncode == 0, finished.stderr


def test_the_tutorial_prints_what_it_says(environment: dict[str, str]) -> None:
    given = json.dumps([name(TUTORIAL), blocks(TUTORIAL, "python")])
    printed = run([str(Path(__file__).with_name("run_blocks.py"))], environment, given).stdout
    said = re.findall(r"^ *print\([a-z].*\)  +# (.+)$", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(said) >= 4
    for line in said:
        # "..." stands for what a page has no room for.
        pattern = ".*".join(map(re.escape, line.split(" ...")))
        is_old = "NotLoaded" not in printed and line.startswith("City.country is not loaded")
        assert is_old or re.search(pattern, printed), line


def test_the_page_on_tests_has_tests_that_pass(environment: dict[str, str], tmp_path: Path) -> None:
    plain, with_coroutines, *_ = blocks(TESTING, "python")
    (tmp_path / "test_page.py").write_text(f"{plain}\n{with_coroutines}")
    variables = {
        **environment,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]]),
    }
    finished = run(["-m", "django", "test", "test_page"], variables)
    assert finished.returncode == 0, finished.stderr
    assert "Ran 3 tests" in finished.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name)
def test_the_commands_that_a_page_names_are_in_the_makefile(page: Path) -> None:
    make = shutil.which("make")
    assert make is not None
    variables = {variable: value for variable, value in os.environ.items() if not variable.startswith("MAKE")}
    targets = set(re.findall(r"[`$] ?make ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert {"demo", "test"} <= targets
    for target in targets:
        found = subprocess.run([make, "-n", target], cwd=ROOT, env=variables, capture_output=True, check=False)
        assert found.returncode == 0, (target, found.stderr)
