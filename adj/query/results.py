"""Small answers: the SQL of a query, and the one row at a position."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from adj.typevars import T


class SQL(NamedTuple):
    """SQL as the driver takes it, with `%s` for each of the parameters."""

    sql: str
    params: tuple[object, ...]


class RowAt(Generic[T]):
    """The row at one position of a query; `await query[2].run()`."""

    __slots__ = ("_position", "_run")

    def __init__(self, run: Callable[[], Coroutine[Any, Any, list[T]]], position: int) -> None:
        self._run, self._position = run, position

    async def run(self) -> T:
        """The row. Raises `IndexError` when the query has no row at this position."""
        rows = await self._run()
        if not rows:
            raise IndexError(f"the query has no row at position {self._position}.")
        return rows[0]

    arun = run

    if not TYPE_CHECKING:  # a checker already refuses `await query[2]`; this is for those without one

        def __await__(self) -> Any:
            raise TypeError(f"a row is not awaitable: add .run(), as in `await query[{self._position}].run()`.")
