"""Tests on the native engine that leave nothing: `native_sandbox()`, and what the fixture `adj_db` does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.exceptions import ImproperlyConfigured

from adj.engines import native_aliases
from adj.engines.bridge.thread_sensitive import CallExecutor
from adj.execution.databases import close_all, databases_of_loop, executor_for, pin_everywhere


@asynccontextmanager
async def native_sandbox(*aliases: str) -> AsyncGenerator[None]:
    """Inside, each alias has one connection of the native engine, in a transaction that is undone at the end.

    Without arguments these are all aliases on PostgreSQL. Every query of the event loop runs there, also those of other
    tasks, one after another, and Django's own asynchronous methods that are called in the block. `atomic()` makes
    savepoints. Functions given to `on_commit()` in a transaction are not called, as in Django's `TestCase`; see
    `capture_on_commit()`.

    Raises `ImproperlyConfigured` for an alias that is not on PostgreSQL, and `RuntimeError` within another sandbox.
    """
    databases = databases_of_loop()
    if databases.is_pinned:
        raise RuntimeError("native_sandbox(): this event loop is in a sandbox already.")
    names = aliases or _native_aliases()
    databases.pin(names)
    try:
        async with ThreadSensitiveContext(executor=CallExecutor(_runner(names[0]))):
            yield
    finally:
        await databases.unpin()


@contextmanager
def sandbox_everywhere() -> Generator[None]:
    """The same around event loops, for synchronous code: each loop is in a sandbox from its first query on."""
    aliases = _native_aliases()
    before = SyncToAsync.single_thread_executor
    pin_everywhere(aliases)
    # Where asgiref sends what has no other place; which loop that is, is known only when it is called.
    replaced: Any = CallExecutor(_runner(aliases[0]))
    SyncToAsync.single_thread_executor = replaced
    try:
        yield
    finally:
        SyncToAsync.single_thread_executor = before
        pin_everywhere(())
        close_all()


def _native_aliases() -> tuple[str, ...]:
    if found := native_aliases():
        return found
    raise ImproperlyConfigured(
        "A sandbox of the native engine needs PostgreSQL in DATABASES, and adj[postgres]. On other databases use "
        "Django's TestCase or pytest.mark.django_db, whose transaction adj runs in."
    )


def _runner(alias: str) -> Callable[..., Any]:
    """Runs synchronous code on the connection of an alias, where it finds those of the others too."""

    async def run(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        executor = await executor_for(alias)
        return await executor.run(function, *args, **kwargs)

    return run
