"""The page on support lists what adj has: versions, settings, loggers, checks, fixtures and error codes."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import django
import pytest

import adj

ROOT: Final = Path(adj.__file__).resolve().parents[1]
SUPPORT: Final = (ROOT / "docs" / "contributing" / "support.md").read_text(encoding="utf-8")
SETTINGS: Final = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
ENGINES: Final = (ROOT / "docs" / "howto" / "engines.md").read_text(encoding="utf-8")


def in_source(pattern: str, *folders: str) -> set[str]:
    """What a pattern finds in the source files of some folders or files."""
    paths = [path for name in folders for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    return {match for path in paths for match in re.findall(pattern, path.read_text(encoding="utf-8"))}


def quoted(pattern: str, text: str = SUPPORT) -> set[str]:
    """The names in backticks on a page that match a pattern as a whole."""
    return {name for name in re.findall(r"`([^`\s]+)`", text) if re.fullmatch(pattern, name)}


def test_the_loggers_are_those_of_the_source() -> None:
    loggers = in_source(r'getLogger\("([\w.]+)"\)', "adj")
    assert loggers
    assert loggers <= quoted(r"adj\.[a-z]+")


def test_the_settings_are_those_that_are_read() -> None:
    read = in_source(r'"(ADJ(?:_[A-Z_]+)?)"', "adj/settings.py")
    assert read == quoted(r"ADJ(_[A-Z_]+)?")
    assert read == set(re.findall(r"^(ADJ\w*) = ", SETTINGS, re.MULTILINE))


def test_the_checks_are_those_of_the_source() -> None:
    ids = in_source(r'"(adj\.[A-Z]\d{3})"', "adj/checks.py")
    assert ids == set(re.findall(r"^\| `(adj\.[A-Z]\d{3})` \|", ENGINES, re.MULTILINE))


def test_the_fixtures_are_those_of_the_plugin() -> None:
    assert in_source(r"def (adj_\w+)\(", "adj_pytest.py") == quoted(r"adj_[a-z_]+")


def test_the_error_codes_are_those_of_the_mypy_plugin() -> None:
    assert in_source(r'ErrorCode\("([\w-]+)"', "adj_mypy") == quoted(r"adj-[a-z-]+")


@pytest.mark.parametrize("module", sorted(quoted(r"adj(\.[a-z]+)*") - in_source(r'getLogger\("([\w.]+)"\)', "adj")))
def test_the_public_modules_exist(module: str) -> None:
    if module == "adj.models.paginator" and django.VERSION < (6, 0):
        with pytest.raises(ImportError, match="AsyncPaginator"):
            importlib.import_module(module)
        return
    assert importlib.import_module(module).__name__ == module


def test_the_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [django] = [each for each in project["dependencies"] if each.startswith("Django")]
    row = re.search(r"^\| Django \| (.*?) \|", SUPPORT, re.MULTILINE)
    assert row
    supported = re.findall(r"\d+\.\d+", row[1])
    assert django == f"Django>={supported[0]},<{next_feature_release(supported[-1])}"
    assert f"| Python | {project['requires-python'].removeprefix('>=')} and newer |" in SUPPORT
    assert minimum("psycopg", project["optional-dependencies"]["postgres"]) in SUPPORT
    assert minimum("mypy", project["optional-dependencies"]["mypy"]) in SUPPORT


def next_feature_release(version: str) -> str:
    """The Django version after another one: 6.2 after 6.1, and 7.0 after 6.2, which is an LTS."""
    major, minor = map(int, version.split("."))
    return f"{major}.{minor + 1}" if minor < 2 else f"{major + 1}.0"


def minimum(package: str, requirements: Iterable[str]) -> str:
    """A requirement as the page has it: `3.2 and newer`."""
    [version] = [match[1] for each in requirements if (match := re.match(rf"{package}(?:\[\w+\])?>=([\d.]+)", each))]
    return f"{version} and newer"
