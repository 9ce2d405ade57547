"""For a system check: finds signs of a pooler in `DATABASES`, without connecting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adj.engines.django_wrapper import DatabaseSettings

# The default port of pgbouncer, pgcat and Odyssey, and of the built-in poolers of Azure and Cloud SQL.
_PORT = "6432"

# Providers whose pooler has the same host name as the server, or a different mode on each port:
# https://supabase.com/docs/guides/database/connecting-to-postgres (port 5432 of the same host is in session mode), and
# https://docs.digitalocean.com/products/databases/postgresql/how-to/manage-connection-pools/.
_PORTS_OF_HOSTS = {r"\.supabase\.com?$": "6543", r"\.ondigitalocean\.com$": "25061"}

# Names of containers and services, directories of sockets, and Neon's hosts "ep-...-pooler.region.aws.neon.tech".
_HOST = re.compile(r"pgbouncer|pgcat|pooler(?!\.supabase\.com)", re.IGNORECASE)


def sign_of_pooler(settings: DatabaseSettings) -> str | None:
    """The part of `HOST` or `PORT` that suggests a pooler, such as "port 6432"; None if there is none."""
    return next(_signs(settings), None)


def _signs(settings: DatabaseSettings) -> Iterator[str]:
    hosts, ports = (_several(settings, name) for name in ("HOST", "PORT"))
    if _PORT in ports:
        yield f"port {_PORT}"
    for host in hosts:
        if _HOST.search(host):
            yield f'host "{host}"'
        for pattern, port in _PORTS_OF_HOSTS.items():
            if port in ports and re.search(pattern, host, re.IGNORECASE):
                yield f'port {port} of "{host}"'


def _several(settings: DatabaseSettings, name: str) -> list[str]:
    """The values of a setting, which may also be in `OPTIONS`. libpq accepts a list, separated by commas."""
    value = settings[name] or settings["OPTIONS"].get(name.lower(), "")
    return [each.strip() for each in str(value).split(",")]
