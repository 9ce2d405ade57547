"""psycopg's asynchronous connection with the synchronous methods that Django's code calls. For bridges only."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

import psycopg

from adj.abc import DatabaseRow
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.statements import PgCursor, Query, apply_settings
from adj.engines.postgres.sync_calls import synchronous, wait_on
from adj.engines.postgres.sync_cursor import AsyncServerSideCursor, SyncCursor, SyncServerCursor

if TYPE_CHECKING:
    from psycopg.abc import Params
    from psycopg.rows import AsyncRowFactory


class ServerCursorOptions(TypedDict, total=False):
    """psycopg's options of server-side cursors."""

    scrollable: bool | None
    withhold: bool


class CursorOptions(ServerCursorOptions, total=False):
    """The options of psycopg's `Connection.cursor()`."""

    binary: bool
    row_factory: AsyncRowFactory[DatabaseRow]


class SyncConnection:
    """A `PgConnection` with the methods of a synchronous connection."""

    _raw: PgConnection

    def __init__(self, raw: PgConnection) -> None:
        object.__setattr__(self, "_raw", raw)

    @property
    def raw(self) -> PgConnection:
        """The asynchronous connection."""
        return self._raw

    def cursor(self, name: str = "", **options: Unpack[CursorOptions]) -> SyncCursor:
        """A cursor; with a name, a server-side cursor."""
        cursor = cast("PgCursor", self._raw.cursor(name, **options))
        return SyncServerCursor(cursor, self._raw) if name else SyncCursor(cursor, self._raw)

    def named_cursor(self, name: str, **options: Unpack[ServerCursorOptions]) -> SyncCursor:
        """A server-side cursor that merges parameters on the client."""
        return SyncServerCursor(cast("PgCursor", AsyncServerSideCursor(self._raw, name, **options)), self._raw)

    def execute(self, query: Query, params: Params | None = None, **options: bool | None) -> SyncCursor:
        """Execute a statement on a new cursor."""
        return self.cursor().execute(query, params, **options)

    def transaction(self, *args: Any, **options: Any) -> AbstractContextManager[psycopg.AsyncTransaction]:
        """A block that psycopg makes a transaction, or a savepoint inside one."""
        wait_on(self._raw, apply_settings(self._raw, "transaction()"))
        block: AbstractContextManager[psycopg.AsyncTransaction] = synchronous(self._raw, self._raw.transaction)(
            *args, **options
        )
        return block

    def commit(self) -> None:
        """Commit the transaction."""
        wait_on(self._raw, self._raw.commit())

    def rollback(self) -> None:
        """Roll back the transaction."""
        if self._raw.is_lost:
            # Do not wait for the statement that was running.
            raise psycopg.OperationalError("the connection is closed")
        wait_on(self._raw, self._raw.rollback())

    def close(self) -> None:
        """End the session. The pool opens another one in its place."""
        wait_on(self._raw, self._raw.close())

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction."""
        return self._raw.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if not value and self._raw.session is not None:
            # A transaction begins, in which the settings cannot change.
            wait_on(self._raw, self._raw.session.apply(self._raw))
        wait_on(self._raw, self._raw.set_autocommit(value))

    @property
    def isolation_level(self) -> psycopg.IsolationLevel | None:
        """The isolation level of transactions to come; None for the server's default."""
        return self._raw.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: psycopg.IsolationLevel | None) -> None:
        wait_on(self._raw, self._raw.set_isolation_level(value))

    @property
    def read_only(self) -> bool | None:
        """Whether transactions to come are read-only; None for the server's default."""
        return self._raw.read_only

    @read_only.setter
    def read_only(self, value: bool | None) -> None:
        wait_on(self._raw, self._raw.set_read_only(value))

    @property
    def deferrable(self) -> bool | None:
        """Whether transactions to come are deferrable; None for the server's default."""
        return self._raw.deferrable

    @deferrable.setter
    def deferrable(self, value: bool | None) -> None:
        wait_on(self._raw, self._raw.set_deferrable(value))

    def __getattr__(self, name: str) -> Any:
        return synchronous(self._raw, getattr(self._raw, name))
