"""One call for a worker's thread: what it returns to its event loop, and what becomes of it when it is cancelled.

Python code on a thread cannot be stopped. A call that has not begun never begins; otherwise the database is told to end
the statement that it waits for, and the canceller waits until it has, as on the native engine. Code that computes
meanwhile goes on, and its next statement is interrupted.

Private API used here: `_restore_context` of asgiref.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from asgiref.sync import _restore_context

from adj.completion import result_and_cancellation, seconds_to_clean
from adj.engines.outcome import has_outcome_note, record_outcome
from adj.engines.threads.driver_monitor import DriverMonitor
from adj.errors import Outcome

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")

STOP_SECONDS = 5.0
"""How long a database may take to end a statement that was cancelled; its thread is left alone then."""

_MOST_MISSED = 3
"""How often a thread is looked for in its driver before its caller leaves it to its Python code."""

_MARK = "adj_is_uninterrupted"


def uninterrupted(function: F) -> F:
    """Mark a function that cleans up on a thread: it runs in any case, and its statements are not interrupted."""
    setattr(function, _MARK, True)
    return function


def is_uninterrupted(function: Any) -> bool:
    """Whether a function is marked."""
    return getattr(function, _MARK, False)


def run_in(context: contextvars.Context, call: Callable[[], T]) -> T:
    """Call a function on this thread in a context of another one.

    Django keeps its time zone and language in asgiref's `Local`, which is tagged with its thread: asgiref's own
    function moves it, as `sync_to_async` does.
    """
    context.run(_restore_context, context)
    return context.run(call)


class ThreadCall(Generic[T]):
    """A function for a thread, which runs in a copy of its caller's context. `future` has what it returns.

    `has_ended` is called on the loop at its end, with its error if there was one.
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
        # Taken by the thread that begins it, or by the cancellation that comes before.
        self._claim = threading.Lock()
        self._ended_as: Outcome | None = None
        self._was_interrupted: bool | None = None
        self._missed_interrupts = 0
        # There is one once it is interrupted.
        self._is_left: asyncio.Future[None] | None = None

    # -- on the thread -------------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """Call the function, unless it was cancelled before."""
        if not self._claim.acquire(blocking=False):
            self._post(self._never_began)
            return
        try:
            with self._monitor.running(self):
                result = run_in(self._context, self._function)
        except BaseException as error:  # noqa: BLE001  # whatever it is belongs to the caller
            self._post(self._fail, error)
        else:
            self._post(self._succeed, result)

    def _post(self, callback: Callable[..., None], *args: Any) -> None:
        # The loop may have been closed while the call ran; then nobody waits for the result any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)

    # -- on the loop ---------------------------------------------------------------------------------------------------

    async def result(self, connection: Any, patience: float = STOP_SECONDS) -> T:
        """What the function returns; cancelled, this ends after the statement that it waited for on a connection.

        The cancellation tells what has become of it. `patience` is how long it is waited for: `math.inf` for what has
        to be done before its caller goes on.
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

    async def _stop(self, connection: Any, patience: float) -> asyncio.CancelledError | None:
        """Let the statement end. Returns a cancellation that came meanwhile."""
        report = self._record_interrupt if patience == math.inf else self._leave_if_ignored
        self._is_left = left = self._loop.create_future()
        try:
            self._monitor.interrupt_in_background(
                self, connection, lambda was_interrupted: self._post(report, was_interrupted)
            )
        except RuntimeError:
            # The interpreter ends.
            report(False)
        with suppress(TimeoutError):
            return (await result_and_cancellation(_wait_at_most(left, patience)))[1]
        return None

    def _record_interrupt(self, was_interrupted: bool | None) -> None:
        self._was_interrupted = was_interrupted

    def _leave_if_ignored(self, was_interrupted: bool | None) -> None:
        """Take note of an attempt to interrupt it; where that is in vain, nobody waits for it any longer."""
        self._was_interrupted = was_interrupted
        self._missed_interrupts = self._missed_interrupts + 1 if was_interrupted is None else 0
        if was_interrupted is False or self._missed_interrupts >= _MOST_MISSED:
            self._leave()

    def _outcome(self) -> Outcome:
        return self._ended_as or ("unknown" if self._was_interrupted else "continues")

    def _succeed(self, result: T) -> None:
        if not self.future.cancelled():
            self.future.set_result(result)
        # Where it was cancelled, it may be done in spite of that.
        self._end("unknown", None)

    def _fail(self, error: BaseException) -> None:
        if not self.future.cancelled():
            if isinstance(error, (StopIteration, StopAsyncIteration)):
                # A future cannot hold the one, and either would end whatever awaits it as if all were well.
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
    """Wait for a future, but only so long. Raises `TimeoutError`."""
    seconds = seconds_to_clean(patience)
    async with asyncio.timeout(None if seconds == math.inf else seconds):
        await future
