"""Work that has to be done to its end, however often the task that waits for it is cancelled.

Private API used here: `asyncio.Task._log_destroy_pending`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

RELEASE_SECONDS = 0.1
"""How long after its deadline a caller may still be kept by what cleans up after it."""

END_SECONDS = 10.0
"""How long the end of the program waits for work that has to be done to its end."""


class _Deadline:
    """When a caller has to be released, in the loop's time; it holds while its block does."""

    __slots__ = ("at", "holds")

    def __init__(self, at: float) -> None:
        self.at, self.holds = at, True


_deadline: ContextVar[_Deadline | None] = ContextVar("adj_deadline", default=None)


@contextmanager
def deadline_in(seconds: float) -> Generator[None]:
    """A block whose cleanup may keep its caller only until shortly after a deadline; it cancels nothing itself."""
    before = _deadline.get()
    deadline = _Deadline(asyncio.get_running_loop().time() + seconds)
    if before is not None and before.holds:
        deadline.at = min(deadline.at, before.at)
    _deadline.set(deadline)
    try:
        yield
    finally:
        # Tasks that were started in the block have it in their contexts as well.
        deadline.holds = False
        # Not by its token: a fixture's block may end in another context than it began in.
        _deadline.set(before)


def seconds_to_clean(most: float) -> float:
    """How long cleaning up may keep the current caller: `most` seconds, or less where its deadline comes first."""
    deadline = _deadline.get()
    if deadline is None or not deadline.holds:
        return most
    return max(0.0, min(most, deadline.at + RELEASE_SECONDS - asyncio.get_running_loop().time()))


def _is_overdue() -> bool:
    """Whether the deadline of the current caller has passed: then it was cancelled before, and will not be again."""
    deadline = _deadline.get()
    return deadline is not None and deadline.holds and deadline.at <= asyncio.get_running_loop().time()


class _Kept(asyncio.Task[T]):
    """A task that the end of the program does not cut short: `asyncio.run()` cancels all tasks there.

    Where its loop is closed all the same, as after a second Ctrl-C, asyncio would complain that it has not ended; its
    connection is closed then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._log_destroy_pending = False

    def cancel(self, msg: object = None) -> bool:
        """Cancel the work; at the end of the program, only if it has not ended `END_SECONDS` later."""
        loop = self.get_loop()
        # While no loop runs, the code that ends the loop cancels its tasks.
        if loop.is_running():
            return super().cancel(msg)
        loop.call_later(END_SECONDS, super().cancel)
        return False


# References to tasks that are not awaited: without them, the garbage collector could remove the tasks.
_kept: set[asyncio.Task[Any]] = set()


def keep(coroutine: Coroutine[object, None, T]) -> asyncio.Task[T]:
    """Start work that continues when its caller stops waiting. The end of the program waits for it."""
    task: _Kept[T] = _Kept(coroutine, loop=asyncio.get_running_loop())
    _kept.add(task)
    task.add_done_callback(_kept.discard)
    return task


async def to_its_end(coroutine: Coroutine[object, None, T], patience: float = math.inf) -> T:
    """Return the result of a coroutine, which runs in a separate task and is not cancelled with its caller.

    If the caller is cancelled, the first cancellation is raised when the work is done, and the result is lost. An error
    of the work is raised if the caller was not cancelled. See `result_and_cancellation()` for `patience`.

    Raises `TimeoutError` if the caller's deadline has already passed and the work does not end soon.
    """
    task, cancelled = await ended(coroutine, patience)
    if cancelled is not None:
        if not task.cancelled():
            # Otherwise asyncio would report an exception that was never retrieved.
            task.exception()
        raise cancelled
    return task.result()


async def result_and_cancellation(
    coroutine: Coroutine[object, None, T], patience: float = math.inf
) -> tuple[T, asyncio.CancelledError | None]:
    """Return the result of a coroutine as `to_its_end()` does, and the caller's first cancellation, if any.

    An error of the work is always raised. The work is cancelled as well, `patience` seconds after the first
    cancellation, or shortly after the caller's deadline if that is sooner.
    """
    task, cancelled = await ended(coroutine, patience)
    return task.result(), cancelled


async def ended(
    coroutine: Coroutine[object, None, T], patience: float = math.inf
) -> tuple[asyncio.Task[T], asyncio.CancelledError | None]:
    """Run a coroutine as `result_and_cancellation()` does; return its task, which has ended, and the cancellation."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # The caller is a coroutine that is collected after its loop was closed: waiting is not possible any more.
        coroutine.close()
        raise GeneratorExit from None
    task: _Kept[T] = _Kept(coroutine, loop=loop)
    cancelled: asyncio.CancelledError | None = None
    is_overdue = _is_overdue()
    if is_overdue:
        loop.call_later(seconds_to_clean(patience), task.cancel)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.done() and task.cancelled():
                if is_overdue and cancelled is None:
                    raise TimeoutError from None
                raise
            if cancelled is None and (seconds := seconds_to_clean(patience)) < math.inf:
                loop.call_later(seconds, task.cancel)
            cancelled = cancelled or error
        except BaseException:
            if not task.done():
                # It is the caller that ends, in a coroutine that is closed.
                raise
            # The caller gets it from the task itself.
            break
    return task, cancelled
