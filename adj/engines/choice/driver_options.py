"""For system checks: finds connection options that a driver does not know, without connecting."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connections

from adj.djangos import is_djangos
from adj.engines.choice.choice import missing_packages


def problems_of_options(alias: str) -> Iterator[str]:
    """Problems of the names in `OPTIONS` of a PostgreSQL alias that psycopg does not know.

    A backend that overrides `get_connection_params()` may have other options. They are checked when it connects.
    """
    wrapper = connections.create_connection(alias)
    if wrapper.vendor == "postgresql" and not missing_packages() and is_djangos(type(wrapper).get_connection_params):
        # The import needs psycopg.
        from adj.engines.choice.connection_parameters import problems_of_options

        yield from problems_of_options(alias, wrapper.settings_dict["OPTIONS"])
