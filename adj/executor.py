"""The one place where a plan, a connection and a hydrator meet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

from django.db.models import prefetch_related_objects
from django.db.models.query import MAX_GET_RESULTS

from adj.abc import Command, Connection, Engine
from adj.compiler.dialect import Dialect
from adj.compiler.prepare import Answered, Foreign, Question, Ready, finish_in_django, prepare
from adj.compiler.related import prefetch_lookups, set_known_related_objects
from adj.shapes import Answer
from adj.statement import Statement

# Rows, counts and dicts pass through here without being looked at; AsyncQuery[M, R] gives them their types.
Rows = list[Any]


class Executor:
    """Runs questions on one engine."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self.engine = engine
        self.dialect = dialect

    async def answer(self, question: Question) -> Any:
        """Run a question and give its answer: rows, one row, a number, a truth or a dict, as its ending says."""
        prepared = prepare(question, self.dialect)
        if isinstance(prepared, Answered):
            return prepared.answer
        async with self.engine.connection() as connection:
            if isinstance(prepared, Foreign):
                return await connection.run(finish_in_django, prepared.queryset, question.finish)
            rows = await connection.fetch(_command(prepared))
            answer = question.finish.answer
            if answer is Answer.EXISTS:
                return bool(rows)
            instances = await self._hydrated(connection, question.statement, prepared, rows)
        return _CONCLUSIONS[answer](question.statement, instances)

    @asynccontextmanager
    async def stream(self, question: Question, chunk_size: int) -> AsyncGenerator[AsyncIterator[Any]]:
        """Run a question and yield its rows one by one, `chunk_size` at a time from the server."""
        prepared = prepare(question, self.dialect)
        if isinstance(prepared, Answered):
            yield _each([])
            return
        async with self.engine.connection() as connection:
            if isinstance(prepared, Foreign):
                yield _steps(connection, prepared, chunk_size)
                return
            async with connection.stream(_command(prepared), chunk_size) as chunks:
                yield self._rows(connection, question.statement, prepared, chunks)

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run synchronous Django code on a connection of its own."""
        async with self.engine.connection() as connection:
            return await connection.run(function, *args, **kwargs)

    async def _rows(
        self, connection: Connection, statement: Statement, ready: Ready, chunks: AsyncIterator[list[Any]]
    ) -> AsyncIterator[Any]:
        async for chunk in chunks:
            for row in await self._hydrated(connection, statement, ready, chunk):
                yield row

    async def _hydrated(self, connection: Connection, statement: Statement, ready: Ready, rows: Sequence[Any]) -> Rows:
        plan = ready.plan
        if plan.runs_project_code():
            instances = await connection.run(plan.hydrate, rows)
        else:
            instances = plan.hydrate(rows)
        set_known_related_objects(statement, instances)
        if instances and (lookups := prefetch_lookups(statement)):
            await connection.run(prefetch_related_objects, instances, *lookups)
        return instances


def _command(ready: Ready) -> Command:
    return Command(ready.sql, ready.parameters, ready.plan.locks_rows)


async def _each(rows: Sequence[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


async def _steps(connection: Connection, foreign: Foreign, chunk_size: int) -> AsyncIterator[Any]:
    """The rows of a QuerySet that iterates in its own way, a list of them at each trip."""
    iterator: Iterator[Any] = await connection.run(lambda: foreign.queryset.iterator(chunk_size=chunk_size))
    while rows := await connection.run(lambda: list(islice(iterator, chunk_size))):
        for row in rows:
            yield row


# -- endings -----------------------------------------------------------------------------------------------------------


def _only_row(statement: Statement, rows: Rows) -> Any:
    """The row of `aget()`, or Django's two errors in Django's words."""
    if len(rows) == 1:
        return rows[0]
    name = statement.model._meta.object_name
    if not rows:
        raise statement.model.DoesNotExist(f"{name} matching query does not exist.")
    count = len(rows) if len(rows) < MAX_GET_RESULTS else f"more than {MAX_GET_RESULTS - 1}"
    raise statement.model.MultipleObjectsReturned(f"get() returned more than one {name} -- it returned {count}!")


def _first_row(statement: Statement, rows: Rows) -> Any:
    return rows[0] if rows else None


def _first_value(statement: Statement, rows: Rows) -> Any:
    return rows[0]


def _all_rows(statement: Statement, rows: Rows) -> Rows:
    return rows


_CONCLUSIONS: Mapping[Answer, Callable[[Statement, Rows], Any]] = {
    Answer.ROWS: _all_rows,
    Answer.GET: _only_row,
    Answer.FIRST: _first_row,
    Answer.LAST: _first_row,
    Answer.EARLIEST: _only_row,
    Answer.LATEST: _only_row,
    Answer.COUNT: _first_value,
    Answer.AGGREGATE: _first_value,
}
