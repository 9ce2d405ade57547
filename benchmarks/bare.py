"""A connection of bare psycopg, beside which the native engine is measured."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tests.servers import Server


@asynccontextmanager
async def bare_connection(server: Server, name: str) -> AsyncGenerator[Any]:
    """A connection to a database, in autocommit, that writes parameters into the SQL as Django's do.

    At the block's end it is closed, and so is everything that adj has opened meanwhile.
    """
    import psycopg

    import adj

    connection = await psycopg.AsyncConnection.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=name,
        autocommit=True,
        cursor_factory=psycopg.AsyncClientCursor,
    )
    try:
        yield connection
    finally:
        await connection.close()
        await adj.close()
