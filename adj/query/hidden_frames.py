"""`__tracebackhide__` of the modules with query methods: pytest shows the traceback of a mistake up to the user's line."""

from __future__ import annotations

from typing import Any

from adj.errors import CompileError, QueryError


def hides_frame(caught: Any) -> bool:
    """Whether pytest leaves the module's frames out; `caught` is pytest's ExceptionInfo."""
    return isinstance(caught.value, (QueryError, CompileError))
