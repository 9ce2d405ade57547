"""A PostgreSQL that the tests may use, and databases of their own on it."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import psycopg
from django.db.backends.postgresql.features import DatabaseFeatures
from psycopg import sql


class UnsuitableServer(RuntimeError):
    """A server answered, but the tests cannot use it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL the tests may create databases on.

    `version` is written as libpq writes it, 150020 for 15.20. `database` is one that exists, to connect to first.
    """

    host: str
    port: int
    user: str
    password: str
    version: int
    origin: str
    database: str = "postgres"

    def connect(self, database: str | None = None) -> psycopg.Connection:
        """A new connection in autocommit mode."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database or self.database,
            connect_timeout=5,
            autocommit=True,
        )

    @property
    def release(self) -> str:
        """The version as people write it, "15.20"."""
        return f"{self.version // 10_000}.{self.version % 10_000}"

    def url(self, database: str | None = None) -> str:
        """Where libpq finds a database."""
        account = f"{quote(self.user)}:{quote(self.password)}"
        return (
            f"postgresql://{account}@/{database or self.database}?{urlencode({'host': self.host, 'port': self.port})}"
        )

    def django_database(self, name: str) -> dict[str, object]:
        """One value of Django's `DATABASES`."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": self.host,
            "PORT": str(self.port),
            "USER": self.user,
            "PASSWORD": self.password,
        }


@contextmanager
def temporary_database(server: Server) -> Generator[str]:
    """The name of a new, empty database, which is dropped at block exit."""
    name = create_database(server)
    try:
        yield name
    finally:
        drop_database(server, name)


def create_database(server: Server) -> str:
    """Make an empty database under a name that no other session uses."""
    name = f"adj_test_{os.getpid()}_{secrets.token_hex(4)}"
    with server.connect() as connection:
        # template0: it accepts no connections, which would make CREATE DATABASE fail.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
    return name


def drop_database(server: Server, name: str) -> None:
    """Drop a database, even if clients are still connected to it."""
    with server.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def probe(target: Server) -> Server:
    """The same server with its version, once it has let us in. Raises `UnsuitableServer` and psycopg's errors."""
    if not _is_local(target.host):
        raise UnsuitableServer(f"{target.host} is another machine; the tests use a server on this one only")
    with target.connect() as connection:
        version = connection.info.server_version
        row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if version < (oldest := _oldest_version()):
        raise UnsuitableServer(f"version {version // 10_000} is older than {oldest // 10_000}")
    if row != (True,):
        raise UnsuitableServer(f"{target.user} may not create databases")
    return replace(target, version=version)


def _oldest_version() -> int:
    """The oldest PostgreSQL that the installed Django supports."""
    minimum = DatabaseFeatures.minimum_database_version
    assert minimum is not None
    return 10_000 * minimum[0]


def _is_local(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
