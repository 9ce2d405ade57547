"""The functions given to `on_commit()` in a test, whose transaction is never committed: `capture_on_commit()`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from adj.blocks.atomic import call_hook
from adj.execution.databases import executor_for
from adj.execution.django_atomic import Hook


@asynccontextmanager
async def capture_on_commit(
    using: str | None = None, *, execute: bool = False
) -> AsyncGenerator[list[Callable[[], object]]]:
    """The functions that the block gives to `on_commit()`, adj's or Django's, in a list that is filled at its end.

    For tests in a transaction: a `TestCase`, pytest-django's `db`, a sandbox. With `execute` they are then called as
    after a commit, and those that they register in turn; coroutine functions are awaited. It is Django's
    `captureOnCommitCallbacks()` for coroutines. On an alias that is not in a test's transaction there is nothing to
    capture: `on_commit()` calls them itself.
    """
    alias = DEFAULT_DB_ALIAS if using is None else using
    captured: list[Callable[[], object]] = []
    start = len(await _registered(alias))
    yield captured
    while found := (await _registered(alias))[start:]:
        start += len(found)
        for function, robust in found:
            captured.append(function)
            if execute:
                await call_hook((function, robust), alias)


async def _registered(alias: str) -> list[Hook]:
    executor = await executor_for(alias)
    return await executor.run(_read, alias)


def _read(alias: str) -> list[Hook]:
    connection: Any = connections[alias]
    return [(function, robust) for _, function, robust in connection.run_on_commit]
