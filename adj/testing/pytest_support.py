"""The pytest plugin's work during a project's tests: shares connections with threads, and closes them.

Private API used here: `SyncToAsync.single_thread_executor`, `SyncToAsync.context_to_thread_executor`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync
from django.db import connections

from adj.engines.bridge.thread_connections import Wrappers, install_connections, restore_connections
from adj.engines.django.testcase import connections_in_test, is_testing
from adj.execution.databases import close_all

if TYPE_CHECKING:
    import pytest

_shared: dict[str, Any] = {}


def share_what_a_fixture_began(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Let Django's async methods use the connections whose transaction a fixture has begun, until it ends.

    They run in asgiref's thread, while the test's event loop runs in the thread that has the connections. Without this,
    Django would open other connections there, which do not see the test's data and commit what they write.
    """
    if not is_testing():
        return
    wrappers = {alias: wrapper for alias, wrapper in connections_in_test().items() if _shared.get(alias) is not wrapper}
    if wrappers:
        fixturedef.addfinalizer(_share(wrappers))


class _OneThread(WeakKeyDictionary[Any, Executor]):
    """Replaces asgiref's map from `ThreadSensitiveContext` to thread; Django's ASGI handler has a context per request.

    asgiref would create a thread, and Django a connection, for each; in a test, all use the thread that has the test's
    connections. A context that was created with an executor keeps it.
    """

    def __contains__(self, context: object) -> bool:
        return True

    def __getitem__(self, context: object) -> Executor:
        return self.get(context, SyncToAsync.single_thread_executor)


def close_before_databases_are_dropped(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Close all connections when a fixture ends: a server does not drop a database that has connections."""
    fixturedef.addfinalizer(_close_everything)


def _share(wrappers: dict[str, Any]) -> Callable[[], None]:
    """Share connections with asgiref's thread; the result ends this."""
    for wrapper in wrappers.values():
        wrapper.inc_thread_sharing()
        # Django closes old connections around each request, which would end the transaction. Its test client
        # prevents this as well.
        wrapper.close_if_unusable_or_obsolete = _nothing
    before = SyncToAsync.single_thread_executor.submit(install_connections, wrappers).result()
    executors: Any = SyncToAsync.context_to_thread_executor
    SyncToAsync.context_to_thread_executor = _OneThread()
    _shared.update(wrappers)
    return partial(_unshare, wrappers, before, executors)


def _unshare(wrappers: dict[str, Any], before: Wrappers, executors: Any) -> None:
    SyncToAsync.context_to_thread_executor = executors
    SyncToAsync.single_thread_executor.submit(restore_connections, wrappers, before).result()
    for alias, wrapper in wrappers.items():
        wrapper.dec_thread_sharing()
        del wrapper.close_if_unusable_or_obsolete, _shared[alias]


def _nothing() -> None:
    """Replaces a test connection's `close_if_unusable_or_obsolete()`."""


def _close_everything() -> None:
    close_all()
    # Connections opened by Django's own async methods.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
