"""An event loop whose clock jumps to the next timer as soon as nothing else is to be done: hours pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everything waits, and nothing will come"
            self.now += max(timeout, 0)
        return found


class FastLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at zero."""

    def __init__(self) -> None:
        self._fast = _Selector()
        super().__init__(self._fast)

    def time(self) -> float:
        """Seconds that would have passed."""
        return self._fast.now


def run_fast(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, run to its end on such a loop."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(coroutine)
