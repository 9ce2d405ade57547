"""The passage of a worker's thread into its driver and out again, where a cancelled call can be interrupted.

Django enters the driver by one door, `wrap_database_errors`. An interrupt is delivered only while the thread is behind
that door for the very call that was cancelled, and the thread does not come out before it is delivered. So an interrupt
never meets a statement of another call, whoever has the connection next.

Private Django API used here: `DatabaseWrapper.wrap_database_errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from django.db import connections

from adj.engines.error_wrapper import RecordingErrorWrapper
from adj.engines.threads.demotion import is_refused_write
from adj.engines.threads.interrupts import interrupt

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds until an interrupt is repeated: it has no effect where a statement is only on its way to the database."""


class DriverMonitor:
    """Which call a thread runs, and whether it is in the driver.

    `has_refused_write` says that the server has refused a statement since somebody last looked, because it writes.
    """

    def __init__(self) -> None:
        self._changes = threading.Condition()
        self._call: object = None
        self._failed: object = None
        self._depth = 0
        self._is_interrupting = False
        self.has_refused_write = False

    # -- on the worker's thread ----------------------------------------------------------------------------------------

    @contextmanager
    def running(self, call: object) -> Generator[None]:
        """Run a call in the block."""
        self._call = call
        try:
            yield
        finally:
            with self._changes:
                self._call = self._failed = None
                self._changes.notify_all()

    def enter(self) -> None:
        """The thread goes into the driver."""
        self._depth += 1

    def leave(self, *, has_failed: bool) -> None:
        """The thread comes out of the driver, after an interrupt that is on its way."""
        with self._changes:
            self._depth -= 1
            if has_failed:
                # Interrupted or not, its call ends by this error. What it undoes on its way is not interrupted.
                self._failed = self._call
                self._changes.notify_all()

    # -- on other threads ----------------------------------------------------------------------------------------------

    def ignores_interrupts(self) -> bool:
        """Whether the thread waits for its database in a call that is being interrupted."""
        return self._is_interrupting and self._depth > 0

    def interrupt(self, call: object, connection: Any, report: Callable[[bool | None], None]) -> None:
        """Interrupt a call until a statement of it has failed, or it has ended. Blocks meanwhile.

        Tells each time whether the database was told to end a statement; None where none was running.
        """
        pause = FIRST_PAUSE
        with self._changes:
            self._is_interrupting = True
            while self._call is call and self._failed is not call:
                report(interrupt(connection) if self._depth else None)
                self._changes.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            self._is_interrupting = False

    def interrupt_in_background(self, call: object, connection: Any, report: Callable[[bool | None], None]) -> None:
        """The same on a thread of its own."""
        arguments = (call, connection, report)
        threading.Thread(target=self.interrupt, args=arguments, name="adj interrupts a query", daemon=True).start()

    def interrupt_now(self, connection: Any) -> None:
        """Interrupt the call that is running, if there is one; nobody wants to know what becomes of it."""
        if (call := self._call) is not None:
            self.interrupt_in_background(call, connection, lambda _: None)


class MonitoredErrorWrapper(RecordingErrorWrapper):
    """The door to a driver: notes its errors, and when a thread is behind it."""

    def __init__(self, wrapper: Any, monitor: DriverMonitor) -> None:
        super().__init__(wrapper)
        self._monitor = monitor

    def __enter__(self) -> None:
        self._monitor.enter()

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._monitor.leave(has_failed=isinstance(error, Exception))
        if error is not None and is_refused_write(self.wrapper, error):
            self._monitor.has_refused_write = True
        super().__exit__(error_type, error, traceback)


def install_monitor(alias: str, monitor: DriverMonitor) -> None:
    """From now on this thread's connection is reached by a passage, and its errors are noted."""
    # A backend that cannot be had says so to the code that uses it.
    with suppress(Exception):
        connection: Any = connections[alias]
        connection.wrap_database_errors = MonitoredErrorWrapper(connection, monitor)
