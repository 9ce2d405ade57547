"""Finds a MariaDB for the tests: the one that `ADJ_TEST_MARIADB_URL` names, else one of this machine.

`ADJ_TEST_MARIADB_URL` is `mysql://user:password@127.0.0.1:3306`; a server that is named has to answer. The other one is
asked at port 3306 as root without a password. The driver is PyMySQL, which needs no headers to build; Django knows it
under the name of the driver that it replaces.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql


def install_driver() -> None:
    """Let Django find PyMySQL where it looks for mysqlclient; before the backend is imported."""
    # Django refuses older versions of mysqlclient, and PyMySQL counts differently.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()


def named_server() -> bool:
    """Whether a server is named, and so has to be there."""
    return "ADJ_TEST_MARIADB_URL" in os.environ


def parameters() -> dict[str, Any]:
    """Where the server is."""
    parts = urlsplit(os.environ.get("ADJ_TEST_MARIADB_URL", "mysql://root:@127.0.0.1:3306"))
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 3306,
        "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""),
    }


@contextmanager
def temporary_database(collation: str) -> Generator[dict[str, object]]:
    """An entry of `DATABASES` for a new, empty database, which is dropped at block exit.

    Raises PyMySQL's `OperationalError` where no server lets us in.
    """
    where = parameters()
    name = f"adj_test_{os.getpid()}_{secrets.token_hex(4)}"
    with pymysql.connect(**where, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE {collation}")
        try:
            yield {
                "ENGINE": "django.db.backends.mysql",
                "NAME": name,
                "HOST": where["host"],
                "PORT": str(where["port"]),
                "USER": where["user"],
                "PASSWORD": where["password"],
                # Reading the certificates of the machine takes the time of twenty connections.
                "OPTIONS": {"ssl_disabled": True},
            }
        finally:
            cursor.execute(f"DROP DATABASE {name}")


@contextmanager
def private_server() -> Generator[dict[str, Any]]:
    """Where a server of our own is, on a socket in a temporary folder that is deleted at block exit.

    Raises `FileNotFoundError` where MariaDB's programs are not installed, and `TimeoutError` if it does not start.
    """
    install, serve = (
        shutil.which("mariadb-install-db"),
        shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin"),
    )
    if install is None or serve is None:
        raise FileNotFoundError("mariadb-install-db and mariadbd")
    with tempfile.TemporaryDirectory(prefix="adj-mariadb-") as folder:
        # Root's server has to be told that it may be root's.
        options = [f"--datadir={folder}/data", f"--user={getpass.getuser()}"]
        subprocess.run(
            [install, "--no-defaults", *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        where = {"unix_socket": f"{folder}/socket", "user": "root"}
        server = subprocess.Popen(
            [
                serve,
                "--no-defaults",
                *options,
                "--skip-networking",
                f"--socket={folder}/socket",
                f"--pid-file={folder}/pid",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(Path(where["unix_socket"]))
            yield where
        finally:
            server.terminate()
            server.wait()


def _wait_for(socket: Path, seconds: float = 60) -> None:
    """Wait until a server listens."""
    end = time.monotonic() + seconds
    while not socket.exists():
        if time.monotonic() > end:
            raise TimeoutError(socket)
        time.sleep(0.05)
