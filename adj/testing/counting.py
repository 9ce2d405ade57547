"""`count_queries()` and `assert_num_queries()`, for the queries of a block."""

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
    """The queries that a block has run so far."""

    def __init__(self, count: Count) -> None:
        self._count = count

    @property
    def queries(self) -> tuple[CountedQuery, ...]:
        """The statements in the order in which they completed, each with its `sql` and its duration in `seconds`."""
        return tuple(self._count.queries)

    def __len__(self) -> int:
        return len(self._count.queries)

    def __repr__(self) -> str:
        return f"<CountedQueries: {self}>"

    def __str__(self) -> str:
        """The statements, numbered."""
        return "\n".join(f"{number}. {query.sql}" for number, query in enumerate(self._count.queries, start=1))


class CountQueries(Protocol):
    """The type of the fixture `adj_count_queries`, which is `count_queries()`."""

    def __call__(self, using: str | None = None) -> AbstractAsyncContextManager[CountedQueries]:
        """A block whose queries are counted."""
        ...


class AssertNumQueries(Protocol):
    """The type of the fixture `adj_assert_num_queries`, which is `assert_num_queries()`."""

    def __call__(self, number: int, *, using: str | None = None) -> AbstractAsyncContextManager[CountedQueries]:
        """A block that must run a number of queries."""
        ...


@asynccontextmanager
async def count_queries(using: str | None = None) -> AsyncGenerator[CountedQueries]:
    """Count the queries of the block on an alias, `default` if omitted.

    ```python
    async with count_queries() as counted:
        await view(request)
    assert len(counted) == 2
    ```

    Counts the queries of adj, of Django's own async methods, and of synchronous code that the block waits for, also in
    tasks that are started in the block, but not those of other tasks. As in Django's `assertNumQueries()`, savepoints,
    BEGIN and COMMIT count as queries.
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
    """Raise `AssertionError`, with the statements, unless the block runs this number of queries.

    Counts as `count_queries()` does. An exception raised in the block propagates.
    """
    async with count_queries(using) as counted:
        yield counted
    if len(counted) != number:
        raise AssertionError(f"{len(counted)} queries executed, {number} expected\nCaptured queries were:\n{counted}")


async def _place_of_django(alias: str) -> Callable[..., Any]:
    """A function that runs synchronous code where Django's own async methods run."""
    executor = await executor_for(alias)
    return executor.run if isinstance(executor.engine, DjangoEngine) else _call_in_thread


async def _call_in_thread(function: Callable[..., Any], /, *args: object) -> Any:
    """Run a function in the thread that Django's async methods use."""
    return await sync_to_async(function)(*args)
