"""Connections to the other databases, for code in a bridge that uses them outside a transaction.

Each bridge has separate ones, since other bridges run on the same thread between its steps. They are opened when they
are used, and closed when the bridge ends. Those to PostgreSQL are asynchronous, like the bridge's own.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from django.db import connections

from adj.completion import to_its_end
from adj.engines.bridge.greenlets import BridgeConnections, run_in_bridge
from adj.engines.bridge.thread_connections import Wrappers
from adj.engines.choice.choice import objection_to_native
from adj.engines.django_wrapper import DjangoWrapper, new_django_wrapper
from adj.engines.postgres.wrapper import wrapper_for_bridge
from adj.engines.session.known_functions import KnownFunctions
from adj.engines.session.thread_session import ThreadSession


class _Idle(threading.local):
    """Unused wrappers of this thread, by alias. They are not connected."""

    def __init__(self) -> None:
        self.wrappers: dict[str, list[DjangoWrapper]] = {}
        self.unusable: set[str] = set()


_idle = _Idle()


@asynccontextmanager
async def with_other_aliases(wrappers: Wrappers) -> AsyncGenerator[Wrappers]:
    """Wrappers for all aliases: the given ones, and for each other alias one that is not connected yet."""
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


def _idle_wrapper(alias: str) -> DjangoWrapper | None:
    """An unused wrapper; None if the backend cannot be imported, which Django raises when the alias is used."""
    idle = _idle.wrappers.setdefault(alias, [])
    while idle:
        wrapper = idle.pop()
        # Tests may change the database of an alias.
        if wrapper.settings_dict is connections.settings[alias]:
            return wrapper
    if alias in _idle.unusable:
        return None
    try:
        return _new_wrapper(alias)
    # The driver is not installed, or the backend raises some other error.
    except Exception:  # noqa: BLE001
        _idle.unusable.add(alias)
        return None


def _new_wrapper(alias: str) -> DjangoWrapper:
    wrapper = new_django_wrapper(alias)
    if objection_to_native(wrapper) is None:
        return wrapper_for_bridge(None, alias)
    ThreadSession(wrapper, KnownFunctions()).install()
    return wrapper


def _close(others: Iterable[DjangoWrapper]) -> None:
    for wrapper in others:
        wrapper.in_atomic_block = False
        wrapper.close()
