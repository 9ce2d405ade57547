"""Packages that watch queries, on PostgreSQL: what docs/howto/packages.md says of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import create_database, drop_database, postgresql_server

ROOT = Path(__file__).resolve().parents[2]
SEEN: dict[str, Any] = {
    "cachalot": [names for names in (["a"], ["b"], ["b", "copied"], ["c", "copied"]) for _ in range(2)],
    "sentry": ["SELECT", "SELECT", "UPDATE"],
    "prometheus": True,
    "pool": [0] * 20,
    "tenants": True,
}


@pytest.fixture(scope="module")
def database() -> Generator[str]:
    """A temporary database, as JSON."""
    with postgresql_server() as server:
        name = create_database(server)
        try:
            yield json.dumps(server.django_database(name))
        finally:
            drop_database(server, name)


@pytest.mark.parametrize("engine", ["auto", "threads"])
@pytest.mark.parametrize("package", SEEN)
def test_a_package_sees_the_queries_of_adj(database: str, package: str, engine: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.thirdparty.package_program", package, engine],
        cwd=ROOT,
        env={**os.environ, "ADJ_PACKAGES_POSTGRES": database},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == SEEN[package]
