"""The limits of a pool, from the project's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adj.settings import POOL_OPTIONS


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The limits of a pool, with the names and defaults of psycopg's pool. Times are in seconds.

    A connection older than `max_lifetime` is closed. An idle one is closed after `max_idle`, while there are more than
    `min_size`. `timeout` limits how long a query waits for a connection, including the time to open one. `max_waiting`
    limits how many queries may wait while all connections are in use (0: no limit).
    """

    min_size: int = 0
    max_size: int = 10
    timeout: float = 30.0
    max_waiting: int = 0
    max_lifetime: float = 3600.0
    max_idle: float = 600.0

    @classmethod
    def of(cls, adj_options: Mapping[str, float], django_options: object) -> PoolOptions:
        """The options in `ADJ[alias]["pool"]`, or else those in Django's `OPTIONS["pool"]` that mean the same here."""
        values: dict[str, Any] = {**(django_options if isinstance(django_options, dict) else {}), **adj_options}
        options = cls(**{name: values[name] for name in POOL_OPTIONS if values.get(name) is not None})
        return options if options.max_size >= options.min_size else replace(options, max_size=options.min_size)
