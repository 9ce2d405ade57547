"""The session settings of one connection: tenant, role, search path, as `ADJ[alias]["session"]` returns them.

A connection of a pool keeps the settings of its last user, and gets those of the next one before its first statement.
Behind a pooler, each transaction may have another session, so the settings are sent with each transaction and end
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from psycopg import sql

from adj.abc import DatabaseRow
from adj.engines.session.settings import Settings, changes, refuse_change, settings_function
from adj.errors import UnsupportedFeature
from adj.settings import alias_settings

RawConnection: TypeAlias = psycopg.AsyncConnection[DatabaseRow]

_IDLE = psycopg.pq.TransactionStatus.IDLE


class PgSession:
    """The settings that one connection's session should have, and those that it has."""

    def __init__(self, alias: str, wanted: Callable[[], Settings], *, is_pooled: bool) -> None:
        self._alias, self._wanted, self._is_pooled = alias, wanted, is_pooled
        # None if it is not known, because the statement that sets them was interrupted.
        self._has: dict[str, str] | None = {}
        self._before: dict[str, str] = {}
        # The settings that were sent with the open transaction; None if none were sent.
        self._sent: dict[str, str] | None = None

    async def apply(self, connection: RawConnection) -> None:
        """Give the session the settings of the current context, before it is used.

        Raises `SessionChanged` in a transaction that began with other settings, and psycopg's errors.
        """
        if self._is_pooled:
            return
        wanted = dict(self._wanted())
        if wanted == self._has:
            return
        if not connection.autocommit or connection.info.transaction_status != _IDLE:
            # A rollback would take the new settings back.
            refuse_change(self._alias, wanted, self._has)
        await self._read_before(connection, wanted)
        changed, self._has = changes(wanted, self._has, self._before), None
        await connection.execute(_set(changed, is_local=False))
        self._has = wanted

    def prefix(self, connection: RawConnection) -> str:
        """The statement to send before another one, in the same transaction; empty if none is needed.

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
        """Record that a transaction begins with a statement that is sent without settings."""
        self._sent = None

    def refuse_autocommit(self, connection: RawConnection, what: str) -> None:
        """Raise `UnsupportedFeature` for statements that cannot be sent together with settings."""
        if self._is_pooled and connection.autocommit:
            raise UnsupportedFeature(
                query=what,
                reason='With ADJ["session"] behind a pooler it has to run inside atomic(), which sends the settings.',
            )

    async def _read_before(self, connection: RawConnection, wanted: dict[str, str]) -> None:
        """Read the values of settings before they are set for the first time."""
        new = [name for name in wanted if name not in self._before]
        if new:
            columns = sql.SQL(", ").join(
                [sql.SQL("pg_catalog.current_setting({}, true)").format(sql.Literal(name)) for name in new]
            )
            row = await (await connection.execute(sql.SQL("SELECT {}").format(columns))).fetchone()
            # A custom setting has no value at first, and cannot be unset again.
            self._before.update((name, str(value or "")) for name, value in zip(new, row or (), strict=True))


def new_session(alias: str) -> PgSession | None:
    """The settings of a new session of an alias; None if `ADJ` does not define any.

    Raises `ImproperlyConfigured` for settings that contradict each other.
    """
    function = settings_function(alias)
    if function is None:
        return None
    is_pooled = alias_settings(alias).pooler is not None
    if is_pooled and connections.settings[alias]["OPTIONS"].get("server_side_binding") is True:
        raise ImproperlyConfigured(
            f'ADJ["{alias}"]: "session" behind a pooler sends several statements together, which '
            'OPTIONS["server_side_binding"] does not allow. Remove one of the two settings.'
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
