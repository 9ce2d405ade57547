"""Finds a MariaDB for the tests: the one that `ADJ_TEST_MARIADB_URL` names, else one of this machine.

`ADJ_TEST_MARIADB_URL` is `mysql://user:password@127.0.0.1:3306`; a server that is named has to answer. The other one is
asked at port 3306 as root without a password. The driver is PyMySQL, which needs no headers to build; Django knows it
under the name of the driver that it replaces.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
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
            }
        finally:
            cursor.execute(f"DROP DATABASE {name}")
