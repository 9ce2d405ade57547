"""The same edits, one after the other, give the same answers cold, from the cache, in the daemon and with workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from mypy.version import __version__ as mypy_version

from adj_mypy.models.sources import STALE
from typecheck_tests.plugin.checked import ROOT
from typecheck_tests.plugin.marks import short

Files = dict[str, str]

START: Final[Files] = {
    "settings.py": 'SECRET_KEY = "only for type checks"\nINSTALLED_APPS = ["people", "books"]\nUSE_TZ = True\n',
    "people/__init__.py": "",
    "people/models.py": """\
from django.db import models

class Country(models.Model):
    name = models.CharField(max_length=100)

class Author(models.Model):
    country = models.ForeignKey(Country, models.CASCADE)
    name = models.CharField(max_length=50)
""",
    "books/__init__.py": "",
    "books/models.py": """\
from django.db import models

class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey("people.Author", models.CASCADE)
""",
    "finding.py": """\
from adj import q
from books.models import Book

titles = q(Book).values("author__country__name", "title")
""",
    "views.py": """\
from finding import titles

async def show() -> None:
    row = await titles.aget()
    name: str = row["author__country__name"]
""",
    "reverse.py": """\
from adj import q
from people.models import Author

async def show() -> int:
    return await q(Author).filter(book__title="x").acount()
""",
}


@dataclass(frozen=True, slots=True)
class Edit:
    """What is written, a pair of old and new text for each file, and what mypy says then."""

    name: str
    texts: dict[str, tuple[str, str]]
    expected: tuple[str, ...]
    models: bool = True
    fails: bool = False


FIELD, OTHER_FIELD = "name = models.CharField(max_length=100)\n\n", "label = models.CharField(max_length=100)\n\n"
NUMBER = "name = models.IntegerField()\n\n"
AWARD = 'class Award(models.Model):\n    author = models.ForeignKey("people.Author", models.CASCADE)\n\n'
WITHOUT_NAME = 'finding.py:4: error: Country has no field "name"...'
WITHOUT_KEY = 'views.py:5: error: "author__country__name" is not a valid TypedDict key; ...'
WRONG_TYPE = 'views.py:5: error: Incompatible types in assignment (expression has type "int"...'
EDITS: Final = (
    Edit("nothing", {}, (), models=False),
    Edit(
        "a query",
        {"finding.py": ('"title")', '"titel")')},
        ('finding.py:4: error: Book has no field "titel"; did you mean "title"?  [adj-lookup]',),
        models=False,
    ),
    Edit(
        "it is fixed, and another one that is imported changes",
        {"finding.py": ('"author__country__name", "titel"', '"author__name", "title"')},
        (WITHOUT_KEY,),
        models=False,
    ),
    Edit("that one is fixed", {"finding.py": ("author__name", "author__country__name")}, (), models=False),
    Edit("a field two relations away is renamed", {"people/models.py": (FIELD, OTHER_FIELD)}, (WITHOUT_NAME,)),
    Edit("it is back, with another type", {"people/models.py": (OTHER_FIELD, NUMBER)}, (WRONG_TYPE,)),
    Edit("it is as it was", {"people/models.py": (NUMBER, FIELD)}, ()),
    Edit(
        "a reverse relation changes elsewhere",
        {"books/models.py": ("models.CASCADE)", 'models.CASCADE, related_name="works")')},
        ('reverse.py:5: error: Author has no field "book"...',),
    ),
    Edit("it is as it was", {"books/models.py": (', related_name="works"', "")}, ()),
    Edit(
        "a model is added",
        {"books/models.py": ("class Book", AWARD + "class Book"), "reverse.py": ("book__title", "award__author__name")},
        (),
    ),
    Edit(
        "it is removed",
        {"books/models.py": (AWARD, "")},
        ('reverse.py:5: error: Author has no field "award"...',),
    ),
    Edit("a module of models breaks", {"books/models.py": ("class Book", "1 / 0\nclass Book")}, (), fails=True),
    Edit(
        "it is fixed",
        {"books/models.py": ("1 / 0\n", ""), "reverse.py": ("award__author__name", "book__title")},
        (),
    ),
)


class Checked:
    """A project on disk, which one way of running mypy checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mypy.ini").write_text(
            "[mypy]\nplugins = adj_mypy.plugin\nstrict = True\nlocal_partial_types = True\n"
            "[mypy.plugins.django-stubs]\ndjango_settings_module = settings\n",
            encoding="utf-8",
        )
        for name, text in START.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    def edit(self, texts: dict[str, tuple[str, str]]) -> None:
        """Replace texts, each of which is there once."""
        for name, (old, new) in texts.items():
            path = self.folder / name
            before = path.read_text(encoding="utf-8")
            assert before.count(old) == 1, (name, old)
            path.write_text(before.replace(old, new), encoding="utf-8")

    def run(self, module: str, *arguments: str) -> tuple[int, str]:
        """The exit status of one of mypy's programs, and its output."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)])}
        command = [sys.executable, "-m", module, *arguments]
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout + result.stderr


FILES = ("finding.py", "views.py", "reverse.py", "people/models.py", "books/models.py")


def cold(project: Checked, _: Edit) -> tuple[int, str]:
    return project.run("mypy", "--cache-dir", os.devnull, *FILES)


def warm(project: Checked, _: Edit) -> tuple[int, str]:
    return project.run("mypy", *FILES)


def workers(project: Checked, _: Edit) -> tuple[int, str]:
    return project.run("mypy", "-n", "2", *FILES)


def daemon(project: Checked, edit: Edit) -> tuple[int, str]:
    """The daemon, which is restarted when it says so."""
    status, output = project.run("mypy.dmypy", "run", "--", *FILES)
    if edit.models and "Daemon started" not in output:
        assert STALE in output, output
        project.run("mypy.dmypy", "stop")
        status, output = project.run("mypy.dmypy", "run", "--", *FILES)
    assert STALE not in output
    return status, output


@contextmanager
def stopped(project: Checked) -> Generator[None]:
    """No daemon stays behind."""
    try:
        yield
    finally:
        project.run("mypy.dmypy", "stop")


HAS_WORKERS = int(mypy_version.partition(".")[0]) >= 2
WAYS: Final = (
    cold,
    warm,
    daemon,
    pytest.param(workers, marks=pytest.mark.skipif(not HAS_WORKERS, reason="mypy has workers since version 2")),
)


@pytest.mark.parametrize("check", WAYS)
def test_every_edit_gives_the_same_answers(check: Callable[[Checked, Edit], tuple[int, str]], tmp_path: Path) -> None:
    project = Checked(tmp_path)
    with stopped(project):
        for edit in EDITS:
            project.edit(edit.texts)
            status, output = check(project, edit)
            where = f"{edit.name}: {output}"
            assert "INTERNAL ERROR" not in output, where
            if edit.fails:
                assert "Django could not load the project: ZeroDivisionError: division by zero" in output, where
                assert "books/models.py:3" in output, where
                assert status != 0
            else:
                assert status == bool(edit.expected), where
                assert_lines(edit.expected, output)


def assert_lines(expected: tuple[str, ...], output: str) -> None:
    """The errors are the expected ones; `...` stands for the rest of a line."""
    found = [short(line) for line in output.splitlines() if ": error: " in line]
    assert len(found) == len(expected), output
    for line, mark in zip(found, expected, strict=True):
        assert line.startswith(mark.removesuffix("...")) if mark.endswith("...") else line == mark, output
