"""The I/O ring: how one alias is reached from one event loop."""

from __future__ import annotations

from django.db import connections

from adj.abc import Engine
from adj.engines.django import DjangoEngine
from adj.engines.threads import ThreadsEngine
from adj.settings import alias_settings


def engine_for(alias: str) -> Engine:
    """The engine that `settings.ADJ` chooses for an alias.

    Raises `ImproperlyConfigured` for settings that adj does not know, and `ConnectionDoesNotExist` for an alias that
    is not in `DATABASES`.
    """
    settings = alias_settings(alias)
    match settings.engine:
        case "threads":
            return ThreadsEngine(alias, settings.threads)
        case "django":
            return DjangoEngine(alias)
        case "auto":
            return DjangoEngine(alias) if _is_in_memory(alias) else ThreadsEngine(alias, settings.threads)


def _is_in_memory(alias: str) -> bool:
    """Whether every connection to the database would be a database of its own, or share one through a lock."""
    wrapper = connections.create_connection(alias)
    return bool(getattr(wrapper, "is_in_memory_db", lambda: False)())
