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
from adj.engines.outcome import NotedErrors
from adj.engines.postgres.connection import Link
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.session import session_of
from adj.engines.postgres.sync_connection import Connection, Cursor
from adj.settings import alias_settings

CONNECT_SECONDS = 10
"""How long each address of a server may take to accept a connection, where the project sets no `connect_timeout`.

psycopg would wait for 130 seconds, and keep a place in the pool for an address that swallows everything.
"""

_TIMESTAMPTZ = types["timestamptz"].oid


class _OnLink:
    """Mixed into the backend's wrapper."""

    # The pool is the engine's.
    pool = None
    link: Link | None = None
    is_lent_by_adj = False
    """Whether adj has made it, and lends it. Otherwise code has copied one, for itself."""
    given_parameters: dict[str, Any] | None = None
    settings_dict: dict[str, Any]
    # What is read here is the backend's own; the mixin has no base that says so.
    connection: Any
    in_atomic_block: bool
    timezone: Any
    alias: str
    isolation_level: Any

    @cached_property
    def wrap_database_errors(self) -> NotedErrors:
        """Django's translation of errors, which notes what they have done."""
        return NotedErrors(self)

    def get_connection_params(self) -> dict[str, Any]:
        """The parameters of the connection that was opened already, for which the backend is not asked twice."""
        backend: Any = super()
        given, self.given_parameters = self.given_parameters, None
        parameters: dict[str, Any] = backend.get_connection_params() if given is None else given
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """The connection of the pool; a new one after code has closed that, as Django's code may expect."""
        if self.link is None or self.link.is_lost:
            self.link = await_(Link.connect(**asynchronous(conn_params, self)))
            self.link.wrapper = cast("BaseDatabaseWrapper", self)
        connection = Connection(self.link)
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        self.isolation_level = IsolationLevel.READ_COMMITTED if level is None else _isolation_level(level)
        if level is not None:
            connection.isolation_level = self.isolation_level
        return connection

    def init_connection_state(self) -> None:
        """Prepare a new connection as the backend does; the project's settings come after that."""
        backend: Any = super()
        backend.init_connection_state()
        if self.link is not None:
            self.link.session = session_of(self.alias)

    def close_if_unusable_or_obsolete(self) -> None:
        """Called at both ends of each request. How long a connection lives is the pool's affair, not CONN_MAX_AGE's."""
        if not self.in_atomic_block and (self.link is None or self.link.is_lost):
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
        with self._undoing():
            backend._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        backend: Any = super()
        with self._undoing():
            backend._savepoint_rollback(sid)

    def _undoing(self) -> AbstractContextManager[None]:
        return nullcontext() if self.link is None else self.link.undoing()

    def create_cursor(self, name: str | None = None) -> Cursor:
        """A cursor; with a name, one on the server's side, under a name of adj's.

        Behind a pooler each statement in autocommit may have another session: then the rows come all at once.
        """
        if not name or (self.connection.autocommit and alias_settings(self.alias).pooler is not None):
            cursor: Cursor = self.connection.cursor()
        else:
            where: dict[str, Any] = {"scrollable": False, "withhold": self.connection.autocommit}
            binds_on_server = self.settings_dict["OPTIONS"].get("server_side_binding") is True
            open_cursor = self.connection.cursor if binds_on_server else self.connection.named_cursor
            cursor = open_cursor(cursor_name(), **where)
        loader = self.connection.adapters.get_loader(_TIMESTAMPTZ, pq.Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor


def wrapper_on(link: Link | None, alias: str) -> BaseDatabaseWrapper:
    """A wrapper of an alias on a connection, or on one that it opens when it is first used, in a bridge."""
    wrapper: Any = connections.create_connection(alias)
    kind: Any = type(wrapper)
    wrapper.__class__ = _class_on_link(kind)
    wrapper.link, wrapper.is_lent_by_adj = link, True
    found: BaseDatabaseWrapper = wrapper
    return found


@lru_cache(maxsize=1_024)
def _class_on_link(kind: type[BaseDatabaseWrapper]) -> type[BaseDatabaseWrapper]:
    # Under its own name, which Django shows.
    return type(kind.__name__, (_OnLink, kind), {})


def check_settings(alias: str) -> None:
    """Raise `ImproperlyConfigured` for a setting that this engine cannot honour."""
    wrapper: Any = connections.create_connection(alias)
    check_native(wrapper)
    wrapper.check_settings()
    if (level := wrapper.settings_dict["OPTIONS"].get("isolation_level")) is not None:
        _isolation_level(level)


def asynchronous(parameters: dict[str, Any], wrapper: Any) -> dict[str, Any]:
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
