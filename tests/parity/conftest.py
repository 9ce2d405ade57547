"""Compares on PostgreSQL in each way that adj can ask it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from tests.shop.data import know_content_types


@pytest.fixture(autouse=True)
def _known_content_types() -> None:
    know_content_types("default")


@pytest.fixture(params=["psycopg", "psycopg, prepared", "threads"])
def way(request: Any) -> str:
    """The engines for PostgreSQL. Not a parameter of `postgres`, which would create the database again for each."""
    name: str = request.param
    return name


@pytest.fixture
def postgres(way: str, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """PostgreSQL: natively, also with statements that are prepared at once, and through threads."""
    engine, _, prepared = way.partition(", ")
    know_content_types(postgres)
    if prepared:
        monkeypatch.setitem(connections.settings[postgres]["OPTIONS"], "prepare_threshold", 0)
    with override_settings(ADJ={postgres: {"engine": engine}}):
        yield postgres


@pytest.fixture(params=["SQLite", "MariaDB"])
def shop(request: Any) -> str:
    """The bookshop on a database that adj asks through threads."""
    if request.param == "SQLite":
        return "default"
    alias: str = request.getfixturevalue("mariadb_shop")
    know_content_types(alias)
    return alias
