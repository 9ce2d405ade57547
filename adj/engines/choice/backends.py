"""Which PostgreSQL backends the native engine supports: Django's, and subclasses that override only what it calls.

The native engine opens connections itself, and runs most statements on psycopg's cursors. It would ignore a backend's
overrides of opening connections or creating cursors, so another engine serves such a backend. This is decided by the
class, before anything is opened.

Private Django API used here: none. Private names are only compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.djangos import is_djangos

HONORED = frozenset(
    {
        # Django reads or calls these on the backend's class, and so does adj.
        *("vendor", "display_name", "data_types", "data_types_suffix"),
        *("data_type_check_constraints", "operators", "pattern_esc", "pattern_ops", "queries_limit"),
        *("SchemaEditorClass", "client_class", "creation_class", "features_class", "introspection_class"),
        *("ops_class", "validation_class", "features", "ops", "introspection", "creation", "client", "validation"),
        *("timezone", "timezone_name", "tzinfo_factory", "pg_version", "get_database_version"),
        *("check_database_version_supported", "check_settings", "prepare_database", "schema_editor"),
        # Called when the pool opens a connection.
        *("get_connection_params", "init_connection_state"),
        *("_configure_connection", "_configure_role", "_configure_timezone"),
        # Called by Django's code in a bridge.
        *("check_constraints", "constraint_checks_disabled", "disable_constraint_checking"),
        *("enable_constraint_checking", "on_commit", "queries", "queries_logged", "wrap_database_errors"),
        *("validate_no_atomic_block", "validate_no_broken_transaction", "get_rollback", "set_rollback"),
        *("commit", "rollback", "savepoint", "savepoint_commit", "savepoint_rollback", "clean_savepoints"),
        *("_commit", "_rollback", "_savepoint", "_savepoint_commit", "_savepoint_rollback", "_savepoint_allowed"),
    }
)
"""What a subclass may override, because the native engine uses it."""

# Python's own names, and methods that only run before adj has the wrapper.
_HARMLESS = frozenset(
    {
        *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__orig_bases__"),
        *("__parameters__", "__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__"),
        *("__annotations_cache__", "__conditional_annotations__", "__classcell__", "__abstractmethods__", "_abc_impl"),
        *("__init__", "__new__", "__init_subclass__", "__class_getitem__", "__repr__", "__str__", "__slots__"),
    }
)

# Methods that the native engine does not call. A program may have patched them on Django's classes.
_PATCHED = ("get_new_connection", "create_cursor", "chunked_cursor")


def inherits_from_djangos(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether a PostgreSQL backend inherits from Django's."""
    # The import needs psycopg.
    from django.db.backends.postgresql.base import DatabaseWrapper

    return isinstance(wrapper, DatabaseWrapper)


def overrides(wrapper: BaseDatabaseWrapper) -> tuple[str, ...]:
    """The overrides of a subclass of Django's backend that the native engine would ignore, such as `create_cursor`."""
    # The import needs psycopg.
    from django.db.backends.postgresql.base import DatabaseWrapper

    backend_class = type(wrapper)
    plain = DatabaseWrapper(connections.settings[wrapper.alias], wrapper.alias)
    djangos = {*dir(DatabaseWrapper), *vars(plain), "__getattr__"}
    own = {name for cls in _project_classes(backend_class, DatabaseWrapper) for name in vars(cls) if name in djangos}
    replaced = {name for name in vars(wrapper) if callable(getattr(DatabaseWrapper, name, None))}
    patched = {name for name in _PATCHED if not is_djangos(getattr(DatabaseWrapper, name))}
    return tuple(sorted((own | replaced | patched) - HONORED - _HARMLESS))


def display_name(wrapper: BaseDatabaseWrapper) -> str:
    """The name of a backend's database. Does not connect: Django's property asks a MySQL server if it is MariaDB."""
    name: object = getattr(type(wrapper), "display_name", None)
    if isinstance(name, str):
        return name
    return "MySQL or MariaDB" if wrapper.vendor == "mysql" else str(wrapper.vendor)


def _project_classes(backend_class: type, djangos: type) -> Iterator[type]:
    """The classes of a backend that are not among the base classes of Django's backend."""
    return (cls for cls in backend_class.__mro__ if cls not in djangos.__mro__)
