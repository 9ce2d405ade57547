"""A small Django project in a folder, in which the command runs as users run it: in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["adj", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line(sys.argv)
"""

MODELS = """\
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=80, help_text="As on the cover.")


class Book(models.Model):
    title = models.CharField(max_length=80)
    pages = models.IntegerField(null=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
"""


def make_project(folder: Path, models: str = MODELS, pyproject: str = "") -> Path:
    """Write the files of a project with the app `shop`, and return its folder."""
    files = {
        "manage.py": MANAGE,
        "settings.py": SETTINGS,
        "pyproject.toml": pyproject,
        "shop/__init__.py": "",
        "shop/models.py": models,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder of a project."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def environment() -> Mapping[str, str]:
    """The environment of a user's shell, in which this copy of adj is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def read_stubs(folder: Path, place: str = "typings") -> dict[str, str]:
    """The generated files of a project, by their path."""
    package = folder / place / "adj-stubs"
    files = sorted(path for path in package.rglob("*") if path.is_file())
    return {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in files}
