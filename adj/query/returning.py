"""A query whose writes return the rows that they change."""

from __future__ import annotations

from typing import Any, Generic

from adj.compiler.django.assign import check_assignments
from adj.compiler.keys.snapshot import snapshot_expressions
from adj.query.hidden_frames import hides_frame
from adj.query.running import answer
from adj.statement.shapes import Answer
from adj.statement.statement import Names, Statement, TerminalCall
from adj.statement.structure import StatementHolder, Structure, Unkeyed
from adj.typevars import T

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class ReturningQuery(StatementHolder, Generic[T]):
    """A query whose writes return the changed rows, which have the type `T`. Created by `returning()`."""

    __slots__ = ("_names",)

    def __init__(self, statement: Statement, structure: Structure | Unkeyed, names: Names) -> None:
        self.statement, self.structure, self._partial = statement, structure, None
        self._names = names

    async def aupdate(self, **kwargs: Any) -> list[T]:
        """Set columns of all rows, and return the rows as they are afterwards, in no particular order.

        See `AsyncQuery.aupdate()`. Raises `UnsupportedFeature` if the database or the query does not support it.
        """
        check_assignments(self.statement.model, kwargs)
        _, kwargs = snapshot_expressions(self, (), kwargs)
        rows: list[T] = await answer(self, TerminalCall(Answer.UPDATE, kwargs=kwargs, returning=self._names))
        return rows

    async def adelete(self) -> list[T]:
        """Delete all rows, and return them as they were before, in no particular order.

        This is one statement when no cascades or signal handlers are involved. Otherwise the rows are locked, read and
        deleted by Django's own code in one transaction. Raises `UnsupportedFeature` if the database does not support
        it.
        """
        rows: list[T] = await answer(self, TerminalCall(Answer.DELETE, returning=self._names))
        return rows
