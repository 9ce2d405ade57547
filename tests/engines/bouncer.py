"""A pgbouncer in transaction mode between adj and the tests' PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tests.servers import service_account

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
MISSING = "pgbouncer is not installed (Debian's package of that name)"


@pytest.fixture
def bounced(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The alias `postgres` through a pgbouncer of two server connections."""
    if PROGRAM is None:
        # In CI, where a run decides whether a change is merged, it must be installed.
        assert "CI" not in os.environ, MISSING
        pytest.skip(MISSING)
    settings = connections.settings[postgres]
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="adj-", dir="/tmp") as name:
        folder = Path(name)
        users = folder / "users.txt"
        users.write_text(f'"{settings["USER"]}" "{settings["PASSWORD"]}"\n')
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            "[databases]\n"
            f"* = host={settings['HOST']} port={settings['PORT']}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
        )
        process = subprocess.Popen(
            [str(PROGRAM), str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_account(folder),
        )
        try:
            wait_for(port)
            connections[postgres].close()
            monkeypatch.setitem(settings, "HOST", "127.0.0.1")
            monkeypatch.setitem(settings, "PORT", str(port))
            yield postgres
        finally:
            connections[postgres].close()
            process.terminate()
            process.wait(timeout=10)


def as_account(folder: Path) -> dict[str, Any]:
    """For root, who may not run pgbouncer: as whom to run it."""
    # The one that runs PostgreSQL, since the folder with its socket may be its own.
    account = service_account()
    if account is None:
        return {}
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def free_port() -> int:
    """A port of this machine without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "pgbouncer does not start"
            time.sleep(0.05)
        else:
            return
