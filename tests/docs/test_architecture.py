"""The page on architecture names folders, files and functions: they are where it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "explanation" / "architecture.md").read_text()

_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE)
_PLACE = re.compile(r"`([\w/]+\.py)`: `([\w.]+)(?:\(\))?`")


def section(title: str) -> str:
    """The text of a section of the page."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[tuple[str, str]]:
    """The rows of the table in a section, without its head."""
    found: list[tuple[str, str]] = _ROW.findall(section(title))
    return [row for row in found if not row[0].startswith(("---", "Folder", "Question"))]


def folders() -> Iterator[tuple[str, str]]:
    """Every folder of the code, with the first sentence or paragraph of its docstring."""
    for package in ("adj", "adj_mypy"):
        for path in sorted((ROOT / package).rglob("__init__.py")):
            summary = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
            yield f"`{path.parent.relative_to(ROOT)}/`", " ".join(summary.split())


def test_the_table_of_folders_says_what_their_docstrings_say() -> None:
    assert rows("The house") == list(folders())


QUESTIONS: Final = rows("Where to look")


def test_there_are_fifteen_questions() -> None:
    assert len(QUESTIONS) >= 15


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_a_question_is_answered_by_a_file_and_a_name_in_it(question: tuple[str, str]) -> None:
    places = _PLACE.findall(question[1])
    assert places, question
    for file, name in places:
        assert name in set(names_in(ROOT / file)), f"{file} does not define {name}"


def names_in(path: Path) -> Iterator[str]:
    """The functions, classes and methods of a file; methods with their class."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield f"{node.name}.{part.name}"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:adj|adj_mypy|tests)/[\w/]*\.?\w*)`", PAGE))))
def test_a_path_on_the_page_exists(path: str) -> None:
    assert (ROOT / path).exists()
