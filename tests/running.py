"""How tests run coroutines: each on a new event loop, which must leave no worker thread behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, run to its end on a new event loop."""
    try:
        return asyncio.run(coroutine)
    finally:
        assert_no_worker_left()


def assert_no_worker_left() -> None:
    """Fail if one of adj's worker threads is still alive."""
    left = worker_threads()
    assert not left, f"worker threads were left behind: {', '.join(left)}"


def worker_threads() -> list[str]:
    """The names of adj's worker threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("adj-")]
