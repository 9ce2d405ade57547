"""An exception in any hook of the plugin: mypy ends as usual, and says once that a check was skipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from mypy.plugin import Plugin

from typecheck_tests.plugin.checked import ROOT

FILES: Final = {
    "settings.py": 'SECRET_KEY = "only for type checks"\nINSTALLED_APPS = ["shop"]\n',
    "shop/__init__.py": "",
    "shop/models.py": """\
from django.db import models

class Author(models.Model):
    name = models.CharField(max_length=100)

class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE)
""",
    "queries.py": """\
from dataclasses import dataclass
from typing import Literal

from adj import Loaded, load, q
from django.db.models import Manager, Q, QuerySet
from django.db.models.base import ModelBase
from shop.models import Book

class Odd(metaclass=ModelBase): ...

@dataclass
class Plain: ...

class BookQuerySet(QuerySet[Book]): ...

Books = Manager.from_queryset(BookQuerySet)

async def show(book: Book, loaded: Loaded[Book, Literal["author"]]) -> None:
    first = await q(Book).filter(Q(title="x"), author__name="y").aget()
    await load(first, "author")
    print(first.title, loaded.author, Book.objects.all(), q(Book) | q(Book))

wrong: int = ""
""",
    "broken.py": """\
import os

from adj_mypy.boundary.guard import Guard
from adj_mypy.plugin import AdjPlugin

HOOK, MODE = os.environ["BROKEN"].split(":")

def fail(*arguments):
    raise ZeroDivisionError("on purpose")

class Breaking(Guard):
    def choose(self, name, fullname, of_django, of_adj):
        def broken(fullname, inner):
            return fail if of_adj(fullname, inner) is not None else None

        if name == HOOK and MODE == "both":
            of_django = lambda fullname, lookup=of_django: fail if lookup(fullname) is not None else None
        return super().choose(name, fullname, of_django, broken if name == HOOK and MODE != "lookup" else of_adj)

    def value(self, name, compute, otherwise):
        return super().value(name, fail if name == HOOK and MODE == "lookup" else compute, otherwise)

class Broken(AdjPlugin):
    def __init__(self, options):
        super().__init__(options)
        self._guard = Breaking(debug=False)

def plugin(version):
    return Broken
""",
    "mypy.ini": (
        "[mypy]\nplugins = broken\nstrict = True\n[mypy.plugins.django-stubs]\ndjango_settings_module = settings\n"
    ),
}

IMPORTS: Final = """\
import dataclasses

import adj
import django.db.models.base
"""

ASKED: Final = frozenset(name for name in vars(Plugin) if name.startswith(("get_", "report_")))
"""Every method of a plugin that mypy calls for an answer."""
WITHOUT_PLACE: Final = frozenset({"get_additional_deps", "report_config_data"})
WITHOUT_HOOK: Final = frozenset({"get_class_decorator_hook", "get_class_decorator_hook_2"})
"""Neither adj nor django-stubs has a hook here; only choosing one can fail."""
NEW: Final = frozenset({"get_additional_indirect_deps"})
"""Neither adj nor django-stubs defines it."""
HOOKS: Final = sorted(ASKED - WITHOUT_PLACE - WITHOUT_HOOK - NEW)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of mypy with what the project imports, so that only its own modules meet a broken hook."""
    folder = tmp_path_factory.mktemp("cache")
    write(folder)
    (folder / "imports.py").write_text(IMPORTS, encoding="utf-8")
    mypy(folder, "none:hook", "imports.py")
    return folder / "mypy_cache"


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Path:
    write(tmp_path)
    # Each test has its own copy, because a broken hook may change what mypy keeps.
    shutil.copytree(cache, tmp_path / "mypy_cache")
    return tmp_path


def write(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def mypy(project: Path, broken: str, *files: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)]), "BROKEN": broken}
    command = [sys.executable, "-m", "mypy", "--cache-dir=mypy_cache", *files]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def check(project: Path, broken: str) -> tuple[str, str]:
    """What mypy prints on stdout and on stderr, where a hook is broken."""
    result = mypy(project, broken, "shop/models.py", "queries.py")
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    assert "INTERNAL ERROR" not in output
    assert "Traceback" not in output
    assert 'queries.py:23: error: Incompatible types in assignment (expression has type "str"' in output
    assert output.count("adj's check was skipped here: ZeroDivisionError: on purpose") == 1, output
    assert f" in {broken.partition(':')[0]}; please report it at " in output
    return result.stdout, result.stderr


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises_is_reported_once_at_its_line(project: Path, hook: str) -> None:
    stdout, stderr = check(project, f"{hook}:hook")
    assert re.search(r"\b(queries|models)\.py:[1-9]\d*: note: adj's check was skipped here", stdout + stderr)


def test_the_note_is_one_of_mypys_messages(project: Path) -> None:
    stdout, _ = check(project, "get_method_hook:hook")
    assert re.search(r"^queries\.py:[1-9]\d*: note: adj's check was skipped here", stdout, re.MULTILINE)


def test_a_line_with_type_ignore_does_not_hide_the_note(project: Path) -> None:
    text = FILES["queries.py"].replace("aget()\n", "aget()  # type: ignore\n")
    (project / "queries.py").write_text(text, encoding="utf-8")
    _, stderr = check(project, "get_method_signature_hook:hook")
    assert re.search(r"^queries\.py:[1-9]\d*: note: adj's check was skipped here", stderr, re.MULTILINE)


@pytest.mark.parametrize("hook", ["get_base_class_hook", "get_dynamic_class_hook", "get_method_hook"])
def test_mypy_goes_on_where_the_hook_of_django_stubs_raises_too(project: Path, hook: str) -> None:
    check(project, f"{hook}:both")


@pytest.mark.parametrize("name", sorted(WITHOUT_PLACE | WITHOUT_HOOK | {"get_method_hook"}))
def test_what_raises_without_a_place_is_reported_on_stderr(project: Path, name: str) -> None:
    stdout, stderr = check(project, f"{name}:lookup")
    assert "skipped here" in stderr
    assert "skipped here" not in stdout


def test_the_rest_of_the_code_is_checked_as_before(project: Path) -> None:
    (project / "queries.py").write_text(FILES["queries.py"] + 'q(Book).values("titel")\n', encoding="utf-8")
    stdout, _ = check(project, "get_method_signature_hook:hook")
    assert 'queries.py:24: error: Book has no field "titel"; did you mean "title"?' in stdout
