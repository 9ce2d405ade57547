"""The project's session settings on a Django connection that lives on a thread.

The settings are read before each statement, since code may switch to another tenant between two statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, cast

from adj.engines.django_wrapper import DjangoWrapper, TenantWrapper
from adj.engines.session.open_work import is_in_transaction
from adj.engines.session.settings import Settings, changes, refuse_change, refuse_pooler, settings_function
from adj.settings import alias_settings


class DriverCursor(Protocol):
    """A driver's cursor, as far as it is used here."""

    def execute(self, query: str, params: Sequence[object], /) -> object:
        """Execute a statement."""
        ...

    def fetchone(self) -> Sequence[object] | None:
        """The next row, or None."""
        ...


class ThreadSettings:
    """The settings that a connection's session has, and the tenant that its backend keeps."""

    def __init__(self, connection: DjangoWrapper) -> None:
        self._connection = connection
        # None if it is not known, because the statement that sets them was interrupted.
        self._has: Settings | None = {}
        self._before: dict[str, str] = {}
        # The search path that was passed on to a backend with tenants, the schema that the backend made of it, and the
        # schema that it had at first.
        self._path: str | None = None
        self._schema = self._first_schema = _schema_of(connection)

    @cached_property
    def _wanted(self) -> Callable[[], Settings] | None:
        # Not in __init__(): a mistake in the settings of one alias must not break code that uses another.
        is_postgresql = self._connection.vendor == "postgresql"
        return settings_function(self._connection.alias) if is_postgresql else None

    @property
    def is_tenant_changed(self) -> bool:
        """Whether the backend keeps another tenant than at first. May be called on any thread."""
        return _schema_of(self._connection) != self._first_schema

    @property
    def are_set(self) -> bool:
        """Whether the session may have settings of a context."""
        return self._has != {}

    def apply(self) -> None:
        """Give the session the settings of the current context.

        Raises `SessionChanged` in a transaction that began with other settings, and `UnsupportedFeature` behind a
        pooler.
        """
        if self._wanted is None:
            return
        wanted = dict(self._wanted())
        # If code has set a tenant on the backend itself, that tenant stays until another task uses the thread.
        if (path := wanted.get("search_path", "")) != self._path and _schema_of(self._connection) == self._schema:
            self._set_tenant(path)
        if wanted == self._has:
            return
        connection, alias = self._connection, self._connection.alias
        if alias_settings(alias).pooler is not None:
            refuse_pooler(alias)
        if connection.in_atomic_block or not connection.autocommit or is_in_transaction(connection.connection):
            refuse_change(alias, wanted, self._has)
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            self._read_before(cursor, wanted)
            changed, self._has = changes(wanted, self._has, self._before), None
            # One statement: if the server refuses a setting, no other is set.
            calls = ", ".join(["pg_catalog.set_config(%s, %s, false)"] * len(changed))
            cursor.execute(f"SELECT {calls}", [part for setting in changed.items() for part in setting])
        self._has = wanted

    def reset(self) -> None:
        """Record that a new connection was opened, whose session has no settings yet."""
        self._has, self._before = {}, {}

    def forget_tenant(self) -> None:
        """Let the backend forget its tenant, no matter which code has set it."""
        if self.is_tenant_changed:
            self._set_tenant("")

    def _read_before(self, cursor: DriverCursor, wanted: Settings) -> None:
        for name in wanted:
            if name not in self._before:
                cursor.execute("SELECT pg_catalog.current_setting(%s, true)", [name])
                (value,) = cursor.fetchone() or (None,)
                # A custom setting has no value at first, and cannot be unset again.
                self._before[name] = str(value or "")

    def _set_tenant(self, path: str) -> None:
        """Pass the schema on to a backend like that of django-tenants, which sets it before each statement."""
        if hasattr(self._connection, "set_schema"):
            backend = cast("TenantWrapper", self._connection)
            if schema := path.split(",", maxsplit=1)[0].strip().strip('"'):
                backend.set_schema(schema)
            else:
                backend.set_schema_to_public()
        self._path, self._schema = path, _schema_of(self._connection)


def _schema_of(connection: DjangoWrapper) -> object:
    """The schema of the tenant that a backend like that of django-tenants keeps."""
    return getattr(connection, "schema_name", None)
