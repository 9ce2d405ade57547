"""The matrix: pytest on every pair of Python and Django that adj supports and this machine has; and longer checks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DJANGOS = ("5.2", "6.0", "6.1")

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.reuse_venv = "yes"


def pyenv_folders() -> list[str]:
    """The program folders of pyenv's interpreters, the newest patch release of each version first."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [folder for python in PYTHONS for folder in versions.glob(f"{python}.*/bin")]
    return [str(folder) for folder in sorted(folders, key=lambda folder: _patch(folder.parent.name), reverse=True)]


def _patch(version: str) -> int:
    last = version.rpartition(".")[2]
    return int(last) if last.isdigit() else -1


def is_there(python: str) -> bool:
    """Whether the interpreter runs; a shim on PATH may stand for one that is not installed."""
    program = shutil.which(f"python{python}")
    return program is not None and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0


def are_a_pair(python: str, django: str) -> bool:
    """Django 6 needs Python 3.12."""
    return django == "5.2" or python != "3.11"


# nox looks for `python3.12` on PATH. Where pyenv has it, that one comes first: its shims fail for what is not active.
os.environ["PATH"] = os.pathsep.join([*pyenv_folders(), os.environ.get("PATH", "")])

PAIRS = [
    nox.param(python, django, id=f"py{python}-django{django}")
    for python in PYTHONS
    for django in DJANGOS
    if are_a_pair(python, django) and is_there(python)
]

OLDEST = next((python for python in PYTHONS if is_there(python)), PYTHONS[0])
NEWEST = next((python for python in reversed(PYTHONS) if is_there(python)), PYTHONS[-1])

# The oldest mypy that the plugin supports, with the oldest Django; and the newest one that pyproject.toml allows.
PLUGIN = [
    nox.param(OLDEST, "mypy~=1.18.0 django-stubs~=5.2.0 Django~=5.2.0", id="oldest"),
    nox.param(NEWEST, "mypy django-stubs Django", id="newest"),
]


@nox.session
@nox.parametrize("python,django", PAIRS)
def tests(session: nox.Session, django: str) -> None:
    """Run pytest on one pair: `nox -s "tests(py3.12-django6.0)"`."""
    run_pytest(session, django)


@nox.session(python=OLDEST)
def oldest(session: nox.Session) -> None:
    """Run pytest on the oldest pair that this machine's interpreters allow."""
    run_pytest(session, DJANGOS[0])


# What needs no server: adj on SQLite, and the compiler.
SERVERLESS = ("tests/engines", "tests/parity", "tests/unit", "tests/writes")


@nox.session
def threads(session: nox.Session) -> None:
    """Run the tests that need no PostgreSQL, on the interpreter that runs nox: for macOS and Windows."""
    session.install("--quiet", "--editable", ".[test]")
    session.run("python", "-m", "pytest", "-m", "not postgresql", *SERVERLESS, *session.posargs)


@nox.session
@nox.parametrize("python,requirements", PLUGIN)
def plugin(session: nox.Session, requirements: str) -> None:
    """Run the cases of the mypy plugin on the oldest or the newest mypy: `nox -s "plugin(oldest)"`."""
    session.install("--quiet", "--editable", ".[mypy,test]", "types-greenlet", *requirements.split())
    session.run("python", "-m", "mypy", "--version")
    session.run("python", "-m", "pytest", "typecheck_tests/plugin", *session.posargs)


@nox.session(python=NEWEST)
def django_main(session: nox.Session) -> None:
    """Run pytest on the development version of Django."""
    session.install("--quiet", "--editable", ".[test]")
    # Not together with adj, which does not allow for this version.
    session.install("--quiet", "--upgrade", "https://github.com/django/django/archive/refs/heads/main.tar.gz")
    session.run("python", "-m", "django", "--version")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=NEWEST)
def mypy_master(session: nox.Session) -> None:
    """Run the cases of the mypy plugin on the development version of mypy."""
    session.install("--quiet", "--editable", ".[mypy,test]", "types-greenlet")
    session.install("--quiet", "--upgrade", "https://github.com/python/mypy/archive/refs/heads/master.tar.gz")
    session.run("python", "-m", "mypy", "--version")
    session.run("python", "-m", "pytest", "typecheck_tests/plugin", *session.posargs)


THIRD_PARTY = [
    *("django-money", "django-polymorphic", "django-safedelete", "django-model-utils"),
    *("django-modeltranslation", "django-simple-history", "django-mptt", "django-taggit"),
    # Packages that watch queries.
    *("django-cachalot", "sentry-sdk", "django-prometheus", "django-db-connection-pool"),
    "django-tenants",
]


@nox.session(python=NEWEST)
def third_party(session: nox.Session) -> None:
    """Compare models of third-party packages with Django, and their CPU time, which has a goal."""
    session.install("--quiet", "--editable", ".[test]", *THIRD_PARTY)
    session.run("python", "-m", "tests.thirdparty", *session.posargs)
    session.run("python", "-m", "benchmarks.foreign")


def run_pytest(session: nox.Session, django: str) -> None:
    """Install adj with the tests' needs beside one release series of Django, and run the tests."""
    session.install("--quiet", "--editable", ".[test]", f"Django~={django}.0")
    session.log(f"Python {session.python} with Django {django}")
    session.run("python", "-m", "pytest", *session.posargs)
