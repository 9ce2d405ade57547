"""Who has which connection of an engine, and since when, for the error of those who wait in vain."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Generic, TypeVar

C = TypeVar("C")


class Holders(dict[C, tuple["asyncio.Task[Any] | None", float]], Generic[C]):
    """The task that holds each connection that is lent, and when it took it."""

    def note(self, connection: C) -> None:
        """The current task has a connection from now on."""
        self[connection] = (asyncio.current_task(), time.monotonic())

    def describe(self) -> tuple[str, ...]:
        """The names of the tasks, and for how long they have had their connections."""
        now = time.monotonic()
        return tuple(
            f"{task.get_name() if task else 'no task'} for {now - since:.1f} s" for task, since in self.values()
        )
