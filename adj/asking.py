"""From a query to its answer: the database it goes to, the time it may take, the note on an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from adj.compiler.prepare import Question
from adj.compiler.routing import alias_of
from adj.compiler.structure import StatementHolder
from adj.compiler.text import Noted
from adj.databases import executor_for
from adj.deadline import within_time
from adj.shapes import WRITES
from adj.statement import ROWS, Finish


async def answer(query: StatementHolder, finish: Finish) -> Any:
    """What a query answers to an ending; `AsyncQuery[M, R]` knows its type."""
    statement = query.statement
    executor = await executor_for(alias_of(statement, writes=finish.answer in WRITES))
    with Noted(statement, finish):
        if statement.seconds is None:
            return await executor.answer(Question(statement, query.structure, finish))
        async with within_time(statement, finish):
            return await executor.answer(Question(statement, query.structure, finish))


async def answer_in_django(query: StatementHolder, finish: Callable[[QuerySet[Any, Any]], Any]) -> Any:
    """What Django's own code answers, on a connection of adj's."""
    alias = alias_of(query.statement)
    executor = await executor_for(alias)
    with Noted(query.statement, ROWS):
        async with within_time(query.statement, ROWS):
            return await executor.run(finish, query.queryset.using(alias))
