"""The session of a connection that lives on a thread: as the project wants it, and ended when code has changed it.

Code on a worker's thread may use all databases, so each of the thread's connections has a session that is looked after.
What a project wants is asked before each statement, as code may go on to another tenant between two of them. Everything
here runs on the connection's thread, but for what says otherwise.

Private Django API used here: `DatabaseWrapper._cursor`, `DatabaseWrapper._set_autocommit`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

from django.db import DatabaseError

from adj.engines.session.known_functions import SELECT_VOLATILE, KnownFunctions
from adj.engines.session.open_work import is_in_transaction, usable_connections
from adj.engines.session.settings import Settings, changes, refuse_change, refuse_pooler, settings_function
from adj.engines.session.sql_effects import session_effects
from adj.settings import alias_settings

T = TypeVar("T")

# What outlives a transaction in MariaDB and MySQL, and does not in PostgreSQL.
_LASTING_IN_MYSQL = ("set", "lock")


class ThreadSessions:
    """The sessions of all connections of one thread; `functions` is what is known of each alias's database."""

    def __init__(self, functions: Mapping[str, KnownFunctions]) -> None:
        self._functions = functions
        self._sessions: dict[str, ThreadSession] = {}

    @property
    def are_changed(self) -> bool:
        """Whether what a session is now must not be found by the next user of the thread; on any thread."""
        return any(session.is_changed for session in self._sessions.values())

    def install(self) -> None:
        """Look after the thread's connections from now on, whether they are open or not."""
        for connection in usable_connections():
            known = self._sessions.get(connection.alias)
            if known is None or known.connection is not connection:
                session = ThreadSession(connection, self._functions[connection.alias])
                session.install()
                # Another thread may be reading the old one.
                self._sessions = {**self._sessions, connection.alias: session}

    def clean(self) -> None:
        """Close the connections whose sessions were changed; who uses one next opens another."""
        for session in self._sessions.values():
            if session.is_changed:
                session.clean()


class ThreadSession:
    """What a connection's session has of the settings that the project wants, and what statements have left in it."""

    def __init__(self, connection: Any, functions: KnownFunctions) -> None:
        self.connection, self._functions = connection, functions
        self._alias: str = connection.alias
        self._is_postgresql: bool = connection.vendor == "postgresql"
        self._is_marked = self._is_lasting = False
        self._called: set[str] = set()
        self._is_recording = True
        self._has: dict[str, str] = {}
        self._before: dict[str, str] = {}
        # The search path that a backend which keeps a tenant was told of, the schema that it has made of that, and the
        # one that it has had before.
        self._path: str | None = None
        self._schema = self._first_schema = _schema_of(connection)

    @classmethod
    def of(cls, connection: Any) -> ThreadSession | None:
        """The one that looks after a connection, if one does."""
        return next(filter(None, map(session_of_wrapper, connection.execute_wrappers)), None)

    @cached_property
    def _wanted(self) -> Callable[[], Settings] | None:
        # Not before it is needed: a mistake in the settings of one alias is none of code that uses another.
        return settings_function(self._alias) if self._is_postgresql else None

    def install(self) -> None:
        """Look after the connection from now on."""
        connection = self.connection
        connect, cursor, set_autocommit = connection.connect, connection._cursor, connection._set_autocommit

        def connect_fresh() -> None:
            with self._not_recording():
                connect()
            # Whatever was in the session before has ended with it.
            self._has, self._before = {}, {}
            self._is_marked = self._is_lasting = False
            self._called.clear()

        def cursor_with_settings(*args: Any, **kwargs: Any) -> Any:
            # Not only before each statement: `callproc()` and `copy()` are not shown to execute wrappers, and a backend
            # that keeps a tenant sets it here.
            connection.close_if_health_check_failed()
            connection.ensure_connection()
            self._apply_settings()
            return cursor(*args, **kwargs)

        def set_autocommit_with_settings(autocommit: bool) -> None:
            if not autocommit:
                # A transaction begins, in which the settings cannot change.
                self._apply_settings()
            set_autocommit(autocommit)

        connection.execute_wrappers.append(self.on_statement)
        connection.connect = connect_fresh
        if self._is_postgresql:
            connection._cursor, connection._set_autocommit = cursor_with_settings, set_autocommit_with_settings

    @contextmanager
    def _not_recording(self) -> Generator[None]:
        """A block whose statements are not the project's: those that a new connection is prepared by."""
        before, self._is_recording = self._is_recording, False
        try:
            yield
        finally:
            self._is_recording = before

    # -- what statements leave -----------------------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        """Whether the session, or the tenant that the backend keeps, may not be as it was; on any thread."""
        return self._is_marked or _schema_of(self.connection) != self._first_schema

    def on_statement(
        self, execute: Callable[..., T], sql: Any, params: Any, many: bool, context: Mapping[str, Any]
    ) -> T:
        """Take note of a statement, in a session as the project wants it: an execute wrapper, as Django calls them."""
        if self._is_recording and isinstance(sql, str):
            self._record_statement(sql)
        self._apply_settings()
        return execute(sql, params, many, context)

    def _record_statement(self, sql: str) -> None:
        effects = session_effects(sql)
        is_lasting_in_mysql = self.connection.vendor == "mysql" and sql.lstrip().lower().startswith(_LASTING_IN_MYSQL)
        if effects.is_lasting or is_lasting_in_mysql:
            self._is_lasting = self._is_marked = True
        elif self._is_postgresql and self._functions.may_change_session(effects.functions):
            self._called |= effects.functions
            self._is_marked = True

    def clean(self) -> None:
        """Close the connection if its session was changed, and let the backend forget the tenant that it keeps."""
        connection = self.connection
        called, self._called = self._called, set()
        may_stay = not self._is_lasting and connection.connection is not None and not connection.in_atomic_block
        if not (may_stay and self._left_session_unchanged(called)):
            with suppress(DatabaseError):
                connection.close()
        self.forget_tenant()
        self._is_marked = self._is_lasting = False

    def forget_tenant(self) -> None:
        """Let the backend forget the tenant that it keeps, whoever has told it."""
        if _schema_of(self.connection) != self._first_schema:
            self._tell_backend("")

    def _left_session_unchanged(self, called: set[str]) -> bool:
        """Whether functions that were called cannot have changed the session, where nothing else has."""
        if unknown := self._functions.unknown(called):
            connection = self.connection
            # The driver's cursor, as of all that adj sends for itself: nobody counts or logs it.
            with suppress(DatabaseError), connection.wrap_database_errors, connection.connection.cursor() as cursor:
                cursor.execute(SELECT_VOLATILE, [unknown])
                self._functions.learn(unknown, cursor.fetchall())
        return not self._functions.may_change_session(called)

    # -- what the project wants ----------------------------------------------------------------------------------------

    def _apply_settings(self) -> None:
        """Give the session the settings of the current context.

        Raises `SessionChanged` in a transaction that began with others, and `UnsupportedFeature` behind a pooler.
        """
        if not self._is_recording or self._wanted is None:
            return
        wanted = dict(self._wanted())
        # A tenant that code has told the backend itself counts until the thread goes to another user.
        if (path := wanted.get("search_path", "")) != self._path and _schema_of(self.connection) == self._schema:
            self._tell_backend(path)
        if wanted == self._has:
            return
        connection = self.connection
        if alias_settings(self._alias).pooler is not None:
            refuse_pooler(self._alias)
        if connection.in_atomic_block or not connection.autocommit or is_in_transaction(connection.connection):
            refuse_change(self._alias, wanted, self._has)
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            self._read_before(cursor, wanted)
            for name, value in changes(wanted, self._has, self._before).items():
                cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])
        self._has = wanted

    def _read_before(self, cursor: Any, wanted: Settings) -> None:
        for name in wanted:
            if name not in self._before:
                cursor.execute("SELECT pg_catalog.current_setting(%s, true)", [name])
                # A setting of the project's own has no value before, and cannot go back to none.
                self._before[name] = cursor.fetchone()[0] or ""

    def _tell_backend(self, path: str) -> None:
        """Tell a backend that keeps a schema, as that of django-tenants does, and sets it before each statement."""
        connection = self.connection
        if hasattr(connection, "set_schema"):
            if schema := path.split(",", maxsplit=1)[0].strip().strip('"'):
                connection.set_schema(schema)
            else:
                connection.set_schema_to_public()
        self._path, self._schema = path, _schema_of(connection)


def session_of_wrapper(execute_wrapper: object) -> ThreadSession | None:
    """The session that takes note of statements by an execute wrapper; None for a wrapper that is not adj's."""
    owner = getattr(execute_wrapper, "__self__", None)
    return owner if isinstance(owner, ThreadSession) else None


def _schema_of(connection: Any) -> object:
    """The tenant's schema that a backend keeps, as that of django-tenants does."""
    return getattr(connection, "schema_name", None)
