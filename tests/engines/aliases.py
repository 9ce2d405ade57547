"""Aliases of `DATABASES` for the length of a test: a second one, or another database under one that is there."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connections

from adj.compiler.django.dialect import forget_dialects


@contextmanager
def alias_at(alias: str, database: Mapping[str, Any]) -> Generator[str]:
    """Let an alias name another database; what was there before, or nothing, is back at block exit."""
    known: dict[str, Any] = connections.settings
    before = known.get(alias)
    _forget(alias)
    known[alias] = dict(database)
    try:
        yield alias
    finally:
        _forget(alias)
        if before is None:
            del known[alias]
        else:
            known[alias] = before


def _forget(alias: str) -> None:
    """Close this thread's connection, and let adj detect the server again."""
    if alias in {wrapper.alias for wrapper in connections.all(initialized_only=True)}:
        connections[alias].close()
        del connections[alias]
    forget_dialects()
