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
from adj.engines.bridge.greenlets import Lent, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.choice.choice import objection_to_native
from adj.engines.postgres.wrapper import wrapper_on
from adj.engines.session.known_functions import Functions
from adj.engines.session.thread_session import ThreadSession


class _Idle(threading.local):
    """Wrappers of this thread that nobody uses, by alias; none of them is connected."""

    def __init__(self) -> None:
        self.wrappers: dict[str, list[BaseDatabaseWrapper]] = {}
        self.unusable: set[str] = set()


_idle = _Idle()


@asynccontextmanager
async def with_guests(wrappers: Wrappers) -> AsyncGenerator[Wrappers]:
    """Wrappers for all aliases: those that are given, and for each other one that is not connected yet."""
    others = (alias for alias in connections.settings if alias not in wrappers)
    guests = {alias: guest for alias in others if (guest := _taken(alias)) is not None}
    try:
        yield {**guests, **wrappers}
    finally:
        connected = {alias: guest for alias, guest in guests.items() if guest.connection is not None}
        if connected:
            await to_its_end(run_in_bridge(Lent(connected), _close, connected.values()))
        for alias, guest in guests.items():
            if (session := ThreadSession.of(guest)) is not None:
                session.forget_tenant()
            _idle.wrappers[alias].append(guest)


def _taken(alias: str) -> BaseDatabaseWrapper | None:
    """A wrapper that nobody uses; None where the backend cannot be had, which Django says to who uses the alias."""
    idle = _idle.wrappers.setdefault(alias, [])
    while idle:
        guest = idle.pop()
        # Tests give an alias another database.
        if guest.settings_dict is connections.settings[alias]:
            return guest
    if alias in _idle.unusable:
        return None
    try:
        return _made(alias)
    # A driver that is not installed, or whatever the backend says.
    except Exception:  # noqa: BLE001
        _idle.unusable.add(alias)
        return None


def _made(alias: str) -> BaseDatabaseWrapper:
    plain: BaseDatabaseWrapper = connections.create_connection(alias)
    if objection_to_native(plain) is None:
        return wrapper_on(None, alias)
    ThreadSession(plain, Functions()).attend()
    return plain


def _close(guests: Iterable[BaseDatabaseWrapper]) -> None:
    for guest in guests:
        guest.in_atomic_block = False
        guest.close()
