"""The workflows run what `.ci/run` runs, by commands that exist, on every version that adj declares."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from typing import Any

import pytest

from repository_tests.workflows import ROOT, WORKFLOWS, combinations, commands_in, filled_in, jobs_of, workflow_commands

NAMES = sorted(path.name for path in WORKFLOWS.glob("*.yml"))
CI = "ci.yml"


@cache
def targets() -> dict[str, list[str]]:
    """The Makefile's targets, with the targets that each needs."""
    makefile = (ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z][a-z-]*):([^=#\n]*)", makefile, flags=re.MULTILINE)
    return {target: re.findall(r"[a-z][a-z-]*", needed) for target, needed in rules}


@cache
def sessions() -> set[str]:
    """The functions of noxfile.py that are sessions."""
    functions = (
        node for node in ast.parse((ROOT / "noxfile.py").read_text()).body if isinstance(node, ast.FunctionDef)
    )
    return {function.name for function in functions if "nox.session" in map(ast.unparse, decorators(function))}


def decorators(function: ast.FunctionDef) -> list[ast.expr]:
    return [node.func if isinstance(node, ast.Call) else node for node in function.decorator_list]


@cache
def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def classified(prefix: str) -> set[str]:
    """The versions that pyproject.toml declares by classifiers."""
    pattern = re.compile(re.escape(prefix) + r" :: (\d+\.\d+)")
    return {found[1] for line in project()["classifiers"] if (found := pattern.fullmatch(line))}


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_workflow_exist(name: str) -> None:
    commands = workflow_commands(name)
    assert commands
    for command in commands:
        tool, *_, what = command.split()
        known = targets() if tool == "make" else sessions()
        assert what.split("(")[0] in known, command


def test_all_that_ci_runs_is_in_the_workflow() -> None:
    commands = commands_in((ROOT / ".ci" / "run").read_text())
    assert {"make test", "make shadow-subset", "nox -s oldest"} <= commands
    parts = {f"make {target}" for target in targets()["test"]}
    assert (commands - {"make test"}) | parts <= workflow_commands(CI)


def test_the_workflow_runs_no_target_that_ci_leaves_out() -> None:
    made = {command for command in workflow_commands(CI) if command.startswith("make ")}
    parts = {f"make {target}" for target in targets()["test"]}
    assert made <= parts | commands_in((ROOT / ".ci" / "run").read_text())


def test_the_workflow_runs_every_pair_of_python_and_django_that_is_declared() -> None:
    # Django 6 needs Python 3.12.
    pairs = {
        f"nox -s tests(py{python}-django{django})"
        for python in classified("Programming Language :: Python")
        for django in classified("Framework :: Django")
        if django == "5.2" or python != "3.11"
    }
    assert len(pairs) == 10
    run = {command for command in workflow_commands(CI) if command.startswith("nox -s tests(")}
    assert run == pairs


def test_nox_knows_the_versions_that_are_declared() -> None:
    code = "import noxfile; print(*noxfile.PYTHONS, '|', *noxfile.DJANGOS)"
    listed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    pythons, djangos = (set(part.split()) for part in listed.stdout.split("|"))
    assert pythons == classified("Programming Language :: Python")
    assert djangos == classified("Framework :: Django")


def test_the_workflow_runs_on_every_system_that_is_declared() -> None:
    systems = {line.rpartition(" :: ")[2] for line in project()["classifiers"] if line.startswith("Operating System")}
    runners = {runner for job in jobs_of(CI).values() for runner in filled_in(job["runs-on"], job)}
    names = {"ubuntu-latest": "Linux", "macos-latest": "MacOS", "windows-latest": "Windows"}
    assert {names[runner] for runner in runners} == systems


def test_the_workflow_runs_postgresql_14_to_18() -> None:
    assert {found["postgresql"] for found in combinations(jobs_of(CI)["postgresql"])} == {"14", "15", "16", "17", "18"}


def test_only_versions_ahead_of_a_release_may_fail() -> None:
    jobs = [(name, title, job) for name in NAMES for title, job in jobs_of(name).items()]
    allowed = {(name, title) for name, title, job in jobs if job.get("continue-on-error")}
    assert allowed == {("nightly.yml", "ahead")}
    ahead = {found["session"] for found in combinations(jobs_of("nightly.yml")["ahead"])}
    assert ahead == {"django_main", "mypy_master"}
