"""Statements of Django's code, or of a user, on a `PgConnection`.

Before a statement is sent, the connection records what it may change in the session, and gets the session settings that
the project wants.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import psycopg
from psycopg import sql

from adj.abc import DatabaseRow
from adj.engines.postgres.connection import PgConnection
from adj.engines.postgres.query_text import literal, with_prefix

if TYPE_CHECKING:
    from psycopg.abc import Params

_SETS_MODE = re.compile(r"\s*set\s+transaction\b", re.IGNORECASE)

Query: TypeAlias = str | bytes | sql.Composable
"""What psycopg executes. Its own type asks for literal text, and Django's SQL is made at run time."""


class PgCopy(Protocol):
    """psycopg's `AsyncCopy`, as far as it is used here."""

    async def write_row(self, row: Sequence[object]) -> None:
        """Send a row."""
        ...


class PgCursor(Protocol):
    """psycopg's `AsyncCursor` or `AsyncServerCursor`, as far as it is used here."""

    async def execute(self, query: Query, params: Params | None = None, **options: bool | None) -> object:
        """Execute a statement."""
        ...

    async def executemany(self, query: Query, params_seq: Iterable[Params], **options: bool) -> None:
        """Execute a statement once for each item of `params_seq`."""
        ...

    async def fetchone(self) -> DatabaseRow | None:
        """The next row, or None."""
        ...

    async def fetchmany(self, size: int = 0) -> list[DatabaseRow]:
        """The next rows."""
        ...

    async def fetchall(self) -> list[DatabaseRow]:
        """All remaining rows."""
        ...

    async def scroll(self, value: int, mode: str = "relative") -> None:
        """Move to another row."""
        ...

    async def close(self) -> None:
        """Close the cursor."""
        ...

    def stream(self, query: Query, params: Params | None = None, **options: Any) -> AsyncGenerator[DatabaseRow]:
        """Run a statement, and read its rows one by one."""
        ...

    def copy(
        self, statement: Query, params: Params | None = None, **options: object
    ) -> AbstractAsyncContextManager[PgCopy]:
        """Run a COPY statement."""
        ...

    def nextset(self) -> bool | None:
        """Move to the result of the next statement."""
        ...


async def execute(
    connection: PgConnection, cursor: PgCursor, query: Query, params: Params | None = None, **options: bool | None
) -> None:
    """Execute a statement on a cursor of a connection.

    Raises `UnsupportedFeature` and `SessionChanged`, as the connection and its session do, and psycopg's errors.
    """
    text = text_of(query, connection)
    connection.record_statement(text)
    session = connection.session
    prefix = ""
    if session is not None:
        await session.apply(connection)
        if _SETS_MODE.match(text):
            # The server accepts it only before the first query. The prefix is one, and follows with the next statement.
            session.transaction_began()
        else:
            prefix = session.prefix(connection)
    if not prefix:
        await cursor.execute(query, params, **options)
    elif isinstance(cast("object", cursor), psycopg.AsyncServerCursor):
        await connection.execute(literal(prefix))
        await cursor.execute(query, params, **options)
    else:
        await cursor.execute(with_prefix(prefix, text, params), params, **options)
        cursor.nextset()


async def prepare_session(connection: PgConnection, query: Query, what: str) -> None:
    """Do what `execute()` does before a statement that cannot be sent together with settings; `what` names it.

    Raises `UnsupportedFeature` in autocommit behind a pooler, where the settings would be those of another session.
    """
    connection.record_statement(text_of(query, connection))
    await apply_settings(connection, what)


async def apply_settings(connection: PgConnection, what: str) -> None:
    """Set what the project wants for the session before work that the driver begins itself.

    Raises `UnsupportedFeature` as `prepare_session()` does.
    """
    session = connection.session
    if session is not None:
        session.refuse_autocommit(connection, what)
        await session.apply(connection)
        if prefix := session.prefix(connection):
            await connection.execute(literal(prefix))


def text_of(query: Query, connection: PgConnection) -> str:
    """The SQL of a query."""
    text = query.as_string(connection) if isinstance(query, sql.Composable) else query
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
