"""The I/O ring: how one alias is reached from one event loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.abc import Engine
from adj.engines.choice import EngineChoice, check_native, choice_for, objection_to_native
from adj.engines.django import DjangoEngine
from adj.engines.threads import ThreadsEngine
from adj.engines.turns import Turns
from adj.settings import AliasSettings, alias_settings, check_alias, check_djangos_pool


def engine_for(alias: str) -> Engine:
    """The engine that `engine_of()` names, for the running event loop.

    Raises `ImproperlyConfigured` for settings that adj does not know or that the backend cannot honor, and
    `UnknownDatabase` for an alias that is not in `DATABASES`.
    """
    check_alias(alias)
    settings = alias_settings(alias)
    wrapper = connections.create_connection(alias)
    choice = choice_for(wrapper, settings.engine)
    _check_sessions(wrapper, choice, settings)
    match choice.engine:
        case "psycopg":
            check_djangos_pool(alias)
            # Not everybody has the driver.
            from adj.engines.psycopg import PsycopgEngine

            return PsycopgEngine(alias, settings.pool)
        case "threads":
            return ThreadsEngine(alias, settings.threads, settings.pool)
        case "django":
            return DjangoEngine(alias)


def _check_sessions(wrapper: BaseDatabaseWrapper, choice: EngineChoice, settings: AliasSettings) -> None:
    """Raise `ImproperlyConfigured` where an engine cannot give sessions what the project's settings or backend say."""
    alias = choice.alias
    if settings.pooler is not None and choice.engine != "psycopg":
        raise ImproperlyConfigured(f'ADJ["{alias}"]["pooler"] needs the engine "psycopg". {choice}')
    if settings.session is None:
        if hasattr(wrapper, "set_schema"):
            raise ImproperlyConfigured(
                f'ADJ["{alias}"]["session"] is missing: the backend keeps the schema of a tenant on Django\'s '
                "connection, and adj's connections would read another one. Name a function that returns the "
                "search_path of the current tenant."
            )
    elif wrapper.vendor != "postgresql" or choice.engine == "django":
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]["session"] needs PostgreSQL with the engine "psycopg" or "threads". {choice}'
        )


def pinned_engines(aliases: Collection[str]) -> Mapping[str, Engine]:
    """For tests: engines that have one connection each, in a transaction that is undone when they are closed.

    Raises `ImproperlyConfigured` for an alias that the native engine cannot serve.
    """
    for alias in aliases:
        check_alias(alias)
        check_native(connections.create_connection(alias))
    # Not everybody has the driver.
    from adj.engines.psycopg import PinnedEngine, PsycopgEngine

    engines: dict[str, PinnedEngine] = {}
    turns = Turns()
    for alias in aliases:
        engines[alias] = PinnedEngine(alias, PsycopgEngine(alias, alias_settings(alias).pool), engines, turns)
    return engines


def native_aliases() -> tuple[str, ...]:
    """The aliases that the native engine can serve, whichever engine they have."""
    return tuple(alias for alias in connections if objection_to_native(connections.create_connection(alias)) is None)
