"""Puts connections into `django.db.connections`, where synchronous code of this thread finds them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from django.db import connections

from adj.engines.django_wrapper import DjangoWrapper, thread_wrappers

Wrappers: TypeAlias = Mapping[str, DjangoWrapper]


def install_connections(wrappers: Wrappers) -> Wrappers:
    """Put wrappers into this thread's `connections`. Returns the connections that were there before, by alias."""
    before = thread_wrappers()
    for alias, wrapper in wrappers.items():
        connections[alias] = wrapper
    return before


def restore_connections(wrappers: Wrappers, before: Wrappers) -> None:
    """Undo `install_connections()`, which returned `before`."""
    for alias in wrappers:
        if alias in before:
            connections[alias] = before[alias]
        else:
            del connections[alias]


@contextmanager
def connections_of_another_thread(wrappers: Wrappers) -> Generator[None]:
    """Use the connections of another thread, which waits. Without `inc_thread_sharing()`, Django would refuse."""
    for wrapper in wrappers.values():
        wrapper.inc_thread_sharing()
    before = install_connections(wrappers)
    try:
        yield
    finally:
        restore_connections(wrappers, before)
        for wrapper in wrappers.values():
            wrapper.dec_thread_sharing()
