"""Whether an alias goes through a pooler, as far as `DATABASES` tells; for a system check, which does not connect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# pgbouncer, pgcat and Odyssey listen there by default, and so do the built-in poolers of Azure and Cloud SQL.
_PORT = "6432"

# Providers whose pooler shares a name with the server, or has another mode for each port:
# https://supabase.com/docs/guides/database/connecting-to-postgres (5432 of the same host keeps sessions), and
# https://docs.digitalocean.com/products/databases/postgresql/how-to/manage-connection-pools/.
_PORTS_OF_HOSTS = {r"\.supabase\.com?$": "6543", r"\.ondigitalocean\.com$": "25061"}

# Names of containers and services, the directory of a socket, and Neon's hosts "ep-...-pooler.region.aws.neon.tech".
_HOST = re.compile(r"pgbouncer|pgcat|pooler(?!\.supabase\.com)", re.IGNORECASE)


def sign_of_pooler(settings: Mapping[str, Any]) -> str | None:
    """What in the `HOST` or the `PORT` of an alias tells of a pooler, such as "port 6432"; None where nothing does."""
    return next(_signs(settings), None)


def _signs(settings: Mapping[str, Any]) -> Iterator[str]:
    hosts, ports = (_several(settings, name) for name in ("HOST", "PORT"))
    if _PORT in ports:
        yield f"port {_PORT}"
    for host in hosts:
        if _HOST.search(host):
            yield f'host "{host}"'
        for pattern, port in _PORTS_OF_HOSTS.items():
            if port in ports and re.search(pattern, host, re.IGNORECASE):
                yield f'port {port} of "{host}"'


def _several(settings: Mapping[str, Any], name: str) -> list[str]:
    """The values of a setting, which may stand in `OPTIONS` as well: libpq takes a list, separated by commas."""
    value = settings[name] or settings["OPTIONS"].get(name.lower(), "")
    return [each.strip() for each in str(value).split(",")]
