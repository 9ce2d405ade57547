"""Context variables carried between synchronous code and the coroutines that it calls, which have another context.

What adj itself keeps in variables stays where it is: it belongs to the task, not to the code.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any

_OURS = "adj_"
_MISSING = object()


@contextmanager
def borrowed(context: Context, changed: list[Context]) -> Generator[None]:
    """Give code the variables of another context; add to `changed` what they are at the end, and put ours back."""
    tokens = [(variable, variable.set(value)) for variable, value in _differences(context)]
    try:
        yield
    finally:
        changed.append(copy_context())
        for variable, token in tokens:
            variable.reset(token)


def take_over(context: Context) -> None:
    """Set the variables of the current context to what they are in another one."""
    for variable, value in _differences(context):
        variable.set(value)


def _differences(context: Context) -> Iterator[tuple[ContextVar[Any], Any]]:
    for variable, value in context.items():
        if not variable.name.startswith(_OURS) and variable.get(_MISSING) is not value:
            yield variable, value
