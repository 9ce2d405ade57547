"""What code in a transaction calls: `in_transaction()`, `set_rollback()`, `run_sync()`, `gather()`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS, connections

from adj.execution.databases import executor_for, preferred_alias
from adj.execution.transaction import current, current_aliases

P = ParamSpec("P")
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")


def in_transaction(using: str | None = None) -> bool:
    """Return whether the current task is in an adj transaction on an alias, `default` if omitted.

    In synchronous code, return whether the connection is in an atomic block, adj's or Django's.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    if not _is_on_a_loop():
        return connections[alias].in_atomic_block
    return current(alias) is not None


async def set_rollback(rollback: bool = True, *, using: str | None = None) -> None:
    """Roll back the current block when it ends, without an exception; `False` revokes this.

    Raises `TransactionManagementError` outside a transaction, as Django does.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    executor = await executor_for(alias)
    await executor.run(_set_rollback, alias, rollback)


async def run_sync(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a synchronous function that uses Django's ORM, and return its result.

    ```python
    report = await run_sync(build_report, year=2026)
    await run_sync(call_command, "clearsessions")
    ```

    The function finds its connection in `django.db.connections` as always: the transaction's connection, otherwise one
    of the alias of the surrounding `native()` block, otherwise one of `default`. With the native PostgreSQL engine it
    runs in a greenlet on the event loop, and other tasks continue while it waits for the server. With other engines it
    runs in a thread that owns the connection. Context variables that it sets are visible to the caller on the native
    engine. Raises `TypeError` for a coroutine function.
    """
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"run_sync() expects a synchronous function; {name}() is async. Await it directly.")
    aliases = current_aliases()
    executor = await executor_for(aliases[-1] if aliases else preferred_alias())
    return await executor.run(function, *args, **kwargs)


@overload
async def gather(one: Awaitable[T1], /) -> tuple[T1]: ...
@overload
async def gather(one: Awaitable[T1], two: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather(one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], /) -> tuple[T1, T2, T3]: ...
@overload
async def gather(
    one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], four: Awaitable[T4], /
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def gather(
    one: Awaitable[T1], two: Awaitable[T2], three: Awaitable[T3], four: Awaitable[T4], five: Awaitable[T5], /
) -> tuple[T1, T2, T3, T4, T5]: ...
@overload
async def gather(*awaitables: Awaitable[T]) -> tuple[T, ...]: ...
async def gather(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """Run several queries and return their results: concurrently, or one after another inside a transaction.

    ```python
    books, count = await gather(q(Book)[:10].run(), q(Book).acount())
    ```

    Raises the first error; inside a transaction, the queries after it are not run.
    """
    if not current_aliases():
        return tuple(await asyncio.gather(*awaitables))
    results, remaining = [], list(awaitables)
    try:
        while remaining:
            results.append(await remaining.pop(0))
    finally:
        for awaitable in remaining:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
    return tuple(results)


def _set_rollback(alias: str, rollback: bool) -> None:
    connections[alias].set_rollback(rollback)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
