"""The SQL of a query, and the row at a position."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from adj.typevars import T


class SQL(NamedTuple):
    """SQL for the driver, with `%s` for each parameter."""

    sql: str
    params: tuple[object, ...]


class RowAt(Generic[T]):
    """The row at a position of a query: `await query[2].run()`."""

    __slots__ = ("_position", "_run")

    def __init__(self, run: Callable[[], Awaitable[list[T]]], position: int) -> None:
        self._run, self._position = run, position

    async def run(self) -> T:
        """Return the row. Raises `IndexError` if the query has no row at this position."""
        rows = await self._run()
        if not rows:
            raise IndexError(f"The query has no row at position {self._position}.")
        return rows[0]

    arun = run

    if not TYPE_CHECKING:  # type checkers report this mistake; the message is for users without one

        def __await__(self) -> Any:
            raise TypeError(
                f"`query[{self._position}]` cannot be awaited. Add .run(): `await query[{self._position}].run()`."
            )
