"""A session as the project wants it in the current context: tenant, role, search path.

A connection of a pool keeps the settings of its last user, and gets those of the next one before the first statement
that needs them. Behind a pooler, where each transaction may have another session, they are sent with each transaction
and end with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from psycopg import sql

from adj.engines.session.settings import Settings, changes, refuse_change, settings_function
from adj.errors import UnsupportedFeature
from adj.settings import alias_settings

_IDLE = psycopg.pq.TransactionStatus.IDLE


class PgSession:
    """What one connection's session is to have, and what it has."""

    def __init__(self, alias: str, wanted: Callable[[], Settings], *, is_pooled: bool) -> None:
        self._alias, self._wanted, self._is_pooled = alias, wanted, is_pooled
        self._has: dict[str, str] = {}
        self._before: dict[str, str] = {}
        # What was sent with the transaction that is open; None if nothing was.
        self._sent: dict[str, str] | None = None

    async def apply(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Give a session the settings of the current context, before it is used.

        Raises `SessionChanged` in a transaction that began with others, and what psycopg raises.
        """
        if self._is_pooled:
            return
        wanted = dict(self._wanted())
        if wanted == self._has:
            return
        if not connection.autocommit or connection.info.transaction_status != _IDLE:
            # What is set in a transaction is gone if that is undone.
            refuse_change(self._alias, wanted, self._has)
        await self._read_before(connection, wanted)
        await connection.execute(_set(changes(wanted, self._has, self._before), is_local=False))
        self._has = wanted

    def prefix(self, connection: psycopg.AsyncConnection[Any]) -> str:
        """What is sent before a statement and in one transaction with it; empty where nothing need be.

        Raises `SessionChanged` as `apply()` does.
        """
        if not self._is_pooled:
            return ""
        wanted = dict(self._wanted())
        is_idle = connection.info.transaction_status == _IDLE
        if is_idle:
            self._sent = None
        if self._sent is not None:
            if wanted != self._sent:
                refuse_change(self._alias, wanted, self._sent)
            return ""
        if not is_idle or not connection.autocommit:
            self._sent = wanted
        return f"{_set(wanted, is_local=True).as_string(connection)};\n" if wanted else ""

    def transaction_began(self) -> None:
        """Take note of a transaction that has begun by itself, and not with a statement that was asked for."""
        self._sent = None

    def refuse_autocommit(self, connection: psycopg.AsyncConnection[Any], what: str) -> None:
        """Raise `UnsupportedFeature` for what cannot be sent together with settings."""
        if self._is_pooled and connection.autocommit:
            raise UnsupportedFeature(
                query=what,
                reason='With ADJ["session"] behind a pooler it has to be within atomic(), which sends the settings.',
            )

    async def _read_before(self, connection: psycopg.AsyncConnection[Any], wanted: dict[str, str]) -> None:
        """Take note of what settings were before they are set for the first time."""
        new = [name for name in wanted if name not in self._before]
        if new:
            columns = sql.SQL(", ").join(
                [sql.SQL("pg_catalog.current_setting({}, true)").format(sql.Literal(name)) for name in new]
            )
            row = await (await connection.execute(sql.SQL("SELECT {}").format(columns))).fetchone()
            # A setting of the project's own has no value before, and cannot go back to none.
            self._before.update((name, value or "") for name, value in zip(new, row or (), strict=True))


async def execute(connection: Any, cursor: Any, query: Any, params: Any = None, **options: Any) -> None:
    """Execute a statement on a cursor of a `PgConnection`: record what it changes, and apply the settings first."""
    connection.record_statement(text_of(query, connection))
    session: PgSession | None = connection.session
    prefix = ""
    if session is not None:
        await session.apply(connection)
        prefix = session.prefix(connection)
    if not prefix:
        await cursor.execute(query, params, **options)
    elif isinstance(cursor, psycopg.AsyncServerCursor):
        await connection.execute(prefix)
        await cursor.execute(query, params, **options)
    else:
        await cursor.execute(with_prefix(prefix, text_of(query, connection), params), params, **options)
        cursor.nextset()


async def prepare_session(connection: Any, query: Any, what: str) -> None:
    """Let a `PgConnection` take note of a statement that no settings can be sent with, and dress its session."""
    connection.record_statement(text_of(query, connection))
    session: PgSession | None = connection.session
    if session is not None:
        session.refuse_autocommit(connection, what)
        await session.apply(connection)
        if prefix := session.prefix(connection):
            await connection.execute(prefix)


def with_prefix(prefix: str, text: str, params: Any) -> Any:
    """A statement after what is sent before it."""
    return (prefix if params is None else prefix.replace("%", "%%")) + text


def text_of(query: Any, connection: psycopg.AsyncConnection[Any]) -> str:
    """The SQL of what psycopg takes for a query."""
    text: Any = query.as_string(connection) if isinstance(query, sql.Composable) else query
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def new_session(alias: str) -> PgSession | None:
    """How a new session of an alias is to be dressed; None where `ADJ` does not say.

    Raises `ImproperlyConfigured` for settings that do not go together.
    """
    function = settings_function(alias)
    if function is None:
        return None
    is_pooled = alias_settings(alias).pooler is not None
    if is_pooled and connections.settings[alias]["OPTIONS"].get("server_side_binding") is True:
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]: session behind a pooler needs statements that are sent together, and '
            'OPTIONS["server_side_binding"] does not allow that; leave one of them out.'
        )
    return PgSession(alias, function, is_pooled=is_pooled)


def _set(settings: Settings, *, is_local: bool) -> sql.Composed:
    calls = [
        sql.SQL("pg_catalog.set_config({}, {}, {})").format(
            sql.Literal(name), sql.Literal(value), sql.Literal(is_local)
        )
        for name, value in settings.items()
    ]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))
