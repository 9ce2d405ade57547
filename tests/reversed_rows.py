"""A pytest plugin that finds tests which rely on an unspecified order: `pytest -p tests.reversed_rows`.

A SELECT without ORDER BY gives its rows in the opposite order. Databases give them as it suits them, mostly in the
order in which they were written, and some day, after a vacuum or on another version, in another one.

On PostgreSQL each fetch is reversed separately. Django fetches 100 rows at once and adj all rows, so that tests/parity,
which compares the two on more rows than that, fails with this.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db.backends.signals import connection_created


def pytest_configure(config: pytest.Config) -> None:
    """Turn the rows of SQLite by its own setting, those of PostgreSQL where psycopg hands them over."""
    connection_created.connect(_reverse_sqlite)
    for cursor in (psycopg.Cursor, psycopg.AsyncCursor):
        for name in ("fetchall", "fetchmany"):
            reverse = _reversed_later if cursor is psycopg.AsyncCursor else _reversed
            setattr(cursor, name, reverse(getattr(cursor, name)))


def _reverse_sqlite(connection: Any, **_signal: Any) -> None:
    # https://www.sqlite.org/pragma.html#pragma_reverse_unordered_selects
    if connection.vendor == "sqlite":
        connection.connection.execute("PRAGMA reverse_unordered_selects = ON")


def _reversed(fetch: Any) -> Any:
    def fetch_reversed(cursor: Any, *args: Any) -> Any:
        return _turned(cursor, fetch(cursor, *args))

    return fetch_reversed


def _reversed_later(fetch: Any) -> Any:
    async def fetch_reversed(cursor: Any, *args: Any) -> Any:
        return _turned(cursor, await fetch(cursor, *args))

    return fetch_reversed


def _turned(cursor: Any, rows: list[Any]) -> list[Any]:
    query = cursor._query  # private in psycopg, which has no public name for the text that was sent last
    text = query.query.lower() if query is not None else b""
    is_unordered = text.lstrip().startswith(b"select") and b"order by" not in text and b"generate_series" not in text
    return rows[::-1] if is_unordered else rows
