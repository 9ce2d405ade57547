"""How many queries a block sends: `count_queries()` and `assert_num_queries()`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS

from adj.engines.django.engine import DjangoEngine
from adj.engines.watching.query_log import ConnectionLog, Count, CountedQuery, begin_count, end_count
from adj.execution.databases import executor_for


class CountedQueries:
    """What a block has sent so far; also after its end."""

    def __init__(self, count: Count) -> None:
        self._count = count

    @property
    def queries(self) -> tuple[CountedQuery, ...]:
        """The statements in the order in which they were answered, each with its `sql` and its `seconds`."""
        return tuple(self._count.queries)

    def __len__(self) -> int:
        return len(self._count.queries)

    def __repr__(self) -> str:
        return f"<CountedQueries: {self}>"

    def __str__(self) -> str:
        """The statements, numbered."""
        return "\n".join(f"{number}. {query.sql}" for number, query in enumerate(self._count.queries, start=1))


class CountQueries(Protocol):
    """What the fixture `adj_count_queries` is: `count_queries()`."""

    def __call__(self, using: str | None = None) -> AbstractAsyncContextManager[CountedQueries]:
        """A block whose queries are counted."""
        ...


class AssertNumQueries(Protocol):
    """What the fixture `adj_assert_num_queries` is: `assert_num_queries()`."""

    def __call__(self, number: int, *, using: str | None = None) -> AbstractAsyncContextManager[CountedQueries]:
        """A block that has to send a number of queries."""
        ...


@asynccontextmanager
async def count_queries(using: str | None = None) -> AsyncGenerator[CountedQueries]:
    """Counts the queries of the block on an alias, `default` if not given; `as counted` has them.

    Those of adj, of Django's own asynchronous methods, and of synchronous code that the block waits for; also in tasks
    that are started in the block, and not those of other tasks. What counts is what Django's `assertNumQueries()`
    counts: savepoints are statements, and so are BEGIN and COMMIT.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    count = Count(alias)
    log: ConnectionLog = await (await _place_of_django(alias))(ConnectionLog.of, alias)
    token = begin_count(count)
    try:
        yield CountedQueries(count)
    finally:
        end_count(token)
        log.release()


@asynccontextmanager
async def assert_num_queries(number: int, *, using: str | None = None) -> AsyncGenerator[CountedQueries]:
    """Raise `AssertionError`, with the statements, unless the block sends this number of queries.

    They are counted as `count_queries()` counts them. An exception of the block itself goes on as it is.
    """
    async with count_queries(using) as counted:
        yield counted
    if len(counted) != number:
        raise AssertionError(f"{len(counted)} queries executed, {number} expected\nCaptured queries were:\n{counted}")


async def _place_of_django(alias: str) -> Callable[..., Any]:
    """What runs synchronous code where Django's own asynchronous methods run theirs."""
    executor = await executor_for(alias)
    return executor.run if isinstance(executor.engine, DjangoEngine) else _call_in_thread


async def _call_in_thread(function: Callable[..., Any], /, *args: Any) -> Any:
    """Run a function in the thread that Django's asynchronous methods use here."""
    return await sync_to_async(function)(*args)
