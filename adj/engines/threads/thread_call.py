"""A call that an event loop makes on a worker's thread: its result, and its cancellation.

Python code on a thread cannot be stopped. A cancelled call that has not begun never runs. Otherwise the database is
told to stop the statement that the call is running, and the caller waits until it has, as on the native engine. If the
thread is running Python code instead, its next statement is interrupted.

Private API used here: asgiref's `_restore_context`, to copy the values of its `Local` to the thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from asgiref.sync import _restore_context

from adj.completion import result_and_cancellation, seconds_to_clean
from adj.engines.django_wrapper import DjangoWrapper
from adj.engines.outcome import has_outcome_note, record_outcome
from adj.engines.threads.driver_monitor import DriverMonitor
from adj.errors import Outcome

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., object]")

STOP_SECONDS = 5.0
"""How long a database may take to stop a cancelled statement. After that, the caller leaves the thread to itself."""

_MOST_MISSED = 3
"""How many interrupts may find the thread outside its driver before the caller leaves it to its Python code."""

_MARK = "adj_is_uninterrupted"


def uninterrupted(function: F) -> F:
    """Mark a function that cleans up on a thread: it always runs, and its statements are not interrupted."""
    setattr(function, _MARK, True)
    return function


def is_uninterrupted(function: object) -> bool:
    """Whether a function is marked."""
    return bool(getattr(function, _MARK, False))


def run_in(context: contextvars.Context, call: Callable[[], T]) -> T:
    """Call a function on this thread in the context of another one.

    Django keeps the current time zone and language in asgiref's `Local`, which belongs to a thread. asgiref's private
    function copies it, as in `sync_to_async()`.
    """
    context.run(_restore_context, context)
    return context.run(call)


class ThreadCall(Generic[T]):
    """A function to call on a thread, in a copy of its caller's context. `future` has its result.

    `has_ended` is called on the loop when the call has ended, with its error or None.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], T],
        monitor: DriverMonitor,
        has_ended: Callable[[BaseException | None], None],
    ) -> None:
        self._loop, self._function, self._monitor = loop, function, monitor
        self._on_end = has_ended
        self._context = contextvars.copy_context()
        self.future: asyncio.Future[T] = loop.create_future()
        # Acquired by the thread when it begins the call, or by a cancellation before that.
        self._claim = threading.Lock()
        self._ended_as: Outcome | None = None
        self._was_interrupted: bool | None = None
        self._missed_interrupts = 0
        # Set when the call is interrupted; done when its caller stops waiting.
        self._is_left: asyncio.Future[None] | None = None

    # -- on the thread -------------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """Call the function, unless the call was cancelled before."""
        if not self._claim.acquire(blocking=False):
            self._post(self._never_began)
            return
        try:
            with self._monitor.running(self):
                result = run_in(self._context, self._function)
        except BaseException as error:  # noqa: BLE001  # it is raised in the caller
            self._post(self._fail, error)
        else:
            self._post(self._succeed, result)

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        # If the loop was closed while the call ran, nothing waits for the result.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def result(self, connection: DjangoWrapper | None, patience: float = STOP_SECONDS) -> T:
        """Wait for the result. If cancelled, stop the statement that the function is running on a connection.

        Waits `patience` seconds until the statement has stopped, `math.inf` if the function has to end before the
        caller continues. The outcome is recorded on the cancellation.
        """
        try:
            return await self.future
        except asyncio.CancelledError as error:
            if self._claim.acquire(blocking=False):
                raise
            if self._ended_as is None:
                error = await self._stop(connection, patience) or error
            record_outcome(error, self._outcome())
            raise error from None

    async def _stop(self, connection: DjangoWrapper | None, patience: float) -> asyncio.CancelledError | None:
        """Interrupt the statement, and wait until it has stopped. Returns a cancellation that came meanwhile."""
        report = self._record_interrupt if patience == math.inf else self._leave_if_ignored
        self._is_left = left = self._loop.create_future()
        try:
            self._monitor.interrupt_in_background(
                self, connection, lambda was_interrupted: self._post(report, was_interrupted)
            )
        except RuntimeError:
            # The interpreter is shutting down, and does not start threads.
            report(False)
        with suppress(TimeoutError):
            return (await result_and_cancellation(_wait_at_most(left, patience)))[1]
        return None

    def _record_interrupt(self, was_interrupted: bool | None) -> None:
        self._was_interrupted = was_interrupted

    def _leave_if_ignored(self, was_interrupted: bool | None) -> None:
        """Record an attempt to interrupt the call. If the attempts have no effect, stop waiting for it."""
        self._was_interrupted = was_interrupted
        self._missed_interrupts = self._missed_interrupts + 1 if was_interrupted is None else 0
        if was_interrupted is False or self._missed_interrupts >= _MOST_MISSED:
            self._leave()

    def _outcome(self) -> Outcome:
        return self._ended_as or ("unknown" if self._was_interrupted else "continues")

    def _succeed(self, result: T) -> None:
        if not self.future.cancelled():
            self.future.set_result(result)
        # If it was cancelled, it may have been done all the same.
        self._end("unknown", None)

    def _fail(self, error: BaseException) -> None:
        if not self.future.cancelled():
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                # A future refuses StopIteration, and either of them would end the awaiting code silently.
                error = RuntimeError(f"the function raised {error!r}")
            self.future.set_exception(error)
        self._end("unknown" if has_outcome_note(error) else "stopped", error)

    def _never_began(self) -> None:
        self._end("stopped", None)

    def _end(self, outcome: Outcome, error: BaseException | None) -> None:
        self._ended_as = outcome
        self._leave()
        self._on_end(error)

    def _leave(self) -> None:
        if self._is_left is not None and not self._is_left.done():
            self._is_left.set_result(None)


async def _wait_at_most(future: asyncio.Future[None], patience: float) -> None:
    """Wait for a future for `patience` seconds. Raises `TimeoutError`."""
    seconds = seconds_to_clean(patience)
    async with asyncio.timeout(None if seconds == math.inf else seconds):
        await future
