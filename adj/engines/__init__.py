"""The I/O ring: how one alias is reached from one event loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from adj.abc import Engine
from adj.engines.django import DjangoEngine
from adj.engines.threads import ThreadsEngine
from adj.engines.turns import Turns
from adj.settings import AliasSettings, alias_settings, check_alias

_NATIVE_PACKAGES = ("psycopg", "greenlet")


def engine_for(alias: str) -> Engine:
    """The engine that `settings.ADJ` chooses for an alias.

    Raises `ImproperlyConfigured` for settings that adj does not know or that the backend cannot honour, and
    `UnknownDatabase` for an alias that is not in `DATABASES`.
    """
    check_alias(alias)
    settings = alias_settings(alias)
    wrapper = connections.create_connection(alias)
    match settings.engine:
        case "psycopg":
            return _native(alias, wrapper.vendor, settings.pool)
        case "threads":
            return _threads(alias, settings)
        case "django":
            return DjangoEngine(alias)
        case "auto":
            if wrapper.vendor == "postgresql" and not _missing_packages():
                return _native(alias, wrapper.vendor, settings.pool)
            # Every connection to it would be a database of its own, or share one through a lock.
            is_in_memory = getattr(wrapper, "is_in_memory_db", lambda: False)()
            return DjangoEngine(alias) if is_in_memory else _threads(alias, settings)


def pinned_engines(aliases: Collection[str]) -> Mapping[str, Engine]:
    """For tests: engines that have one connection each, in a transaction that is undone when they are closed.

    Raises `ImproperlyConfigured` for an alias that the native engine cannot serve.
    """
    for alias in aliases:
        check_alias(alias)
        _check_native(alias, connections.create_connection(alias).vendor)
    # Not everybody has the driver.
    from adj.engines.psycopg import PinnedEngine, PsycopgEngine

    engines: dict[str, PinnedEngine] = {}
    turns = Turns()
    for alias in aliases:
        engines[alias] = PinnedEngine(alias, PsycopgEngine(alias, alias_settings(alias).pool), engines, turns)
    return engines


def native_aliases() -> tuple[str, ...]:
    """The aliases that the native engine can serve, whichever engine they have."""
    if _missing_packages():
        return ()
    return tuple(alias for alias in connections if connections.create_connection(alias).vendor == "postgresql")


def _threads(alias: str, settings: AliasSettings) -> Engine:
    return ThreadsEngine(alias, settings.threads, settings.pool)


def _native(alias: str, vendor: str, pool: Mapping[str, float]) -> Engine:
    _check_native(alias, vendor)
    # Not everybody has the driver.
    from adj.engines.psycopg import PsycopgEngine

    return PsycopgEngine(alias, pool)


def _check_native(alias: str, vendor: str) -> None:
    if vendor != "postgresql":
        raise ImproperlyConfigured(f'ADJ["{alias}"]: the engine "psycopg" is for PostgreSQL; this is {vendor}.')
    if missing := _missing_packages():
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]: the engine "psycopg" needs {", ".join(missing)}: pip install "adj[postgres]".'
        )


def _missing_packages() -> list[str]:
    return [package for package in _NATIVE_PACKAGES if find_spec(package) is None]
