"""Starts, checks and ends the workers of a pool, and opens their connections."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.lease.refused_connections import is_temporary
from adj.engines.session.known_functions import KnownFunctions
from adj.engines.session.server_state import has_unread_data, is_read_only
from adj.engines.session.thread_session import ThreadSessions
from adj.engines.threads.blocking_calls import open_connection, refresh_connections
from adj.engines.threads.demotion import refuses_writes
from adj.engines.threads.driver_monitor import install_monitor
from adj.engines.threads.worker import Worker
from adj.errors import EngineNotOpen

CHECKED_SECONDS = 1.0
"""How long a connection counts as good after it was checked, if no call fails and the server sends nothing."""

_numbers = itertools.count(1)


class WorkerFactory:
    """Starts, checks and ends the workers of one alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._loop = asyncio.get_running_loop()
        self.alive: set[Worker] = set()
        """The workers whose threads have not ended."""
        self.was_demoted = False
        """Whether the server was demoted: new connections may be to the same server."""
        self._functions: defaultdict[str, KnownFunctions] = defaultdict(KnownFunctions)

    async def open(self) -> Worker:
        """Start a worker and let it connect."""
        worker = Worker(f"adj-{self._alias}-{next(_numbers)}", self._loop, ThreadSessions(self._functions))
        self.alive.add(worker)
        worker.ended.add_done_callback(lambda _: self._forget(worker))
        try:
            await worker.submit(_connect, worker, self._alias, self.was_demoted)
        except BaseException:
            worker.stop()
            raise
        worker.is_connecting = False
        return worker

    def _forget(self, worker: Worker) -> None:
        self.alive.discard(worker)
        worker.join()

    def is_ready(self, worker: Worker) -> bool:
        """Whether its connection was checked recently, no call has failed since, and the server has sent nothing."""
        return time.monotonic() - worker.checked_at < CHECKED_SECONDS and not _has_unread_data(worker)

    async def check(self, worker: Worker) -> bool:
        """Replace a connection that is too old or broken. Returns whether the worker has a connection."""
        # If the caller is cancelled, this stays: the thread cannot be stopped.
        worker.is_connecting = True
        try:
            await worker.submit(_reconnect, worker, self._alias, self.was_demoted, _has_unread_data(worker))
        except EngineNotOpen:
            return False
        worker.is_connecting = False
        worker.checked_at = time.monotonic()
        return True

    def close(self, worker: Worker) -> None:
        """Close the worker's connections and end it, after its calls."""
        worker.stop()

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon."""
        return is_temporary(error.reason, was_open=was_open)


def _has_unread_data(worker: Worker) -> bool:
    """Whether a worker's server has sent data that was not asked for. False if the driver does not show its socket."""
    raw = None if worker.wrapper is None else worker.wrapper.connection
    fileno = getattr(raw, "fileno", None)
    try:
        return fileno is not None and has_unread_data(fileno())
    except Exception:  # noqa: BLE001  # a closed connection has no socket; drivers raise different errors
        return True


def _connect(worker: Worker, alias: str, was_demoted: bool) -> None:
    """Connect a worker, on its thread. After a failover, ask whether the server refuses writes."""
    install_monitor(alias, worker.monitor)
    worker.sessions.install()
    worker.wrapper = wrapper = open_connection(alias)
    worker.was_read_only = _only_reads(wrapper) or (was_demoted and refuses_writes(wrapper))


def _reconnect(worker: Worker, alias: str, was_demoted: bool, has_unread: bool) -> None:
    """Replace a worker's connection, on its thread, if it is too old or broken, or can no longer write."""
    refresh_connections()
    wrapper = thread_wrapper(alias)
    if wrapper.connection is not None and (
        (has_unread and not wrapper.is_usable()) or (_only_reads(wrapper) and not worker.was_read_only)
    ):
        wrapper.close()
    if wrapper is not worker.wrapper or wrapper.connection is None:
        _connect(worker, alias, was_demoted)


def _only_reads(wrapper: DjangoWrapper) -> bool:
    pgconn = getattr(wrapper.connection, "pgconn", None)
    return pgconn is not None and is_read_only(pgconn)
