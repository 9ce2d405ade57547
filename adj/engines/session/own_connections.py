"""Settings that code makes on Django's own connections, and that adj's connections do not have: noticed and refused.

A middleware that runs `SET search_path` chooses a tenant for the code of its request. It reaches Django's connection;
queries of adj would read another schema without an error. So each new PostgreSQL connection of Django gets an execute
wrapper that takes note of such settings in the context, which asgiref carries on to the code of the same request.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, TypeVar
from weakref import ref

from django.db.backends.signals import connection_created
from django.dispatch import Signal

from adj.engines.session.thread_session import ThreadSession, session_of_wrapper
from adj.errors import SessionChanged
from adj.settings import alias_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Made:
    """The settings that code has made on a connection. They end with it."""

    names: frozenset[str]
    raw: ref[Any]

    def hold(self) -> bool:
        """Whether the connection has them still."""
        raw = self.raw()
        return bool(self.names) and raw is not None and not raw.closed


# Not under a name of adj's context variables, which stay in their context: this goes wherever the request goes.
_settings: ContextVar[Mapping[str, _Made]] = ContextVar("session_settings", default={})  # noqa: B039  # never changed

_ABOUT_ROWS: Final = frozenset({"search_path", "role", "session authorization", "row_security"})
"""Settings that decide which rows a statement finds; those of a project, as `app.tenant`, have a dot in their names."""

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:set|reset|discard)\b", re.IGNORECASE | re.DOTALL)
_DEFINITION = re.compile(r"\s*(?:create|alter|comment)\b", re.IGNORECASE)
_SET = re.compile(
    r"""
    \s*set\s+(?!local\b|transaction\b|constraints\b)(?:session\s+(?!authorization\b))?
    (?P<name>session\s+authorization|"?[\w.]+"?)\s*(?:=|\bto\b|\s)\s*(?P<value>.*)
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_RESET = re.compile(r"\s*(?:reset|discard)\s+(?P<name>session\s+authorization|[\w.]+)", re.IGNORECASE)
_SET_CONFIG = re.compile(
    r"set_config\s*\(\s*'(?P<name>[^']*)'\s*,\s*(?P<value>'[^']*'|[^,]*?)\s*,\s*'?(?P<is_local>\w+)", re.IGNORECASE
)
# What a connection has without being told.
_DEFAULTS: Final = frozenset({"", "default", "none", "public", '$user",public', '$user", public'})


def refuse_settings_of_django(alias: str) -> None:
    """Raise `SessionChanged` in code for which Django's own connection has settings that adj's connections lack.

    Nothing is refused where the project says by `ADJ[alias]["session"]` which settings its sessions have.
    """
    if (
        (found := _settings.get())
        and (made := found.get(alias)) is not None
        and made.hold()
        and alias_settings(alias).session is None
    ):
        raise SessionChanged.on_django(alias, sorted(made.names))


def _attend(sender: object, connection: Any, **kwargs: object) -> None:
    """Take note of what code sets on a new connection, if it is Django's own."""
    is_adjs = hasattr(connection, "is_managed_by_adj") or ThreadSession.of(connection) is not None
    if connection.vendor == "postgresql" and not is_adjs and note_settings not in connection.execute_wrappers:
        connection.execute_wrappers.append(note_settings)


connection_created.connect(_attend, dispatch_uid="adj.own_connections")


def is_note(execute_wrapper: object) -> bool:
    """Whether adj installed an execute wrapper to take notes, so that it does not count as an observer."""
    return execute_wrapper is note_settings or session_of_wrapper(execute_wrapper) is not None


def note_settings(execute: Callable[..., T], sql: Any, params: Any, many: bool, context: Mapping[str, Any]) -> T:
    """Run a statement, and take note of the settings that it makes: an execute wrapper, as Django calls them."""
    result = execute(sql, params, many, context)
    if isinstance(sql, str) and (_FIRST_WORD.match(sql) or "set_config" in sql or ";" in sql):
        _note(context["connection"], _with_values(sql, params))
    return result


def _note(connection: Any, sql: str) -> None:
    found, raw = _settings.get(), connection.connection
    before = found.get(connection.alias)
    known = before.names if before is not None and before.raw() is raw else frozenset()
    names = set(known)
    for name, value in _changes(sql):
        if value in _DEFAULTS:
            names = set() if name in {"all", ""} else names - {name}
        elif name in _ABOUT_ROWS or "." in name:
            names.add(name)
    if names != known and not _is_being_created():
        _settings.set({**found, connection.alias: _Made(frozenset(names), ref(raw))})


def _changes(sql: str) -> Iterator[tuple[str, str]]:
    """The settings that a text of SQL makes for longer than a transaction: their names and values."""
    sql = _COMMENT.sub(" ", sql)
    if _DEFINITION.match(sql):
        # The body of a function is not run when the function is created.
        return
    for statement in sql.split(";"):
        if (match := _SET.match(statement)) is not None:
            yield _plain(match["name"]), _plain(match["value"])
        elif (match := _RESET.match(statement)) is not None:
            yield _plain(match["name"]), ""
        for match in _SET_CONFIG.finditer(statement):
            if match["is_local"].lower() not in {"true", "t", "on", "1"}:
                yield _plain(match["name"]), _plain(match["value"])


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("'\"").split()).lower()


def _with_values(sql: str, params: Any) -> str:
    """A statement with its parameters in it, good enough to read settings from."""
    if isinstance(params, (list, tuple)) and sql.count("%s") == len(params):
        for param in params:
            sql = sql.replace("%s", f"'{param}'", 1)
    return sql


def _is_being_created() -> bool:
    """Whether a receiver of `connection_created` runs the statement: adj's connections run the same receivers."""
    frame: FrameType | None = sys._getframe(1)  # named so by Python itself, and documented
    while frame is not None:
        if frame.f_locals.get("self") is connection_created and frame.f_code is Signal.send.__code__:
            return True
        frame = frame.f_back
    return False
