"""Contexts of tasks: copying context variables from one to another, and finding tasks that share one.

adj's own context variables are not copied, since they belong to the task and not to the code.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TypeAlias

Task: TypeAlias = asyncio.Task[object]

_OURS = "adj_"
_MISSING = object()


def apply_context(context: Context) -> None:
    """Set the variables of the current context to their values in another one."""
    for variable, value in context.items():
        if not variable.name.startswith(_OURS) and variable.get(_MISSING) is not value:
            variable.set(value)


def shares_context(task: Task | None) -> bool:
    """Whether another task runs in the context of the current one, instead of a copy.

    Since Django 6.1, asynchronous receivers of a signal do: variables that one of them sets are visible to the others.
    """
    current = asyncio.current_task()
    return task is not current and _context_of(task) is not None and _context_of(task) is _context_of(current)


def _context_of(task: Task | None) -> Context | None:
    # Task.get_context() is new in Python 3.12. Django 6.1, which shares contexts, needs that version as well.
    get_context = getattr(task, "get_context", None)
    context: Context | None = None if get_context is None else get_context()
    return context
