"""Puts connections in the place where synchronous code of this thread finds them: `django.db.connections`."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

Wrappers: TypeAlias = Mapping[str, BaseDatabaseWrapper]


def install_connections(wrappers: Wrappers) -> Wrappers:
    """Put wrappers into this thread's `connections`; return those that they hide."""
    before = {wrapper.alias: wrapper for wrapper in connections.all(initialized_only=True)}
    for alias, wrapper in wrappers.items():
        connections[alias] = wrapper
    return before


def restore_connections(wrappers: Wrappers, before: Wrappers) -> None:
    """Undo `install_connections()`, which has returned `before`."""
    for alias in wrappers:
        if alias in before:
            connections[alias] = before[alias]
        else:
            del connections[alias]


@contextmanager
def connections_of_another_thread(wrappers: Wrappers) -> Generator[None]:
    """Use the connections of another thread, which waits meanwhile; Django refuses that unless it is told."""
    for wrapper in wrappers.values():
        wrapper.inc_thread_sharing()
    before = install_connections(wrappers)
    try:
        yield
    finally:
        restore_connections(wrappers, before)
        for wrapper in wrappers.values():
            wrapper.dec_thread_sharing()
