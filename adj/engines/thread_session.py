"""The session of a worker thread's connection: as the project wants it, and ended when code has changed it.

Everything here runs on the worker's thread, but for what says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections

from adj.engines.session_settings import Settings, changes, refuse_change
from adj.engines.session_words import WHICH_LAST, trace_of

P = ParamSpec("P")
T = TypeVar("T")

# What outlives a transaction in MariaDB and MySQL, and does not in PostgreSQL.
_LASTING_IN_MYSQL = ("set", "lock")


class ThreadSession:
    """What a connection's session has of the settings that the project wants, and what statements have left in it.

    `is_changed` may be read on any thread.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self.is_changed = self._is_lasting = False
        self._called: set[str] = set()
        self._harmless: set[str] = set()
        self._is_noting = True
        # The driver's connection that the settings were applied to.
        self._raw: Any = None
        self._has: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._path = ""

    # -- what statements leave -----------------------------------------------------------------------------------------

    def note(self, execute: Callable[..., T], sql: Any, params: Any, many: bool, context: Mapping[str, Any]) -> T:
        """Take note of a statement: an execute wrapper, as Django calls them."""
        if self._is_noting and isinstance(sql, str):
            self._note(sql, context["connection"].vendor)
        return execute(sql, params, many, context)

    def _note(self, sql: str, vendor: str) -> None:
        trace = trace_of(sql)
        is_mysqls = vendor == "mysql" and sql.lstrip().lower().startswith(_LASTING_IN_MYSQL)
        if trace.is_lasting or is_mysqls:
            self._is_lasting = self.is_changed = True
        elif vendor == "postgresql" and not trace.functions <= self._harmless:
            self._called |= trace.functions
            self.is_changed = True

    @contextmanager
    def unnoted(self) -> Generator[None]:
        """A block whose statements are not the project's: those that a new connection is prepared by."""
        before, self._is_noting = self._is_noting, False
        try:
            yield
        finally:
            self._is_noting = before

    def clean(self) -> None:
        """Close the connection if its session was changed; the next call opens another one."""
        connection: Any = connections[self._alias]
        called, self._called = self._called, set()
        may_stay = not self._is_lasting and connection.connection is not None and not connection.in_atomic_block
        if may_stay and self._are_harmless(connection, called):
            self._harmless |= called
        else:
            connection.close()
        self.is_changed = self._is_lasting = False

    def _are_harmless(self, connection: Any, functions: set[str]) -> bool:
        """Whether functions that were called cannot have changed the session, where nothing else has."""
        # The driver's cursor, as of all that adj sends for itself: nobody counts or logs it.
        with suppress(DatabaseError), connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(WHICH_LAST, [sorted(functions)])
            return not cursor.fetchall()
        return False

    # -- what the project wants ----------------------------------------------------------------------------------------

    def call(self, wanted: Settings, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function after the session was given the settings of the caller's context.

        Raises `SessionChanged` in a transaction that began with others.
        """
        self._dress(connections[self._alias], dict(wanted))
        return function(*args, **kwargs)

    def _dress(self, connection: Any, wanted: dict[str, str]) -> None:
        with self.unnoted():
            connection.ensure_connection()
        if connection.connection is not self._raw:
            self._has, self._before = {}, {}
        path = wanted.get("search_path", "")
        if wanted == self._has and path == self._path:
            return
        if connection.in_atomic_block or not connection.get_autocommit():
            refuse_change(self._alias, wanted, self._has)
        self._path = path
        _tell_tenants(connection, path)
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            self._read_before(cursor, wanted)
            for name, value in changes(wanted, self._has, self._before).items():
                cursor.execute("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])
        self._raw, self._has = connection.connection, wanted

    def _read_before(self, cursor: Any, wanted: Settings) -> None:
        for name in wanted:
            if name not in self._before:
                cursor.execute("SELECT pg_catalog.current_setting(%s, true)", [name])
                # A setting of the project's own has no value before, and cannot go back to none.
                self._before[name] = cursor.fetchone()[0] or ""


def _tell_tenants(connection: Any, path: str) -> None:
    """Tell a backend that keeps a schema, as that of django-tenants does, and sets it before each statement itself."""
    if (set_schema := getattr(connection, "set_schema", None)) is not None:
        if schema := path.split(",", maxsplit=1)[0].strip().strip('"'):
            set_schema(schema)
        else:
            connection.set_schema_to_public()
