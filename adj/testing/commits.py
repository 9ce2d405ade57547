"""`capture_on_commit()`: the on_commit callbacks of a test, whose transaction is never committed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from django.db import DEFAULT_DB_ALIAS

from adj.blocks.on_commit import call_hook
from adj.engines.django_wrapper import thread_wrapper
from adj.execution.databases import executor_for
from adj.execution.django_atomic import Hook


@asynccontextmanager
async def capture_on_commit(
    using: str | None = None, *, execute: bool = False
) -> AsyncGenerator[list[Callable[[], object]]]:
    """Collect the block's on_commit callbacks, adj's and Django's, in a list that is filled at its end.

    ```python
    async with capture_on_commit(execute=True) as callbacks:
        await publish(book)
    ```

    For tests in a transaction: a `TestCase`, pytest-django's `db`, or a sandbox. Django's synchronous equivalent is
    `captureOnCommitCallbacks()`. With `execute`, the callbacks are then called, including those that they register in
    turn; coroutine functions are awaited. On an alias that is not in a test's transaction, the list stays empty, since
    `on_commit()` calls the callbacks itself.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    captured: list[Callable[[], object]] = []
    start = len(await _registered(alias))
    yield captured
    while hooks := (await _registered(alias))[start:]:
        start += len(hooks)
        for function, robust in hooks:
            captured.append(function)
            if execute:
                await call_hook((function, robust), alias)


async def _registered(alias: str) -> list[Hook]:
    executor = await executor_for(alias)
    return await executor.run(_read, alias)


def _read(alias: str) -> list[Hook]:
    connection = thread_wrapper(alias)
    return [(function, robust) for _, function, robust in connection.run_on_commit]
