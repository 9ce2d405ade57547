"""LIMIT and OFFSET, whose numbers a plan inserts when it runs.

Private Django API used here: `DatabaseOperations.limit_offset_sql`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

# Cannot occur in Django's SQL.
LIMITS: Final = "\x00limits\x00"
"""Stands in the SQL of a plan where the backend's limits go."""


class Bound(int):
    """A slice limit that is inserted into the SQL at run time; adding it to a limit of 0 keeps it."""

    def __radd__(self, other: int) -> int:
        return self if other == 0 else int(self) + other


class Limits:
    """How a backend writes limits. Its operations write `LIMITS` for those that are bounds.

    `operations` are changed. Any: type checkers do not let a method be replaced.
    """

    def __init__(self, operations: Any) -> None:
        self._written: Callable[[int, int | None], str] = operations.limit_offset_sql
        operations.limit_offset_sql = self._marked

    def sql(self, bounds: tuple[int | None, int | None]) -> str:
        """`LIMIT ... OFFSET ...` as the backend writes it."""
        low, high = bounds
        return self._written(low or 0, high)

    def _marked(self, low: int, high: int | None) -> str:
        if isinstance(low, Bound) or isinstance(high, Bound):
            return LIMITS
        return self._written(low, high)
