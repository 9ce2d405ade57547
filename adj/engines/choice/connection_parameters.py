"""Finds connection parameters that psycopg does not know, or that the native engine cannot honor."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import Cursor, ServerBindingCursor
from psycopg import pq

from adj.engines.django_wrapper import DatabaseSettings
from adj.suggestions import nearest

# The arguments of `psycopg.connect()` that are not passed to libpq.
_PSYCOPGS = frozenset({"autocommit", "prepare_threshold", "context", "cursor_factory", "row_factory"})

# Options that Django's backend reads and does not pass on.
_DJANGOS = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})


# The arguments of `psycopg.connect()` with the installed libpq.
_KNOWN = _PSYCOPGS | {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def check_parameters(parameters: DatabaseSettings, wrapper: BaseDatabaseWrapper) -> None:
    """Raise `ImproperlyConfigured` for unknown parameters, and for a `cursor_factory` or `row_factory`."""
    for problem in _problems(parameters, wrapper):
        raise ImproperlyConfigured(problem)


def problems_of_options(alias: str, options: DatabaseSettings) -> Iterator[str]:
    """Problems of the names in `OPTIONS` of an alias with Django's own PostgreSQL backend."""
    return (_unknown(alias, name) for name in options if name not in _KNOWN | _DJANGOS)


def _problems(parameters: DatabaseSettings, wrapper: BaseDatabaseWrapper) -> Iterator[str]:
    yield from (_unknown(wrapper.alias, name) for name in parameters if name not in _KNOWN)
    backend_class = type(wrapper)
    if parameters.get("cursor_factory", Cursor) not in (Cursor, ServerBindingCursor) or "row_factory" in parameters:
        yield (
            f"{backend_class.__module__}.{backend_class.__qualname__}.get_connection_params() returns a cursor_factory "
            f'or row_factory, which the native engine cannot use. Set ADJ["{wrapper.alias}"]["engine"] to "threads".'
        )


def _unknown(alias: str, name: str) -> str:
    return f'DATABASES["{alias}"]["OPTIONS"]: "{name}" is not a connection option of psycopg{nearest(name, _KNOWN)}'
