"""What mypy says of a wrong configuration, or of a project that does not load: one message, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from typecheck_tests.plugin.checked import ROOT

ADJ, DJANGO = "adj_mypy.plugin", "mypy_django_plugin.main"
SETTINGS: Final = 'SECRET_KEY = "only for type checks"\nINSTALLED_APPS = ["shop"]\n'
MODELS: Final = """\
from django.db import models

class Book(models.Model):
    title = models.CharField(max_length=100)
"""
QUERIES: Final = """\
from adj import q
from shop.models import Book

q(Book).filter(titel="x")
book: Book
"""
WRONG_FIELD = 'Book has no field "titel"; did you mean "title"?  [adj-lookup]'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {"settings.py": SETTINGS, "shop/__init__.py": "", "shop/models.py": MODELS, "queries.py": QUERIES}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def ini(*plugins: str, settings: str = "settings", adj: str = "") -> str:
    django = f"[mypy.plugins.django-stubs]\ndjango_settings_module = {settings}\n"
    return f"[mypy]\nplugins = {', '.join(plugins)}\n{django}[mypy.plugins.adj]\n{adj}\n"


def toml(adj: str) -> str:
    return (
        f'[tool.mypy]\nplugins = ["{ADJ}"]\n[tool.django-stubs]\ndjango_settings_module = "settings"\n'
        f"[tool.adj-mypy]\n{adj}\n"
    )


def check(project: Path, configuration: str, name: str = "mypy.ini", *arguments: str) -> tuple[int, str]:
    """The status of mypy, and all that it prints."""
    (project / name).write_text(configuration, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    # The cache is shared by all, and holds what does not depend on the configuration.
    cache = str(project.parent / "mypy_cache")
    command = [sys.executable, "-m", "mypy", f"--cache-dir={cache}", f"--config-file={name}", *arguments, "queries.py"]
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    output = result.stdout + result.stderr
    assert "Traceback" not in output
    assert "INTERNAL ERROR" not in output, output
    return result.returncode, output


@pytest.mark.parametrize("plugins", [(ADJ,), (ADJ, DJANGO), (f"{ADJ}:plugin", DJANGO)])
def test_the_plugin_works_alone_and_before_the_one_of_django_stubs(project: Path, plugins: tuple[str, ...]) -> None:
    status, output = check(project, ini(*plugins))
    assert output.count(WRONG_FIELD) == 1
    assert status == 1


@pytest.mark.parametrize("inner", [DJANGO, f"{DJANGO}:plugin"])
def test_another_order_is_an_error_that_names_the_right_one(project: Path, inner: str) -> None:
    status, output = check(project, ini(inner, ADJ))
    assert f'"{ADJ}" must come before "{DJANGO}" in `plugins`; it runs that plugin itself.' in output
    assert status == 2


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("loaded_relation = true", 'unknown option "loaded_relation"; options are: loaded_relations, '),
        ("debug = perhaps", "\"debug\" must be true or false; got 'perhaps'"),
        ("strict_values = 100%", "\"strict_values\" must be true or false; got '100%'"),
    ],
)
def test_an_option_of_an_ini_file_is_checked(project: Path, option: str, problem: str) -> None:
    status, output = check(project, ini(ADJ, adj=option))
    assert f"mypy.ini, section [mypy.plugins.adj]: {problem}" in output
    assert status == 2


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("loaded_relation = true", 'unknown option "loaded_relation"; options are: loaded_relations, '),
        ('debug = "yes"', "\"debug\" must be true or false; got 'yes'"),
        ("debug = 1", '"debug" must be true or false; got 1'),
    ],
)
def test_an_option_of_a_toml_file_is_checked(project: Path, option: str, problem: str) -> None:
    status, output = check(project, toml(option), "pyproject.toml")
    assert f"pyproject.toml, section [tool.adj-mypy]: {problem}" in output
    assert status == 2


def test_options_of_a_toml_file_are_a_table(project: Path) -> None:
    text = toml("").replace("[tool.adj-mypy]", "[tool]\nadj-mypy = 3")
    status, output = check(project, text, "pyproject.toml")
    assert "pyproject.toml, section [tool.adj-mypy]: expected a table of options" in output
    assert status == 2


@pytest.mark.parametrize("name", ["mypy.ini", "pyproject.toml"])
def test_right_options_are_taken(project: Path, name: str) -> None:
    option = "loaded_relations = false\nstrict_values = true"
    status, output = check(project, ini(ADJ, adj=option) if name == "mypy.ini" else toml(option), name)
    assert WRONG_FIELD in output
    assert status == 1


def test_a_project_without_settings_hears_of_the_option(project: Path) -> None:
    status, output = check(project, f"[mypy]\nplugins = {ADJ}\n")
    assert "django_settings_module" in output
    assert status == 2


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("settings.py", "import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("settings.py", SETTINGS + "1 / 0\n", "ZeroDivisionError: division by zero"),
        ("shop/models.py", MODELS + "1 / 0\n", "ZeroDivisionError: division by zero"),
        ("shop/models.py", MODELS + "x = (\n", "SyntaxError: '(' was never closed"),
        ("shop/models.py", MODELS + "    pages = models.IntegerField(nil=True)\n", "TypeError: "),
        ("shop/models.py", MODELS + "class Old(Book): title = models.TextField()\n", "FieldError: "),
    ],
)
def test_a_module_with_an_error_is_named_with_its_line(project: Path, file: str, text: str, problem: str) -> None:
    (project / file).write_text(text, encoding="utf-8")
    status, output = check(project, ini(ADJ))
    assert f"Django could not load the project: {problem}" in output
    assert f"{project / file}:{len(text.splitlines())}" in output
    assert len(output.splitlines()) == 2
    assert status == 2


def test_settings_that_are_not_there_are_named(project: Path) -> None:
    status, output = check(project, ini(ADJ, settings="nowhere"))
    assert "Django could not load the project: ModuleNotFoundError: No module named 'nowhere'" in output
    assert status == 2


def test_django_stubs_that_are_not_installed_are_named(project: Path) -> None:
    (project / "mypy_django_plugin.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")
    status, output = check(project, ini(ADJ))
    assert 'it requires django-stubs: pip install "adj[mypy]"' in output
    assert status in {1, 2}


def test_without_a_configuration_there_is_no_plugin(project: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={os.devnull}", "queries.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])}
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert WRONG_FIELD not in result.stdout
    assert "INTERNAL ERROR" not in result.stdout


def test_models_that_are_excluded_are_known(project: Path) -> None:
    """`exclude` says which files are asked for; what they import is followed, and Django knows the models anyway."""
    _, output = check(project, ini(ADJ).replace("[mypy]\n", "[mypy]\nexclude = shop/\n", 1))
    assert WRONG_FIELD in output
