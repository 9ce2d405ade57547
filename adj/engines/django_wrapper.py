"""The type of Django's DatabaseWrapper, with the private API that the engines use.

django-stubs leaves out the members that Django does not document; the modules that use them list them. At run time the
class is Django's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

DatabaseSettings: TypeAlias = Mapping[str, Any]
"""The settings of one alias: a value of `DATABASES`, or the `OPTIONS` in it."""

ConnectionParameters: TypeAlias = dict[str, Any]
"""The arguments of a driver's `connect()`, as `DatabaseWrapper.get_connection_params()` returns them."""

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

    class DjangoWrapper(BaseDatabaseWrapper):
        """`BaseDatabaseWrapper`, complete."""

        rollback_exc: BaseException | None
        run_on_commit: list[tuple[set[str], Callable[[], object], bool]]  # type: ignore[assignment]

        def _cursor(self, name: str | None = None) -> CursorWrapper: ...
        def _close(self) -> None: ...
        def _set_autocommit(self, autocommit: bool) -> None: ...
        def _rollback(self) -> None: ...
        def _savepoint_rollback(self, sid: str) -> None: ...
else:
    DjangoWrapper = BaseDatabaseWrapper


class MySQLWrapper(Protocol):
    """What Django's MySQL backend defines besides."""

    @property
    def mysql_is_mariadb(self) -> bool:
        """Whether the server is MariaDB. Django asks it the first time."""
        ...


class TenantWrapper(Protocol):
    """What django-tenants' backend, and others like it, define besides: the current tenant's schema."""

    schema_name: str

    def set_schema(self, schema_name: str) -> None:
        """Use a schema from the next cursor on."""
        ...

    def set_schema_to_public(self) -> None:
        """Use the schema without a tenant."""
        ...


def thread_wrapper(alias: str) -> DjangoWrapper:
    """`django.db.connections[alias]`: Django's connection in the current thread or task."""
    return cast("DjangoWrapper", connections[alias])


def thread_wrappers() -> dict[str, DjangoWrapper]:
    """The connections in `django.db.connections` that exist in the current thread or task, by alias."""
    return {wrapper.alias: cast("DjangoWrapper", wrapper) for wrapper in connections.all(initialized_only=True)}


def new_django_wrapper(alias: str) -> DjangoWrapper:
    """A wrapper that `django.db.connections` does not know. It is not connected."""
    return cast("DjangoWrapper", connections.create_connection(alias))
