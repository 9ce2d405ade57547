"""`native_sandbox()` and the fixture `adj_db`: tests on the native engine whose changes are rolled back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.exceptions import ImproperlyConfigured

from adj.engines import native_aliases
from adj.engines.bridge.async_methods import CallExecutor
from adj.execution.databases import close_all, databases_of_loop, executor_for, pin_everywhere


@asynccontextmanager
async def native_sandbox(*aliases: str) -> AsyncGenerator[None]:
    """Give each alias a single native connection, in a transaction that is rolled back at the end of the block.

    ```python
    async with native_sandbox():
        await q(Book).acreate(title="Lavinia")
    ```

    `aliases` are all PostgreSQL aliases by default. All queries of the event loop run there one after another, also
    those of other tasks, and so do Django's own async methods that are called in the block. `atomic()` creates
    savepoints. As in Django's `TestCase`, on_commit callbacks are not called; see `capture_on_commit()`.

    Raises `ImproperlyConfigured` for an alias that is not on PostgreSQL, and `RuntimeError` inside another sandbox.
    """
    databases = databases_of_loop()
    if databases.is_pinned:
        raise RuntimeError("native_sandbox() cannot be nested: this event loop is already in a sandbox.")
    names = aliases or _native_aliases()
    databases.pin(names)
    try:
        async with ThreadSensitiveContext(executor=CallExecutor(_runner(names[0]))):
            yield
    finally:
        await databases.unpin()


@contextmanager
def sandbox_everywhere() -> Generator[None]:
    """The same for synchronous code, around event loops: each loop enters a sandbox with its first query."""
    aliases = _native_aliases()
    before = SyncToAsync.single_thread_executor
    pin_everywhere(aliases)
    # asgiref's default executor. The event loop is known only when it is called.
    replaced: Any = CallExecutor(_runner(aliases[0]))
    SyncToAsync.single_thread_executor = replaced
    try:
        yield
    finally:
        SyncToAsync.single_thread_executor = before
        pin_everywhere(())
        close_all()


def _native_aliases() -> tuple[str, ...]:
    if aliases := native_aliases():
        return aliases
    raise ImproperlyConfigured(
        "native_sandbox() and adj_db require PostgreSQL in DATABASES, and adj[postgres]. For other databases use "
        "Django's TestCase or pytest.mark.django_db: adj runs in their transaction."
    )


def _runner(alias: str) -> Callable[..., Any]:
    """A function that runs synchronous code on an alias's connection, where it can use those of the others, too."""

    async def run(function: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
        executor = await executor_for(alias)
        return await executor.run(function, *args, **kwargs)

    return run
