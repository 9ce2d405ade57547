"""Engines: each connects one event loop to the database of one alias."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from adj.abc import Engine
from adj.engines.choice.choice import check_native, choice_for, objection_to_native
from adj.engines.django.engine import DjangoEngine
from adj.engines.lease.connection_lock import ConnectionLock
from adj.engines.session.settings import problem_of_session
from adj.engines.threads.engine import ThreadsEngine
from adj.settings import alias_settings, check_alias, check_djangos_pool


def engine_for(alias: str) -> Engine:
    """A new engine, of the kind that `engine_of()` names, for the running event loop.

    Raises `ImproperlyConfigured` for settings that adj does not know or the backend cannot honor, and
    `UnknownDatabase` for an alias that is not in `DATABASES`.
    """
    check_alias(alias)
    settings = alias_settings(alias)
    wrapper = connections.create_connection(alias)
    choice = choice_for(wrapper, settings.engine)
    if (problem := problem_of_session(wrapper, choice)) is not None:
        raise ImproperlyConfigured(problem)
    match choice.engine:
        case "psycopg":
            check_djangos_pool(alias)
            # The import needs psycopg.
            from adj.engines.postgres import PsycopgEngine

            return PsycopgEngine(alias, settings.pool)
        case "threads":
            return ThreadsEngine(alias, settings.threads, settings.pool)
        case "django":
            return DjangoEngine(alias)


def pinned_engines(aliases: Collection[str]) -> Mapping[str, Engine]:
    """For tests: engines with one connection each, in a transaction that is rolled back when the engine is closed.

    Raises `ImproperlyConfigured` for an alias that the native engine cannot serve.
    """
    for alias in aliases:
        check_alias(alias)
        check_native(connections.create_connection(alias))
    # The import needs psycopg.
    from adj.engines.postgres import PinnedEngine, PsycopgEngine

    engines: dict[str, PinnedEngine] = {}
    lock = ConnectionLock()
    for alias in aliases:
        engines[alias] = PinnedEngine(alias, PsycopgEngine(alias, alias_settings(alias).pool), engines, lock)
    return engines


def native_aliases() -> tuple[str, ...]:
    """The aliases that the native engine can serve, no matter which engine they use."""
    return tuple(alias for alias in connections if objection_to_native(connections.create_connection(alias)) is None)
