"""The sessions of Django connections that live on a thread: closed if code has changed them.

Code on a worker's thread may use all databases, so all connections of the thread are tracked. Everything here runs on
the thread of the connection, unless stated otherwise.

Private Django API used here: `DatabaseWrapper._cursor` and `DatabaseWrapper._set_autocommit`, to apply settings before
anything is sent; `DatabaseWrapper._close`, which returns a connection to Django's pool.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.session import mysql_effects
from adj.engines.session.driver_state import DriverState
from adj.engines.session.driver_statements import record_driver_statements, stop_recording
from adj.engines.session.known_functions import SELECT_FUNCTIONS, KnownFunctions
from adj.engines.session.open_work import usable_connections
from adj.engines.session.sql_effects import NO_EFFECTS, session_effects
from adj.engines.session.thread_settings import ThreadSettings

T = TypeVar("T")

_SELECT_FUNCTIONS: Final = {"postgresql": SELECT_FUNCTIONS, "mysql": mysql_effects.SELECT_FUNCTIONS}


class ThreadSessions:
    """The sessions of all connections of one thread. `functions` is what is known about each alias's functions."""

    def __init__(self, functions: Mapping[str, KnownFunctions]) -> None:
        self._functions = functions
        self._sessions: dict[str, ThreadSession] = {}

    @property
    def are_changed(self) -> bool:
        """Whether a session was changed, so that the next user of the thread must not get it. On any thread."""
        return any(session.is_changed for session in self._sessions.values())

    def install(self) -> None:
        """Track the connections of this thread from now on, open or not."""
        for connection in usable_connections():
            known = self._sessions.get(connection.alias)
            if known is None or known.connection is not connection:
                session = ThreadSession(connection, self._functions[connection.alias])
                session.install()
                # A new dict, since another thread may be reading the old one.
                self._sessions = {**self._sessions, connection.alias: session}

    def clean(self) -> None:
        """Close the connections whose sessions were changed. The next user of one opens another."""
        for session in self._sessions.values():
            if session.is_changed:
                session.clean()


class ThreadSession:
    """Tracks what statements change in the session of a connection, and applies the project's settings."""

    def __init__(self, connection: DjangoWrapper, functions: KnownFunctions) -> None:
        self.connection, self._functions = connection, functions
        self._settings = ThreadSettings(connection)
        self._vendor: str = connection.vendor
        self._is_marked = self._is_lasting = False
        self._called: set[str] = set()
        self._is_recording, self._is_in_wrapper = True, False

    @classmethod
    def of(cls, connection: DjangoWrapper) -> ThreadSession | None:
        """The session of a connection that is tracked; None for other connections."""
        return next(filter(None, map(session_of_wrapper, connection.execute_wrappers)), None)

    def install(self) -> None:
        """Track the connection from now on."""
        connection = self.connection
        connect, cursor, set_autocommit = connection.connect, connection._cursor, connection._set_autocommit
        close = connection._close

        def connect_fresh() -> None:
            with self._not_recording(), self._driver_state.connecting():
                connect()
                record_driver_statements(connection, self._record_driver_statement)
            self._settings.reset()
            self._is_marked = self._is_lasting = False
            self._called.clear()

        def cursor_with_settings(name: str | None = None) -> CursorWrapper:
            # Not only before statements: Django does not call execute wrappers for `callproc()` and `copy()`, and a
            # backend that keeps a tenant sets its schema here.
            connection.close_if_health_check_failed()
            connection.ensure_connection()
            self._apply_settings()
            return cursor(name)

        def set_autocommit_with_settings(autocommit: bool) -> None:
            if not autocommit:
                # A transaction begins, in which the settings cannot change.
                self._apply_settings()
            set_autocommit(autocommit)

        def close_unless_clean() -> None:
            self._end_pooled_session()
            close()

        connection.execute_wrappers.append(self.on_statement)
        self._driver_state = DriverState(connection)
        # Attributes of the instance hide the methods of the class.
        vars(connection)["connect"] = connect_fresh
        if self._vendor == "postgresql":
            vars(connection).update(_cursor=cursor_with_settings, _set_autocommit=set_autocommit_with_settings)
        if connection.settings_dict["OPTIONS"].get("pool"):
            vars(connection)["_close"] = close_unless_clean

    @contextmanager
    def _not_recording(self) -> Generator[None]:
        """A block whose statements are not the project's, but prepare a new connection."""
        before, self._is_recording = self._is_recording, False
        try:
            yield
        finally:
            self._is_recording = before

    @property
    def is_changed(self) -> bool:
        """Whether the session, or the tenant that the backend keeps, may have changed. May be called on any thread."""
        return self._is_marked or self._settings.is_tenant_changed or self._driver_state.is_changed

    def on_statement(
        self, execute: Callable[..., T], sql: object, params: object, many: bool, context: Mapping[str, object]
    ) -> T:
        """Record a statement, and apply the settings before it: an execute wrapper of Django."""
        self._record_statement(sql)
        if self._vendor == "postgresql":
            self._apply_settings()
        before, self._is_in_wrapper = self._is_in_wrapper, True
        try:
            return execute(sql, params, many, context)
        finally:
            self._is_in_wrapper = before

    def clean(self) -> None:
        """Close the connection if its session was changed, and let the backend forget its tenant."""
        connection = self.connection
        called, self._called = self._called, set()
        is_kept = not self._is_lasting and not self._driver_state.is_changed and not connection.in_atomic_block
        if not (is_kept and connection.connection is not None and self._left_session_unchanged(called)):
            with suppress(DatabaseError):
                connection.close()
        self.forget_tenant()
        self._driver_state.restore()
        self._is_marked = self._is_lasting = False

    def _end_pooled_session(self) -> None:
        """End a session that was changed, before the connection is returned to Django's `OPTIONS["pool"]`."""
        raw = self.connection.connection
        if raw is not None:
            stop_recording(raw)
            if self.is_changed or self._settings.are_set:
                raw.close()

    def forget_tenant(self) -> None:
        """Let the backend forget its tenant, no matter which code has set it."""
        self._settings.forget_tenant()

    def _apply_settings(self) -> None:
        if self._is_recording:
            self._is_recording = False
            try:
                self._settings.apply()
            finally:
                self._is_recording = True

    def _record_driver_statement(self, statement: object) -> None:
        if not self._is_in_wrapper:
            self._record_statement(statement)

    def _record_statement(self, statement: object) -> None:
        if not self._is_recording:
            return
        sql = statement if type(statement) is str else self._text_of(statement)
        effects = mysql_effects.mysql_effects(sql) if self._vendor == "mysql" else session_effects(sql)
        if effects is NO_EFFECTS:
            return
        if effects.is_lasting:
            self._is_lasting = self._is_marked = True
        elif self._vendor in _SELECT_FUNCTIONS and self._functions.may_change_session(effects.functions):
            self._called |= effects.functions
            self._is_marked = True

    def _text_of(self, statement: object) -> str:
        """The SQL of what a driver accepts as a statement: text, bytes, or psycopg's composed SQL."""
        if isinstance(statement, str):
            return statement
        if isinstance(statement, bytes):
            return statement.decode(errors="replace")
        as_string: Callable[[object], str] | None = getattr(statement, "as_string", None)
        # It is unknown, and "?" is not a statement that is known to be harmless.
        return "?" if as_string is None else as_string(self.connection.connection)

    def _left_session_unchanged(self, called: set[str]) -> bool:
        """Whether the called functions cannot have changed the session. Asks the server about unknown ones."""
        connection = self.connection
        # The driver's cursor, so that adj's own query is not counted or logged.
        with suppress(DatabaseError), connection.wrap_database_errors, self._not_recording():
            while unknown := self._functions.unknown(called):
                with connection.connection.cursor() as cursor:
                    cursor.execute(_SELECT_FUNCTIONS[self._vendor], [unknown])
                    self._functions.learn(unknown, cursor.fetchall())
        return not self._functions.may_change_session(called)


def session_of_wrapper(execute_wrapper: object) -> ThreadSession | None:
    """The session that an execute wrapper belongs to; None for a wrapper that is not adj's."""
    owner = getattr(execute_wrapper, "__self__", None)
    return owner if isinstance(owner, ThreadSession) else None
