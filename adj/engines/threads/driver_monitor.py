"""Monitors when a worker's thread is in its database driver, so that a cancelled call can be interrupted.

Django calls the driver inside one context manager, `wrap_database_errors`. An interrupt is sent only while the thread
is inside it for the cancelled call, and the thread does not leave it before the interrupt was sent. So an interrupt
never stops a statement of another call that uses the connection next.

Private Django API used here: `DatabaseWrapper.wrap_database_errors`, which surrounds each call of the driver.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import TracebackType

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.error_wrapper import RecordingErrorWrapper
from adj.engines.threads.demotion import is_refused_write
from adj.engines.threads.interrupts import interrupt

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds before an interrupt is repeated. It has no effect if the statement has not arrived at the database."""


class DriverMonitor:
    """Which call a thread is running, and whether it is in the driver: `depth` counts how often it has entered it.

    `lock` is held while an interrupt is sent. The thread holds it while it leaves the driver.
    `has_refused_write` says that the server has refused a write since the attribute was last reset.
    """

    def __init__(self) -> None:
        # The garbage collector may run code that leaves the driver, wherever this thread is.
        self.lock = threading.RLock()
        self._changes = threading.Condition(self.lock)
        self._call: object = None
        self._failed: object = None
        self.depth = self._kept_blocks = 0
        self._is_interrupting = False
        self.has_refused_write = False

    # -- on the worker's thread ----------------------------------------------------------------------------------------

    @contextmanager
    def running(self, call: object) -> Generator[None]:
        """A block that runs a call."""
        self._call = call
        try:
            yield
        finally:
            with self._changes:
                self._call = self._failed = None
                self._changes.notify_all()

    def leave_with_error(self, *, has_failed: bool) -> None:
        """Record that the thread leaves the driver, which has raised something. Waits for an interrupt being sent."""
        with self._changes:
            self.depth -= 1
            if has_failed:
                # Interrupted or not, the call ends with this error. Its cleanup is not interrupted.
                self._failed = self._call
                self._changes.notify_all()

    @contextmanager
    def not_interrupted(self) -> Generator[None]:
        """A block that runs to its end: an interrupt waits for the code after it."""
        with self._changes:
            self._kept_blocks += 1
        try:
            yield
        finally:
            with self._changes:
                self._kept_blocks -= 1

    # -- on other threads ----------------------------------------------------------------------------------------------

    def ignores_interrupts(self) -> bool:
        """Whether the thread is still in its driver although its call is being interrupted."""
        return self._is_interrupting and self.depth > 0

    def interrupt(self, call: object, connection: DjangoWrapper | None, report: Callable[[bool | None], None]) -> None:
        """Interrupt a call until one of its statements has failed, or the call has ended. Blocks meanwhile.

        Reports for each attempt whether the database was told to stop a statement; None if none was running.
        """
        pause = FIRST_PAUSE
        with self._changes:
            self._is_interrupting = True
            while self._call is call and self._failed is not call:
                report(interrupt(connection) if self.depth and not self._kept_blocks else None)
                self._changes.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            self._is_interrupting = False

    def interrupt_in_background(
        self, call: object, connection: DjangoWrapper | None, report: Callable[[bool | None], None]
    ) -> None:
        """The same on a separate thread."""
        arguments = (call, connection, report)
        threading.Thread(target=self.interrupt, args=arguments, name="adj interrupts a query", daemon=True).start()

    def interrupt_now(self, connection: DjangoWrapper | None) -> None:
        """Interrupt the current call, if there is one, without a report."""
        if (call := self._call) is not None:
            self.interrupt_in_background(call, connection, lambda _: None)


class MonitoredErrorWrapper(RecordingErrorWrapper):
    """Records the driver's errors, and tells the monitor when the thread is in the driver."""

    def __init__(self, wrapper: DjangoWrapper, monitor: DriverMonitor) -> None:
        super().__init__(wrapper)
        self._monitor = monitor

    # Django enters and leaves four times for a query, so nothing is called on this way.

    def __enter__(self) -> None:
        self._monitor.depth += 1

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        monitor = self._monitor
        if exc_type is None:
            with monitor.lock:
                monitor.depth -= 1
            return
        monitor.leave_with_error(has_failed=isinstance(exc_value, Exception))
        if exc_value is not None and is_refused_write(self.wrapper, exc_value):
            monitor.has_refused_write = True
        super().__exit__(exc_type, exc_value, traceback)


def install_monitor(alias: str, monitor: DriverMonitor) -> None:
    """Let a monitor watch this thread's connection to an alias, and record the connection's errors."""
    # If the backend cannot be imported, the code that uses it gets the error.
    with suppress(Exception):
        connection = thread_wrapper(alias)
        # A cached property: the value is in the instance.
        vars(connection)["wrap_database_errors"] = MonitoredErrorWrapper(connection, monitor)
        # The functions of `on_commit()` are all called, even if the task is cancelled meanwhile.
        run_hooks = type(connection).run_and_clear_commit_hooks.__get__(connection)
        vars(connection)["run_and_clear_commit_hooks"] = monitor.not_interrupted()(run_hooks)
