"""The project in examples/testing: its tests write, in any order and side by side, and leave no row."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from tests.testing.running import ROOT, run_pytest

PROJECT = ROOT / "examples" / "testing"
TABLES = ("library_member", "library_book", "library_loan")


@dataclass(frozen=True, slots=True)
class Library:
    """A database for the project, and a look into those that its tests have used."""

    database: str
    rows_left: Callable[[], dict[str, int]]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Library]:
    if request.param == "SQLite":
        yield Library(str(tmp_path / "library.sqlite3"), lambda: rows_on_sqlite(tmp_path))
        return
    request.getfixturevalue("postgres")
    name = f"adj_library_{secrets.token_hex(4)}"
    yield Library(url(name), lambda: rows_on_postgresql(name))
    with connect() as connection:
        for database in databases_of_tests(name):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def rows_on_sqlite(folder: Path) -> dict[str, int]:
    """How many rows are in the files of the tests."""
    found = {}
    for path in folder.glob("library.sqlite3.test*"):
        with closing(sqlite3.connect(path)) as connection:
            # The names are those above.
            counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
        found[path.name] = sum(counts)
    return found


def rows_on_postgresql(name: str) -> dict[str, int]:
    """How many rows are in the databases of the tests."""
    found = {}
    for database in databases_of_tests(name):
        with connect(database) as connection:
            counts = [
                connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
                for table in TABLES
            ]
        found[database] = sum(row[0] for row in counts if row)
    return found


def databases_of_tests(name: str) -> list[str]:
    with connect() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"test_{name}%"])
        return [row[0] for row in found.fetchall()]


def connect(database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(url(database), autocommit=True)


def url(database: str) -> str:
    """The address of a database on the server of the tests."""
    server = connections.settings["postgres"]
    host = str(server["HOST"])
    where = (
        f":{server['PORT']}/{database}?host={host}" if host.startswith("/") else f"{host}:{server['PORT']}/{database}"
    )
    return f"postgresql://{server['USER']}:{server['PASSWORD']}@{where}"


@pytest.mark.parametrize("processes", [0, 2])
def test_twenty_tests_in_random_order_leave_no_row(library: Library, processes: int) -> None:
    arguments = ["-q", "--reuse-db", f"--numprocesses={processes}", "-p", "randomly"]
    finished = run_pytest(PROJECT, arguments, {"LIBRARY_DATABASE": library.database})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(r"^20 passed in ", finished.stdout, flags=re.MULTILINE), finished.stdout
    rows = library.rows_left()
    assert len(rows) == (processes or 1)
    assert set(rows.values()) == {0}, rows


@pytest.mark.parametrize("library", ["PostgreSQL"], indirect=True)
def test_databases_are_dropped_without_keepdb(library: Library) -> None:
    finished = run_pytest(PROJECT, ["-q", "-n", "2"], {"LIBRARY_DATABASE": library.database})
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert library.rows_left() == {}


@pytest.mark.parametrize("library", ["SQLite"], indirect=True)
def test_without_the_plugin_rows_are_left(library: Library) -> None:
    """A test of the tests above: Django's own methods write on another connection, and commit."""
    test = "tests/test_django.py::test_rows_of_a_bulk_are_seen"
    run_pytest(PROJECT, ["-q", "--reuse-db", "-p", "no:adj", test], {"LIBRARY_DATABASE": library.database})
    assert set(library.rows_left().values()) == {50}
