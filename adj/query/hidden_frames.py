"""`__tracebackhide__` of the modules with query methods: in pytest, a traceback ends at the line of the mistake."""

from __future__ import annotations

from typing import Any

from adj.errors import CompileError, QueryError


def hides_frame(caught: Any) -> bool:
    """Whether pytest leaves the module's frames out; `caught` is pytest's ExceptionInfo."""
    return isinstance(caught.value, (QueryError, CompileError))
