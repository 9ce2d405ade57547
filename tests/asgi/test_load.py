"""Sixty-four connections at once on an application in `NativeMiddleware`, on worker threads: no error."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from tests.asgi.serving import APPLICATION, served

AT_ONCE, ROUNDS = 64, 4


@pytest.fixture(params=["default", "postgres"], ids=["SQLite", "PostgreSQL"])
def database(request: Any) -> dict[str, Any]:
    """A database with the table of countries."""
    if request.param != "default":
        request.getfixturevalue(request.param)
    return dict(connections.settings[request.param])


def test_requests_wait_for_a_worker_and_find_what_they_have_written(database: dict[str, Any]) -> None:
    options = {"database": database, "adj": {"engine": "threads", "threads": 8}, "middleware": [], "is_native": True}
    with served(APPLICATION, options) as server:
        for _ in range(ROUNDS):
            answers = server.get([f"/country/{number}/" for number in range(AT_ONCE)], AT_ONCE)
            for number, answer in enumerate(answers):
                code = f"{number:02x}"
                assert answer.json() == {
                    "written": code,
                    "changed": 2,
                    "found": ["changed", number, "changed", code],
                    "deleted": 1,
                }
