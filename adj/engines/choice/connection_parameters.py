"""Connection parameters that the native engine refuses: unknown to psycopg, or in conflict with its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import Cursor, ServerBindingCursor
from psycopg import pq

from adj.settings import nearest

# The arguments of `psycopg.connect()` that are not libpq's.
_PSYCOPGS = frozenset({"autocommit", "prepare_threshold", "context", "cursor_factory", "row_factory"})

# Read by Django's backend, and not passed on.
_DJANGOS = frozenset({"assume_role", "isolation_level", "pool", "server_side_binding"})


# What `psycopg.connect()` takes, with the libpq that is loaded.
_KNOWN = _PSYCOPGS | {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def check_parameters(parameters: Mapping[str, Any], wrapper: Any) -> None:
    """Raise `ImproperlyConfigured` for parameters that psycopg does not know, or for a cursor or rows of its own."""
    for problem in _problems(parameters, wrapper):
        raise ImproperlyConfigured(problem)


def problems_of_options(alias: str, options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the names in `OPTIONS` of an alias of Django's own PostgreSQL backend."""
    return (_unknown(alias, name) for name in options if name not in _KNOWN | _DJANGOS)


def _problems(parameters: Mapping[str, Any], wrapper: Any) -> Iterator[str]:
    yield from (_unknown(wrapper.alias, name) for name in parameters if name not in _KNOWN)
    backend_class = type(wrapper)
    if parameters.get("cursor_factory", Cursor) not in (Cursor, ServerBindingCursor) or "row_factory" in parameters:
        yield (
            f"{backend_class.__module__}.{backend_class.__qualname__}.get_connection_params() returns a cursor_factory "
            f'or row_factory, which the native engine cannot use. Set ADJ["{wrapper.alias}"]["engine"] to "threads".'
        )


def _unknown(alias: str, name: str) -> str:
    return f'DATABASES["{alias}"]["OPTIONS"]: "{name}" is not a connection option of psycopg{nearest(name, _KNOWN)}'
