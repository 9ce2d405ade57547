"""Django's wrapper for PostgreSQL on a connection of the pool, instead of one that it opens itself.

The class inherits from the backend class that the project's `ENGINE` names, so that its overrides apply here as well;
`choice/backends.py` says which overrides are supported. Everything here runs in a bridge.

Private Django API used here: `DatabaseWrapper.create_cursor`, `DatabaseWrapper.pool`,
`DatabaseWrapper.get_new_connection` and `DatabaseWrapper.get_connection_params`, to use the pool's connection;
`DatabaseWrapper._rollback` and `DatabaseWrapper._savepoint_rollback`, to limit the time of a rollback;
`register_tzloader`, as Django's own cursor does.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.utils.functional import cached_property
from psycopg import AsyncClientCursor, AsyncCursor, IsolationLevel, pq
from psycopg.postgres import types

from adj.engines.bridge.greenlets import await_, not_cancelled
from adj.engines.choice.choice import check_native
from adj.engines.choice.connection_parameters import check_parameters
from adj.engines.django_wrapper import ConnectionParameters, DjangoWrapper, new_django_wrapper
from adj.engines.error_wrapper import RecordingErrorWrapper
from adj.engines.postgres.connection import PgConnection, PgWrapper
from adj.engines.postgres.cursor_names import cursor_name
from adj.engines.postgres.session import new_session
from adj.engines.postgres.sync_connection import SyncConnection
from adj.engines.postgres.sync_cursor import SyncCursor
from adj.settings import alias_settings

CONNECT_SECONDS = 10
"""How long each address of a server may take to accept a connection, if the project does not set `connect_timeout`.

psycopg's default is 130 seconds. If packets are dropped silently, the attempt would occupy the pool for that long.
"""

_TIMESTAMPTZ = types["timestamptz"].oid

# The mixin comes before the backend's class, whose methods its super() calls.
if TYPE_CHECKING:
    _Backend = PgWrapper
else:
    _Backend = object


class _AsyncConnectionMixin(_Backend):
    """The methods of Django's wrapper that differ on an asynchronous connection."""

    # The engine has the pool.
    pool = None
    raw: PgConnection | None = None
    is_managed_by_adj = False
    """Whether adj has created the wrapper, and decides which code may use it. False for copies that users make."""
    opening_parameters: ConnectionParameters | None = None

    @cached_property
    def wrap_database_errors(self) -> RecordingErrorWrapper:
        """Django's translation of errors, which records what they do to the connection."""
        return RecordingErrorWrapper(self)

    def get_connection_params(self) -> ConnectionParameters:
        """The parameters that the connection was opened with, so that the backend's method runs once per connection."""
        parameters, self.opening_parameters = self.opening_parameters, None
        return super().get_connection_params() if parameters is None else parameters

    def get_new_connection(self, conn_params: ConnectionParameters) -> SyncConnection:
        """The connection of the pool, or a new one if code has closed that, as Django's code may."""
        raw = self.raw
        if raw is None or raw.is_lost:
            self.raw = raw = await_(PgConnection.connect(**async_parameters(conn_params, self)))
            raw.wrapper = self
        connection = SyncConnection(raw)
        level = self.settings_dict["OPTIONS"].get("isolation_level")
        self.isolation_level = IsolationLevel.READ_COMMITTED if level is None else _isolation_level(level)
        if level is not None:
            connection.isolation_level = self.isolation_level
        return connection

    def init_connection_state(self) -> None:
        """Prepare a new connection as the backend does. The project's session settings are applied after that."""
        super().init_connection_state()
        if self.raw is not None:
            self.raw.session = new_session(self.alias)

    def close_if_unusable_or_obsolete(self) -> None:
        """Called at both ends of each request. The pool decides how long a connection lives, not CONN_MAX_AGE."""
        if not self.in_atomic_block and (self.raw is None or self.raw.is_lost):
            self.connection = None

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        """Set autocommit as Django does, but do not open a connection, which would be in autocommit anyway.

        Django ends each transaction with this call, also if the connection is gone.
        """
        if autocommit and self.connection is None and not self.in_atomic_block:
            return
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)

    def run_and_clear_commit_hooks(self) -> None:
        """Call the functions of `on_commit()`, even if the task is cancelled meanwhile."""
        with not_cancelled():
            super().run_and_clear_commit_hooks()

    def _rollback(self) -> None:
        with self._cleaning_up():
            super()._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        with self._cleaning_up():
            super()._savepoint_rollback(sid)

    def _cleaning_up(self) -> AbstractContextManager[None]:
        return nullcontext() if self.raw is None else self.raw.cleaning_up()

    def create_cursor(self, name: str | None = None) -> SyncCursor:
        """A cursor; with a name, a server-side cursor with a unique name.

        Behind a pooler, each statement in autocommit may have another session, so all rows are fetched at once there.
        """
        connection: SyncConnection = self.connection
        if not name or (connection.autocommit and alias_settings(self.alias).pooler is not None):
            cursor = connection.cursor()
        else:
            binds_on_server = self.settings_dict["OPTIONS"].get("server_side_binding") is True
            open_cursor = connection.cursor if binds_on_server else connection.named_cursor
            cursor = open_cursor(cursor_name(), scrollable=False, withhold=connection.autocommit)
        loader = connection.adapters.get_loader(_TIMESTAMPTZ, pq.Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor


def wrapper_for_bridge(raw: PgConnection | None, alias: str) -> PgWrapper:
    """A wrapper of an alias on a connection. Without one, it opens a connection when it is first used, in a bridge."""
    wrapper = cast("PgWrapper", new_django_wrapper(alias))
    backend_class: type = type(wrapper)
    wrapper.__class__ = _async_wrapper_class(backend_class)
    wrapper.raw, wrapper.is_managed_by_adj = raw, True
    return wrapper


@lru_cache(maxsize=1_024)
def _async_wrapper_class(backend_class: type) -> type[PgWrapper]:
    # The class keeps its name, which Django shows.
    return type(backend_class.__name__, (_AsyncConnectionMixin, backend_class), {})


def check_settings(alias: str) -> None:
    """Raise `ImproperlyConfigured` for a setting that this engine cannot honor."""
    wrapper = new_django_wrapper(alias)
    check_native(wrapper)
    wrapper.check_settings()
    if (level := wrapper.settings_dict["OPTIONS"].get("isolation_level")) is not None:
        _isolation_level(level)


def async_parameters(parameters: ConnectionParameters, wrapper: DjangoWrapper) -> ConnectionParameters:
    """The parameters of a synchronous connection, changed for an asynchronous one in autocommit.

    Raises `ImproperlyConfigured` for parameters that psycopg does not know, or that cannot be honored.
    """
    check_parameters(parameters, wrapper)
    binds_on_server = wrapper.settings_dict["OPTIONS"].get("server_side_binding") is True
    limit = {} if "service" in parameters or "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": CONNECT_SECONDS}
    factory = AsyncCursor if binds_on_server else AsyncClientCursor
    # A statement that was prepared in one session of a pooler does not exist in the next.
    prepared = {} if alias_settings(wrapper.alias).pooler is None else {"prepare_threshold": None}
    return {**limit, **parameters, **prepared, "cursor_factory": factory, "autocommit": True}


def _isolation_level(level: int) -> IsolationLevel:
    try:
        return IsolationLevel(level)
    except ValueError:
        raise ImproperlyConfigured(
            f"Invalid transaction isolation level {level} specified. Use one of the psycopg.IsolationLevel values."
        ) from None
