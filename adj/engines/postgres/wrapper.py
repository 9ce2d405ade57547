"""Django's own wrapper of a PostgreSQL backend, on a connection of the pool instead of one that it opens itself.

It is a subclass of whatever class the project's `ENGINE` names, so that what such a class overrides counts here too;
`backends.py` says which overrides do. Everything here runs in a bridge.

Private Django API used here: `DatabaseWrapper.create_cursor`, `DatabaseWrapper.pool`,
`DatabaseWrapper.get_new_connection`, `DatabaseWrapper.get_connection_params`, `DatabaseWrapper._rollback`,
`DatabaseWrapper._savepoint_rollback`, `register_tzloader`.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.utils.functional import cached_property
from psycopg import AsyncClientCursor, AsyncCursor, IsolationLevel, pq
from psycopg.postgres import types

from adj.engines.bridge.greenlets import await_
from adj.engines.choice.choice import check_native
from adj.engines.choice.connection_parameters import check_parameters
from adj.engines.error_wrapper import RecordingErrorWrapper
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.session import new_session
from adj.engines.postgres.sync_connection import SyncConnection, SyncCursor
from adj.settings import alias_settings

CONNECT_SECONDS = 10
"""How long each address of a server may take to accept a connection, where the project sets no `connect_timeout`.

psycopg would wait for 130 seconds, and keep a place in the pool for an address that swallows everything.
"""

_TIMESTAMPTZ = types["timestamptz"].oid


class _AsyncConnectionMixin:
    """Mixed into the backend's wrapper."""

    # The pool is the engine's.
    pool = None
    raw: PgConnection | None = None
    is_managed_by_adj = False
    """Whether adj has made it, and lends it. Otherwise code has copied one, for itself."""
    opening_parameters: dict[str, Any] | None = None
    settings_dict: dict[str, Any]
    # What is read here is the backend's own; the mixin has no base that says so.
    connection: Any
    in_atomic_block: bool
    timezone: Any
    alias: str
    isolation_level: Any

    @cached_property
    def wrap_database_errors(self) -> RecordingErrorWrapper:
        """Django's translation of errors, which notes what they have done."""
        return RecordingErrorWrapper(self)

    def get_connection_params(self) -> dict[str, Any]:
        """The parameters of the connection that was opened already, for which the backend is not asked twice."""
        backend: Any = super()
        parameters_of_pool, self.opening_parameters = self.opening_parameters, None
        parameters: dict[str, Any] = (
            backend.get_connection_params() if parameters_of_pool is None else parameters_of_pool
        )
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> SyncConnection:
        """The connection of the pool; a new one after code has closed that, as Django's code may expect."""
        if self.raw is None or self.raw.is_lost:
            self.raw = await_(PgConnection.connect(**async_parameters(conn_params, self)))
            self.raw.wrapper = cast("BaseDatabaseWrapper", self)
        connection = SyncConnection(self.raw)
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        self.isolation_level = IsolationLevel.READ_COMMITTED if level is None else _isolation_level(level)
        if level is not None:
            connection.isolation_level = self.isolation_level
        return connection

    def init_connection_state(self) -> None:
        """Prepare a new connection as the backend does; the project's settings come after that."""
        backend: Any = super()
        backend.init_connection_state()
        if self.raw is not None:
            self.raw.session = new_session(self.alias)

    def close_if_unusable_or_obsolete(self) -> None:
        """Called at both ends of each request. How long a connection lives is the pool's affair, not CONN_MAX_AGE's."""
        if not self.in_atomic_block and (self.raw is None or self.raw.is_lost):
            self.connection = None

    def set_autocommit(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        """As Django has it, but nothing is opened for what a new connection has anyway.

        Django ends each transaction with this, also one whose connection is gone.
        """
        if autocommit and self.connection is None and not self.in_atomic_block:
            return
        backend: Any = super()
        backend.set_autocommit(autocommit, *args, **kwargs)

    def _rollback(self) -> None:
        backend: Any = super()
        with self._bounded_cleanup():
            backend._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        backend: Any = super()
        with self._bounded_cleanup():
            backend._savepoint_rollback(sid)

    def _bounded_cleanup(self) -> AbstractContextManager[None]:
        return nullcontext() if self.raw is None else self.raw.cleaning_up()

    def create_cursor(self, name: str | None = None) -> SyncCursor:
        """A cursor; with a name, one on the server's side, under a name of adj's.

        Behind a pooler each statement in autocommit may have another session: then the rows come all at once.
        """
        if not name or (self.connection.autocommit and alias_settings(self.alias).pooler is not None):
            cursor: SyncCursor = self.connection.cursor()
        else:
            where: dict[str, Any] = {"scrollable": False, "withhold": self.connection.autocommit}
            binds_on_server = self.settings_dict["OPTIONS"].get("server_side_binding") is True
            open_cursor = self.connection.cursor if binds_on_server else self.connection.named_cursor
            cursor = open_cursor(cursor_name(), **where)
        loader = self.connection.adapters.get_loader(_TIMESTAMPTZ, pq.Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor


def wrapper_for_bridge(raw: PgConnection | None, alias: str) -> BaseDatabaseWrapper:
    """A wrapper of an alias on a connection, or on one that it opens when it is first used, in a bridge."""
    wrapper: Any = connections.create_connection(alias)
    backend_class: Any = type(wrapper)
    wrapper.__class__ = _async_wrapper_class(backend_class)
    wrapper.raw, wrapper.is_managed_by_adj = raw, True
    django_wrapper: BaseDatabaseWrapper = wrapper
    return django_wrapper


@lru_cache(maxsize=1_024)
def _async_wrapper_class(backend_class: type[BaseDatabaseWrapper]) -> type[BaseDatabaseWrapper]:
    # Under its own name, which Django shows.
    return type(backend_class.__name__, (_AsyncConnectionMixin, backend_class), {})


def check_settings(alias: str) -> None:
    """Raise `ImproperlyConfigured` for a setting that this engine cannot honour."""
    wrapper: Any = connections.create_connection(alias)
    check_native(wrapper)
    wrapper.check_settings()
    if (level := wrapper.settings_dict["OPTIONS"].get("isolation_level")) is not None:
        _isolation_level(level)


def async_parameters(parameters: dict[str, Any], wrapper: Any) -> dict[str, Any]:
    """The parameters of a synchronous connection, for an asynchronous one in autocommit.

    Raises `ImproperlyConfigured` for parameters that psycopg does not know, or that cannot be honored.
    """
    check_parameters(parameters, wrapper)
    binds_on_server = wrapper.settings_dict["OPTIONS"].get("server_side_binding") is True
    limit = {} if "service" in parameters or "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": CONNECT_SECONDS}
    factory = AsyncCursor if binds_on_server else AsyncClientCursor
    # A statement that is prepared in one session of a pooler is not known in the next.
    prepared = {} if alias_settings(wrapper.alias).pooler is None else {"prepare_threshold": None}
    return {**limit, **parameters, **prepared, "cursor_factory": factory, "autocommit": True}


def _isolation_level(level: Any) -> IsolationLevel:
    try:
        return IsolationLevel(level)
    except ValueError:
        raise ImproperlyConfigured(
            f"Invalid transaction isolation level {level} specified. Use one of the psycopg.IsolationLevel values."
        ) from None
