"""The time limit of a query, `query.timeout(seconds)`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from django.db import OperationalError

from adj.completion import deadline_in
from adj.engines.outcome import outcome_of
from adj.errors import QueryTimeout
from adj.statement.statement import Statement, TerminalCall
from adj.statement.text import query_text


def within_time(statement: Statement, terminal: TerminalCall) -> AbstractAsyncContextManager[None]:
    """A block with the statement's time limit; raises `QueryTimeout` when it takes longer."""
    return nullcontext() if statement.seconds is None else _limited(statement, statement.seconds, terminal)


@asynccontextmanager
async def _limited(statement: Statement, seconds: float, terminal: TerminalCall) -> AsyncGenerator[None]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            with deadline_in(seconds):
                yield
    except (TimeoutError, OperationalError) as error:
        # An OperationalError is the server's own response to the cancellation.
        if not limit.expired():
            raise
        outcome = outcome_of(error if isinstance(error, OperationalError) else error.__cause__)
        raise QueryTimeout(query=query_text(statement, terminal), seconds=seconds, outcome=outcome) from None
