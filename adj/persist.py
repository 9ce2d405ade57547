"""Work that has to be done to its end, however often the task that waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, which runs in a task of its own and is never cancelled.

    Cancellations of the caller are kept back until then: the first one is raised when the work is done, with the result
    lost. An error of the work itself is raised instead of it only if nobody was cancelled.
    """
    task = asyncio.ensure_future(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.done() and task.cancelled():
                raise
            cancelled = cancelled or error
        except BaseException:  # noqa: BLE001  # raised below, from the task itself
            break
    if cancelled is not None:
        if not task.cancelled():
            # Otherwise asyncio would complain about an error that nobody has looked at.
            task.exception()
        raise cancelled
    return task.result()
