"""What the pytest plugin does once a project's tests have begun: lends connections, and closes them in time.

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
    """Until the fixture ends, Django's asynchronous methods use the connections whose transaction it has begun.

    They run in a thread of asgiref's, while the test's event loop runs in the thread that has the connections; Django
    would open others there, which see nothing of the test and commit what they write.
    """
    if not is_testing():
        return
    begun = {alias: found for alias, found in connections_in_test().items() if _shared.get(alias) is not found}
    if begun:
        fixturedef.addfinalizer(_share(begun))


class _OneThread(WeakKeyDictionary[Any, Executor]):
    """Where asgiref finds the thread of a `ThreadSensitiveContext`, as each request of Django's ASGI handler is in one.

    It would give each a thread, and so a connection, of its own; in a test they all have the one that has the
    connections of the test. An executor that a context was made with stays.
    """

    def __contains__(self, context: object) -> bool:
        return True

    def __getitem__(self, context: Any) -> Executor:
        return self.get(context, SyncToAsync.single_thread_executor)


def close_before_databases_are_dropped(fixturedef: pytest.FixtureDef[Any]) -> None:
    """A server does not drop a database that somebody is connected to."""
    fixturedef.addfinalizer(_close_everything)


def _share(wrappers: dict[str, Any]) -> Callable[[], None]:
    """Lend connections to asgiref's thread; the result takes them back."""
    for wrapper in wrappers.values():
        wrapper.inc_thread_sharing()
        # What Django does around each request would end the transaction with the connection; its test client sees to
        # that as well.
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
    """What a connection of a test does to close itself for its age."""


def _close_everything() -> None:
    close_all()
    # What Django's own asynchronous methods have opened.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
