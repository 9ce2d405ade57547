"""The PostgreSQL servers of the tests: found, or made by PostgreSQL's own programs."""

from __future__ import annotations

from tests.servers.clusters import replica_of, restart, start, stop
from tests.servers.finding import PostgreSQLNotFound, package_server, postgresql_server, private_server
from tests.servers.programs import service_account
from tests.servers.server import Server, create_database, drop_database, temporary_database

__all__ = [
    "PostgreSQLNotFound",
    "Server",
    "create_database",
    "drop_database",
    "package_server",
    "postgresql_server",
    "private_server",
    "replica_of",
    "restart",
    "service_account",
    "start",
    "stop",
    "temporary_database",
]
