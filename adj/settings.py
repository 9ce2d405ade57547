"""What a project may set: `settings.ADJ` per database alias, and for all of them the limits of the plan cache.

These are `settings.ADJ_PLAN_CACHE_SIZE` and `settings.ADJ_PLAN_CACHE_BYTES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from adj.errors import UnknownDatabase

EngineName = Literal["auto", "psycopg", "threads", "django"]

DEFAULT_PLAN_CACHE_SIZE = 1_024
DEFAULT_PLAN_CACHE_BYTES = 64 * 2**20

POOL_OPTIONS = ("min_size", "max_size", "timeout", "max_waiting", "max_lifetime", "max_idle")


@dataclass(frozen=True, slots=True)
class AliasSettings:
    """The settings of one alias, `ADJ = {"default": {"engine": "threads", "threads": 8}}`.

    `engine`: `psycopg` (PostgreSQL natively, without threads; needs `adj[postgres]`), `threads` (worker threads that
    own their connection), `django` (Django's own connection and thread), or `auto`, which is `psycopg` for PostgreSQL
    where the extra is installed, `django` for an in-memory SQLite database, and `threads` for everything else.
    `threads`: how many worker threads, and so how many connections, one event loop may use at a time.
    `pool`: for `psycopg`, the pool of one event loop, with psycopg's names: `min_size`, `max_size`, `timeout`,
    `max_waiting`, `max_lifetime`, `max_idle`. What is not given is taken from Django's `OPTIONS["pool"]`. `timeout`,
    the seconds that a query waits for a connection, and `max_waiting` hold for `threads` too.
    """

    engine: EngineName = "auto"
    threads: int = 8
    pool: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise ImproperlyConfigured(
                f"ADJ: engine {self.engine!r} is unknown; choose one of {', '.join(get_args(EngineName))}."
            )
        if not isinstance(self.threads, int) or isinstance(self.threads, bool) or self.threads < 1:
            raise ImproperlyConfigured(f"ADJ: threads must be a whole number from 1 on, not {self.threads!r}.")
        if not isinstance(self.pool, Mapping):
            raise ImproperlyConfigured(f'ADJ: pool must be a dict, as in {{"max_size": 20}}, not {self.pool!r}.')
        if unknown := sorted(map(str, set(self.pool) - set(POOL_OPTIONS))):
            raise ImproperlyConfigured(
                f"ADJ: unknown pool options {', '.join(unknown)}; adj knows {', '.join(POOL_OPTIONS)}."
            )


def check_alias(alias: str) -> None:
    """Raise `UnknownDatabase` for an alias that is not in `DATABASES`."""
    if alias not in connections.settings:
        raise UnknownDatabase(alias=alias, choices=connections)


def alias_settings(alias: str) -> AliasSettings:
    """The settings of an alias.

    Raises `ImproperlyConfigured` for a key or a value that adj does not know, and for an alias, be it another one, that
    is not in `DATABASES`.
    """
    configured = getattr(django_settings, "ADJ", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured('ADJ must be a dict of aliases, as in {"default": {"engine": "threads"}}.')
    if strange := sorted(map(repr, set(configured) - set(connections))):
        raise ImproperlyConfigured(
            f"ADJ: {', '.join(strange)} {'is' if len(strange) == 1 else 'are'} not in DATABASES, "
            f"which has {', '.join(map(repr, connections))}."
        )
    given = configured.get(alias, {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f'ADJ["{alias}"] must be a dict, as in {{"engine": "threads"}}, not {given!r}.')
    known = {field.name for field in fields(AliasSettings)}
    if unknown := sorted(map(str, set(given) - known)):
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]: unknown {", ".join(unknown)}; adj knows {", ".join(sorted(known))}.'
        )
    return AliasSettings(**given)


def plan_cache_size() -> int:
    """How many plans the process keeps, `ADJ_PLAN_CACHE_SIZE`.

    Raises `ImproperlyConfigured` when it is not a whole number from 1 on.
    """
    return _positive("ADJ_PLAN_CACHE_SIZE", DEFAULT_PLAN_CACHE_SIZE)


def plan_cache_bytes() -> int:
    """How many bytes of plans the process keeps, by estimate, `ADJ_PLAN_CACHE_BYTES`.

    Raises `ImproperlyConfigured` when it is not a whole number from 1 on.
    """
    return _positive("ADJ_PLAN_CACHE_BYTES", DEFAULT_PLAN_CACHE_BYTES)


def _positive(name: str, default: int) -> int:
    value = getattr(django_settings, name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ImproperlyConfigured(f"{name} must be a whole number from 1 on, not {value!r}.")
    return value


DEFAULT_PROBATION_RUNS = 2


def verified_share() -> float:
    """The share of runs of a kept plan that are compared with Django's own SQL, `ADJ_VERIFY`: 0 (default) to 1.

    Raises `ImproperlyConfigured` for anything but a number from 0 to 1.
    """
    share = getattr(django_settings, "ADJ_VERIFY", 0)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ImproperlyConfigured(f"ADJ_VERIFY must be a number from 0 to 1, not {share!r}.")
    return float(share)


def probation_runs() -> int:
    """How many runs of a new plan with other values are compared with Django's own SQL, `ADJ_PROBATION_RUNS`.

    Raises `ImproperlyConfigured` for anything but a whole number that is not negative.
    """
    runs = getattr(django_settings, "ADJ_PROBATION_RUNS", DEFAULT_PROBATION_RUNS)
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 0:
        raise ImproperlyConfigured(f"ADJ_PROBATION_RUNS must be 0 or a positive integer, not {runs!r}.")
    return runs
