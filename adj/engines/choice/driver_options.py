"""Connection options that a driver does not know, found without connecting; for system checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connections

from adj.djangos import is_djangos
from adj.engines.choice.choice import missing_packages


def problems_of_options(alias: str) -> Iterator[str]:
    """The names in `OPTIONS` of a PostgreSQL alias that psycopg does not know.

    A backend that makes the parameters itself may have options of its own; they are judged when it connects.
    """
    wrapper: Any = connections.create_connection(alias)
    if wrapper.vendor == "postgresql" and not missing_packages() and is_djangos(type(wrapper).get_connection_params):
        # Not everybody has the driver.
        from adj.engines.choice.connection_parameters import problems_of_options

        yield from problems_of_options(alias, wrapper.settings_dict["OPTIONS"])
