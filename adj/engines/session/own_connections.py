"""Settings that code makes on Django's own connections, and that adj's connections do not have: noticed and refused.

A middleware that runs `SET search_path` chooses a tenant for the code of its request. The setting applies to Django's
connection; queries of adj would read another schema without an error. So each new PostgreSQL connection of Django
records such settings in the context, which asgiref passes on to the code of the same request: an execute wrapper does,
and with psycopg the driver's cursors, which see what does not go through Django's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final, TypeVar
from weakref import ref

from django.db.backends.signals import connection_created
from django.dispatch import Signal

from adj.abc import DatabaseRow
from adj.engines.session.driver_statements import can_record_sent, record_sent_statements, sent_unrecorded
from adj.engines.session.function_settings import FunctionSettings
from adj.engines.session.settings_in_sql import ALL, EVERYTHING, SettingChange, setting_changes
from adj.engines.session.sql_effects import NO_EFFECTS, SessionEffects, session_effects
from adj.engines.session.thread_session import ThreadSession, session_of_wrapper
from adj.errors import SessionChanged
from adj.settings import alias_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ChangedSettings:
    """The names of settings that code has changed on a driver's connection. They end with it."""

    names: frozenset[str]
    driver_connection: ref[Any]

    def are_in_force(self) -> bool:
        """Whether there are any, and the connection that has them is open."""
        connection = self.driver_connection()
        return bool(self.names) and connection is not None and not connection.closed


# Not under a name of adj's context variables, which stay in their context: this goes wherever the request goes.
_changed: ContextVar[Mapping[str, _ChangedSettings]] = ContextVar(
    "session_settings",
    default={},  # noqa: B039  # never changed
)

_WITH_SERVER_DEFAULT: Final = frozenset({"search_path", "row_security"})
_OF_USER: Final = frozenset({"role", "session_authorization"})
_ABOUT_ROWS: Final = _WITH_SERVER_DEFAULT | _OF_USER
"""Settings that decide which rows a statement finds; those of a project, as `app.tenant`, have a dot in their names."""

_SELECT_IS_DEFAULT: Final = """
    SELECT setting = reset_val
        OR (setting = replace(reset_val, '"$user", ', '') AND to_regnamespace(quote_ident(current_user)) IS NULL)
    FROM pg_catalog.pg_settings WHERE name = %s
"""
"""The schema of the user, which PostgreSQL's own default begins with, counts only where it exists."""

_functions: dict[str, FunctionSettings] = {}
"""By alias."""


def refuse_settings_of_django(alias: str) -> None:
    """Raise `SessionChanged` in code for which Django's own connection has settings that adj's connections lack.

    Nothing is refused where the project says by `ADJ[alias]["session"]` which settings its sessions have.
    """
    if (
        (by_alias := _changed.get())
        and (changed := by_alias.get(alias)) is not None
        and changed.are_in_force()
        and alias_settings(alias).session is None
    ):
        raise SessionChanged.on_django(alias, sorted(changed.names))


def _watch_connection(sender: object, connection: Any, **kwargs: object) -> None:
    """Record what statements change on a new connection, if it is Django's own."""
    is_adjs = hasattr(connection, "is_managed_by_adj") or ThreadSession.of(connection) is not None
    if connection.vendor != "postgresql" or is_adjs:
        return
    if can_record_sent(connection.connection):
        record_sent_statements(connection.connection, partial(_record_sent, connection))
    if record_settings not in connection.execute_wrappers:
        connection.execute_wrappers.append(record_settings)


connection_created.connect(_watch_connection, dispatch_uid="adj.own_connections")


def is_of_session(execute_wrapper: object) -> bool:
    """Whether adj installed an execute wrapper for its sessions, so that it does not count as an observer."""
    return execute_wrapper is record_settings or session_of_wrapper(execute_wrapper) is not None


def record_settings(execute: Callable[..., T], sql: Any, params: Any, many: bool, context: Mapping[str, Any]) -> T:
    """Run a statement and record the settings that it changes: an execute wrapper, with Django's parameters."""
    connection = context["connection"]
    with sent_unrecorded(connection.connection):
        result = execute(sql, params, many, context)
    _record_sent(connection, sql, None if many else params, is_sent=True)
    return result


def _record_sent(connection: Any, sql: Any, params: Any, is_sent: bool) -> None:
    """Record the settings that a statement changes, or will change if it is not sent yet."""
    # psycopg composes SQL of other objects than text.
    effects = session_effects(sql if isinstance(sql, str) else connection.ops.compose_sql(sql, None))
    if effects is not NO_EFFECTS:
        with sent_unrecorded(connection.connection):
            _record(connection, effects, sql, params, is_sent=is_sent)


def _record(connection: Any, effects: SessionEffects, sql: Any, params: Any, *, is_sent: bool) -> None:
    driver_connection = connection.connection
    by_alias = _changed.get()
    before = by_alias.get(connection.alias)
    known = before.names if before is not None and before.driver_connection() is driver_connection else frozenset()
    names = known
    for change in _changes(connection, effects, sql, params):
        names = _after(change, names, connection, is_sent=is_sent)
    if names != known and not _is_being_created():
        _changed.set({**by_alias, connection.alias: _ChangedSettings(names, ref(driver_connection))})


def _changes(connection: Any, effects: SessionEffects, sql: Any, params: Any) -> Iterator[SettingChange]:
    if effects.is_lasting:
        yield from setting_changes(connection.ops.compose_sql(sql, params))
    if effects.functions:
        functions = _functions.setdefault(connection.alias, FunctionSettings())
        yield from functions.changes(effects.functions, lambda *query: _rows(connection, *query))


def _after(change: SettingChange, names: frozenset[str], connection: Any, *, is_sent: bool) -> frozenset[str]:
    """The names of the changed settings after another change. Before it is sent, its value cannot be asked for."""
    name = change.name
    if name == EVERYTHING:
        return frozenset()
    if name == ALL:
        return names & _OF_USER
    if name not in _ABOUT_ROWS and "." not in name:
        return names
    return names - {name} if change.is_reset or (is_sent and _has_default(connection, name)) else names | {name}


def _has_default(connection: Any, name: str) -> bool:
    """Whether a setting has the value that a new connection has."""
    if name not in _WITH_SERVER_DEFAULT:
        return False
    ((is_default,),) = _rows(connection, _SELECT_IS_DEFAULT, (name,))
    return bool(is_default)


def _rows(connection: Any, sql: str, params: tuple[object, ...]) -> Iterable[DatabaseRow]:
    """The rows of a query of adj's own, which no execute wrapper and no log of Django sees."""
    with connection.connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[DatabaseRow] = cursor.fetchall()
        return rows


def _is_being_created() -> bool:
    """Whether a receiver of `connection_created` runs the statement: adj's connections run the same receivers."""
    frame: FrameType | None = sys._getframe(1)  # named so by Python itself, and documented
    while frame is not None:
        if frame.f_locals.get("self") is connection_created and frame.f_code is Signal.send.__code__:
            return True
        frame = frame.f_back
    return False
