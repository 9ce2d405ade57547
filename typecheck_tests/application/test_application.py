"""The hospital: mypy accepts it, it works on PostgreSQL, and values have the types that mypy reveals for them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import postgresql_server, temporary_database
from typecheck_tests.application.checking import (
    CLINIC,
    SERVICES,
    messages,
    messages_about_any,
    messages_without_adj,
    output,
)
from typecheck_tests.application.remaining_any import reason
from typecheck_tests.generated.revealed import Reader, has_any
from typecheck_tests.plugin.checked import ROOT
from typecheck_tests.plugin.marks import marks

if TYPE_CHECKING:
    # Its module imports models, which need Django's setup.
    from typecheck_tests.application.running import Outcome

FILES = sorted(CLINIC.rglob("*.py"))
SERVICE_FILES = sorted(SERVICES.glob("[a-z]*.py"))
LEAST_LINES, LEAST_REVEALED, LEAST_MODELS = 1_500, 100, 12


def revealed(path: Path) -> dict[int, str]:
    """The types that mypy reveals in a file, by line, with the modules of classes."""
    prefix, middle = f"{path.relative_to(ROOT)}:", 'note: Revealed type is "'
    lines = (
        line.replace("builtins.", "") for line in output().splitlines() if line.startswith(prefix) and middle in line
    )
    return {int(line.split(":")[1]): line.partition(middle)[2][:-1] for line in lines}


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """One run of the hospital."""
    types = {f"{path.name}:{line}": text for path in SERVICE_FILES for line, text in revealed(path).items()}
    with postgresql_server() as server, temporary_database(server) as name:
        database = json.dumps(server.django_database(name))
        environment = {**os.environ, "ADJ_CLINIC_DATABASE": database, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-W", "error", "-m", "typecheck_tests.application"]
        result = subprocess.run(
            command, cwd=ROOT, env=environment, input=json.dumps(types), capture_output=True, text=True, check=False
        )
    assert result.returncode == 0, result.stderr
    found: Outcome = json.loads(result.stdout)
    return found


def names_of_scenes() -> Iterator[str]:
    for path in sorted((CLINIC / "scenes").glob("[a-z]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef):
                yield node.name


def functions(path: Path) -> Iterator[str]:
    """The qualified names of a file's functions; those of protocols are never called."""

    def walk(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{path.name}:{prefix}{child.name}"
                yield from walk(child, f"{prefix}{child.name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                if not any(ast.unparse(base) == "Protocol" for base in child.bases):
                    yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    return walk(ast.parse(path.read_text(encoding="utf-8")), "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_mypy_says_what_stands_beside_the_code(path: Path) -> None:
    expected = list(marks(path.read_text(encoding="utf-8").splitlines()))
    found = messages(path)
    unexpected = [message for message in found if not any(mark.fits(message) for mark in expected)]
    missing = [mark for mark in expected if not any(mark.fits(message) for message in found)]
    assert not unexpected, f"not expected: {unexpected}; missing: {missing}"
    assert not missing


def test_mypy_falls_back_to_a_general_type_nowhere() -> None:
    assert [line for line in output().splitlines() if "note: adj: " in line and f"{CLINIC.name}/" in line] == []


def test_no_revealed_type_is_unknown_where_it_is_certain() -> None:
    unknown = {
        f"{path.name}:{line}": text
        for path in SERVICE_FILES
        for line, text in revealed(path).items()
        if has_any(Reader(text).read())
    }
    # What is in a JSON document is known to no one, and django-stubs' ranges and composite keys are of no type.
    assert set(unknown.values()) <= {"Any", "list[Any]", "list[tuple[str, Any]]"}, unknown


def test_the_application_has_its_size() -> None:
    code = [line for path in SERVICE_FILES for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) >= LEAST_LINES
    assert sum(len(revealed(path)) for path in SERVICE_FILES) >= LEAST_REVEALED


@pytest.mark.parametrize("scene", list(names_of_scenes()))
def test_a_scene_works_on_postgresql(scene: str, outcome: Outcome) -> None:
    assert scene in outcome["scenes"]
    assert scene not in outcome["failures"], outcome["failures"][scene]


def test_every_value_has_the_type_that_mypy_reveals(outcome: Outcome) -> None:
    assert outcome["problems"] == []


def test_every_revealed_type_was_compared_with_a_value(outcome: Outcome) -> None:
    places = {f"{path.name}:{line}" for path in SERVICE_FILES for line in revealed(path)}
    assert places - set(outcome["seen"]) == set()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_every_function_of_the_services_was_called(outcome: Outcome) -> None:
    assert {name for path in SERVICE_FILES for name in functions(path)} - set(outcome["called"]) == set()


@pytest.mark.parametrize("path", SERVICE_FILES, ids=lambda path: path.stem)
def test_mypy_finds_any_on_no_line_where_it_finds_none_without_adj(path: Path) -> None:
    without = {message.line for message in messages_without_adj(path)}
    assert [message for message in messages_about_any(path) if message.line not in without] == []


@pytest.mark.parametrize("path", SERVICE_FILES, ids=lambda path: path.stem)
def test_each_any_that_remains_has_a_reason_outside_of_adj(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    remaining = [(message.text, lines[message.line - 1]) for message in messages_about_any(path)]
    assert [(text, line) for text, line in remaining if reason(text, line) is None] == []
