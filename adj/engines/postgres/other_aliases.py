"""Connections to the other databases, for code in a bridge that uses them outside of a transaction.

Each bridge has its own: between its steps others run on the same thread, and must not meet what it has begun. They are
opened when they are used and closed at the end; one to PostgreSQL waits as all do in a bridge.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.completion import to_its_end
from adj.engines.bridge.greenlets import BridgeConnections, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.choice.choice import objection_to_native
from adj.engines.postgres.wrapper import wrapper_for_bridge
from adj.engines.session.known_functions import KnownFunctions
from adj.engines.session.thread_session import ThreadSession


class _Idle(threading.local):
    """Wrappers of this thread that nobody uses, by alias; none of them is connected."""

    def __init__(self) -> None:
        self.wrappers: dict[str, list[BaseDatabaseWrapper]] = {}
        self.unusable: set[str] = set()


_idle = _Idle()


@asynccontextmanager
async def with_other_aliases(wrappers: Wrappers) -> AsyncGenerator[Wrappers]:
    """Wrappers for all aliases: those that are given, and for each other one that is not connected yet."""
    aliases = (alias for alias in connections.settings if alias not in wrappers)
    others = {alias: wrapper for alias in aliases if (wrapper := _idle_wrapper(alias)) is not None}
    try:
        yield {**others, **wrappers}
    finally:
        connected = {alias: wrapper for alias, wrapper in others.items() if wrapper.connection is not None}
        if connected:
            await to_its_end(run_in_bridge(BridgeConnections(connected), _close, connected.values()))
        for alias, wrapper in others.items():
            if (session := ThreadSession.of(wrapper)) is not None:
                session.forget_tenant()
            _idle.wrappers[alias].append(wrapper)


def _idle_wrapper(alias: str) -> BaseDatabaseWrapper | None:
    """A wrapper that nobody uses; None where the backend cannot be had, which Django says to who uses the alias."""
    idle = _idle.wrappers.setdefault(alias, [])
    while idle:
        wrapper = idle.pop()
        # Tests give an alias another database.
        if wrapper.settings_dict is connections.settings[alias]:
            return wrapper
    if alias in _idle.unusable:
        return None
    try:
        return _new_wrapper(alias)
    # A driver that is not installed, or whatever the backend says.
    except Exception:  # noqa: BLE001
        _idle.unusable.add(alias)
        return None


def _new_wrapper(alias: str) -> BaseDatabaseWrapper:
    wrapper: BaseDatabaseWrapper = connections.create_connection(alias)
    if objection_to_native(wrapper) is None:
        return wrapper_for_bridge(None, alias)
    ThreadSession(wrapper, KnownFunctions()).install()
    return wrapper


def _close(others: Iterable[BaseDatabaseWrapper]) -> None:
    for wrapper in others:
        wrapper.in_atomic_block = False
        wrapper.close()
