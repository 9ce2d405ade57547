"""The contexts in which code runs: variables carried from one into another, and tasks that share one.

What adj itself keeps in variables stays where it is: it belongs to the task, not to the code.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any

_OURS = "adj_"
_MISSING = object()


def apply_context(context: Context) -> None:
    """Set the variables of the current context to what they are in another one."""
    for variable, value in context.items():
        if not variable.name.startswith(_OURS) and variable.get(_MISSING) is not value:
            variable.set(value)


def shares_context(task: asyncio.Task[Any] | None) -> bool:
    """Whether another task runs in the context of the current one, and not in a copy.

    So do asynchronous receivers of one signal since Django 6.1: what one of them sets, the others see.
    """
    current = asyncio.current_task()
    return task is not current and _context_of(task) is not None and _context_of(task) is _context_of(current)


def _context_of(task: Any) -> Context | None:
    # Python 3.11 does not tell; no Django that shares contexts runs on it.
    context: Context | None = task.get_context() if hasattr(task, "get_context") else None
    return context
