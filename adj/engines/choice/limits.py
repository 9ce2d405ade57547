"""How many connections adj may open to a database, and how many its server allows."""

from __future__ import annotations

import os

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.engines.choice.choice import engine_of
from adj.engines.lease.pool_options import PoolOptions
from adj.settings import alias_settings, pool_setting

_POSTGRESQL = """
SELECT LEAST(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - COALESCE(current_setting('reserved_connections', true)::int, 0),
    NULLIF(r.rolconnlimit, -1),
    NULLIF(d.datconnlimit, -1)
)
FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
WHERE r.rolname = current_user AND d.datname = current_database()
"""


def processes() -> int:
    """How many processes the web server starts, by `WEB_CONCURRENCY`, which gunicorn and uvicorn read."""
    configured = os.environ.get("WEB_CONCURRENCY", "")
    return max(int(configured), 1) if configured.isdigit() else 1


def most_connections(alias: str = DEFAULT_DB_ALIAS) -> tuple[int, str]:
    """How many connections one event loop may open, and the name of the setting that limits them.

    Raises `ImproperlyConfigured` as `engine_of()` does.
    """
    settings = alias_settings(alias)
    match engine_of(alias).engine:
        case "psycopg":
            options = PoolOptions.of(settings.pool, connections.settings[alias]["OPTIONS"].get("pool"))
            return options.max_size, pool_setting(alias, "max_size")
        case "threads":
            return settings.threads, f'ADJ["{alias}"]["threads"]'
        case "django":
            return 1, f'ADJ["{alias}"]["engine"]'


def session_limit(alias: str = DEFAULT_DB_ALIAS) -> int | None:
    """How many sessions the server allows for the user of an alias; None if the server does not say.

    Connects synchronously. Raises the errors of connecting.
    """
    connection = connections[alias]
    if connection.vendor == "postgresql":
        return _number(connection, _POSTGRESQL)
    if connection.vendor == "mysql":
        limits = [_number(connection, f"SELECT @@{name}") for name in ("max_connections", "max_user_connections")]
        return min((limit for limit in limits if limit), default=None)
    return None


def _number(connection: BaseDatabaseWrapper, query: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        number: int | None = cursor.fetchone()[0]
        return number
