"""Work that has to be done to its end, however often the task that waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


END_SECONDS = 10.0
"""How long the end of the program waits for work that has to be done to its end."""


class _Kept(asyncio.Task[T]):
    """A task that the end of the program does not cut short: `asyncio.run()` cancels all tasks there."""

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the work; at the end of the program, only if it has not ended `END_SECONDS` later."""
        loop = self.get_loop()
        # What is cancelled while no loop runs is cancelled by whoever ends the loop.
        if loop.is_running():
            return super().cancel(msg)
        loop.call_later(END_SECONDS, super().cancel)
        return False


async def to_its_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, which runs in a task of its own and is never cancelled.

    Cancellations of the caller are kept back until then: the first one is raised when the work is done, with the result
    lost. An error of the work itself is raised instead of it only if nobody was cancelled.
    """
    task, cancelled = await _ended(coroutine)
    if cancelled is not None:
        if not task.cancelled():
            # Otherwise asyncio would complain about an error that nobody has looked at.
            task.exception()
        raise cancelled
    return task.result()


async def result_and_cancellation(
    coroutine: Coroutine[Any, Any, T], patience: float | None = None
) -> tuple[T, asyncio.CancelledError | None]:
    """The same for who wants the result in any case: with it, the cancellation that was kept back, if any.

    An error of the work is raised in any case. So many seconds of `patience` after the first cancellation the work is
    cancelled as well; with None, never.
    """
    task, cancelled = await _ended(coroutine, patience)
    return task.result(), cancelled


async def _ended(
    coroutine: Coroutine[Any, Any, T], patience: float | None = None
) -> tuple[asyncio.Task[T], asyncio.CancelledError | None]:
    task = _Kept(coroutine, loop=asyncio.get_running_loop())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.done() and task.cancelled():
                raise
            if cancelled is None and patience is not None:
                asyncio.get_running_loop().call_later(patience, task.cancel)
            cancelled = cancelled or error
        except BaseException:  # noqa: BLE001  # the caller gets it from the task itself
            break
    return task, cancelled
