"""What a contender is: a name, a start, an end, and a method for each task."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.tasks import Task

# Answers are of every contender's own kind; only how many rows there are is looked at.
Rows = Sequence[Any]


class Contender(ABC):
    """Does the tasks of `benchmarks/tasks.py`; each method takes the number of the repetition."""

    name: str

    async def open(self, database: Path) -> None:  # noqa: B027  # most have nothing to open
        """Get ready, before anything is measured."""

    async def close(self) -> None:  # noqa: B027  # most have nothing to close
        """Leave nothing behind."""

    @abstractmethod
    async def repeat(self, task: Task) -> int:
        """Do a task as often as it says; return the number of rows, or the count, of the last answer."""


class AsyncContender(Contender):
    """One whose methods are coroutines, awaited one after another."""

    async def repeat(self, task: Task) -> int:
        """Await the method of the task."""
        work = getattr(self, task.method)
        size = 0
        for number in range(task.times):
            size = _size(await work(number))
        return size


class SyncContender(Contender):
    """One whose methods block: all repetitions run in one thread, without a way back to the loop between them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def repeat(self, task: Task) -> int:
        """Call the method of the task in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._repeat, task)

    async def close(self) -> None:
        """End the thread, after closing what it has open."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.disconnect)
        self._thread.shutdown()

    @abstractmethod
    def disconnect(self) -> None:
        """Close the connection, on the thread that has it."""

    def _repeat(self, task: Task) -> int:
        work = getattr(self, task.method)
        size = 0
        for number in range(task.times):
            size = _size(work(number))
        return size


def _size(answer: object) -> int:
    match answer:
        case int():
            return answer
        case list() | tuple():
            return len(answer)
        case _:
            return 1
