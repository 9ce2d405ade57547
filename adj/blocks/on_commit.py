"""`on_commit()`, and how its callbacks are called after the commit."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context

from django.db import DEFAULT_DB_ALIAS, connections

from adj.completion import to_its_end
from adj.engines.lease.contexts import apply_context
from adj.execution.databases import executor_for
from adj.execution.django_atomic import Hook
from adj.execution.transaction import current

logger = logging.getLogger("adj.transaction")


async def on_commit(function: Callable[[], object], *, using: str | None = None, robust: bool = False) -> None:
    """Call a function, or await a coroutine function, after the transaction is committed; at once if there is none.

    ```python
    async with atomic():
        await on_commit(partial(notify, book.pk))
    ```

    `using` is the alias, `default` if omitted. Callbacks run in the order of registration, together with those of
    Django's `transaction.on_commit()`, after the connection has been returned to the pool. Callbacks of a savepoint
    that is rolled back are discarded. An error in a callback propagates from the block and skips the remaining ones;
    with `robust` it is logged instead. If the task is cancelled meanwhile, the cancellation is raised after the last
    callback. Raises `TypeError` for a value that is not callable.
    """
    if not callable(function):
        raise TypeError(f"on_commit() expects a function or a coroutine function; got {type(function).__name__}.")
    alias = DEFAULT_DB_ALIAS if using is None else using
    transaction = current(alias)
    if transaction is None:
        await call_hook((function, robust), alias)
    else:
        await transaction.connection.run(_register, alias, function, robust)


async def call_to_their_end(hooks: Iterable[Hook], alias: str, cancelled: asyncio.CancelledError | None) -> None:
    """Call all callbacks, even if the task is cancelled meanwhile: the transaction has been committed.

    They share the block's context variables.
    """
    contexts: list[Context] = []

    async def call() -> None:
        try:
            await _call_hooks(hooks, alias)
        finally:
            contexts.append(copy_context())

    try:
        await to_its_end(call())
    except Exception:
        if cancelled is None or not is_cancelled():
            raise
        # The code that cancelled the task expects a CancelledError.
        logger.exception("Error in an on_commit() callback of a cancelled task.")
    finally:
        for context in contexts:
            apply_context(context)


async def _call_hooks(hooks: Iterable[Hook], alias: str) -> None:
    for hook in hooks:
        await call_hook(hook, alias)


async def call_hook(hook: Hook, alias: str) -> None:
    """Call a callback, or await a coroutine function."""
    function, robust = hook
    try:
        if inspect.iscoroutinefunction(function):
            await function()
        else:
            executor = await executor_for(alias)
            result = await executor.run(function)
            if asyncio.iscoroutine(result):
                await result
    except (Exception, asyncio.CancelledError):
        # A callback may await another task that is cancelled. Only its own task's cancellation ends the callbacks.
        if not robust or is_cancelled():
            raise
        logger.exception("Error calling %s in on_commit().", getattr(function, "__qualname__", repr(function)))


def is_cancelled() -> bool:
    """Whether the current task has been cancelled, other than by a deadline that has already expired."""
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


def _register(alias: str, function: Callable[[], object], robust: bool) -> None:
    connections[alias].on_commit(function, robust)
