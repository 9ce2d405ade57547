"""Builds the distributions once per session, and installs the wheel into two environments."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from repository_tests.environments import Environment

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Distributions:
    """The files that a release uploads."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist of the checkout, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distributions(wheel, sdist)


@pytest.fixture(scope="session")
def plain(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel without extras."""
    return Environment.with_installed(tmp_path_factory.mktemp("plain"), str(distributions.wheel))


@pytest.fixture(scope="session")
def with_tools(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with the extra `mypy`, and pytest."""
    requirements = (f"{distributions.wheel}[mypy]", "pytest")
    return Environment.with_installed(tmp_path_factory.mktemp("tools"), *requirements)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with settings and one model."""
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "__init__.py").touch()
    (tmp_path / "library" / "models.py").write_text(MODELS)
    return tmp_path


SETTINGS: Final = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "library.sqlite3"}}
INSTALLED_APPS = ["library"]
"""

MODELS: Final = """
from django.db import models


class Book(models.Model):
    title = models.CharField(max_length=100)
"""
