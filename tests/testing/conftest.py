"""The engines and databases of tests/engines, and the project that tests run in processes of their own."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from django.db import connections

from tests.engines.conftest import native, place

__all__ = ["native", "place"]

PROJECT = Path(__file__).with_name("project")

PLACES = [("SQLite", "threads"), ("PostgreSQL", "psycopg"), ("PostgreSQL", "threads")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, where Python does not take it for a part of these tests."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture(params=PLACES, ids=" with ".join)
def variables(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[dict[str, str]]:
    """The environment that gives the project a database and an engine. Its test databases must be dropped by then."""
    database, engine = request.param
    chosen = {"DJANGO_SETTINGS_MODULE": "settings", "PROJECT_ENGINE": engine}
    if database == "SQLite":
        yield {**chosen, "PROJECT_DATABASE": str(tmp_path / "project.sqlite3")}
        assert not list(tmp_path.glob("*.test*"))
        return
    request.getfixturevalue("postgres")
    keys = ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")
    server = {key: connections.settings["postgres"][key] for key in keys}
    name = f"adj_project_{secrets.token_hex(4)}"
    yield {**chosen, "PROJECT_DATABASE": json.dumps({**server, "NAME": name})}
    assert left_databases(name) == []


def left_databases(name: str) -> list[str]:
    wrapper = connections["postgres"]
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"test_{name}%"])
        return [row[0] for row in cursor.fetchall()]
