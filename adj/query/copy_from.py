"""`acopy()`: inserts any number of rows from an iterable, by COPY if the database supports it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any, TypeAlias

from adj.blocks.atomic import atomic
from adj.compiler.django.copy_columns import as_instance, check_copyable, copied, fields_of
from adj.compiler.django.routing import alias_of
from adj.compiler.plans.prepared import Execution
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.execution.executor import Executor
from adj.statement.shapes import Answer
from adj.statement.statement import TerminalCall
from adj.statement.structure import StatementHolder
from adj.statement.text import Noted

COPY_BATCH = 2_000
"""How many rows are in memory at a time."""

Source: TypeAlias = Iterable[Any] | AsyncIterable[Any]
Progress: TypeAlias = Callable[[int], object]


async def copy_rows(
    query: StatementHolder,
    rows: Source,
    names: Sequence[str] | None,
    *,
    batch_size: int,
    progress: Progress | None,
) -> int:
    """Insert rows, and return their number; see `AsyncQuery.acopy()`."""
    if not isinstance(batch_size, int) or batch_size <= 0:
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")
    statement, terminal = query.statement, TerminalCall(Answer.COPY)
    check_copyable(statement.model)
    # Checked before a connection is checked out or a row is read.
    fields_of(statement.model, names)
    async with within_time(statement, terminal), aclosing(_batches(rows, batch_size)) as batches:
        executor = await executor_for(alias_of(statement, writes=True))
        copy = _copy if _has_copy(executor) else _insert
        with Noted(statement, terminal):
            return await copy(executor, query, batches, names, progress or _ignore_progress)


def _has_copy(executor: Executor) -> bool:
    if executor.dialect.wrapper.vendor != "postgresql" or executor.dialect.execution_reason() is not None:
        return False
    # The driver may not be installed if the backend is not in use.
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)


async def _copy(
    executor: Executor,
    query: StatementHolder,
    batches: AsyncIterator[list[Any]],
    names: Sequence[str] | None,
    progress: Progress,
) -> int:
    """Insert by a single statement, which the database rolls back as a whole if it fails."""
    batch = await anext(batches, None)
    if batch is None:
        return 0
    wrapper, count = executor.dialect.wrapper, 0
    columns = copied(query.statement.model, names, batch[0], wrapper)
    async with executor.connection() as connection, connection.copy(columns.sql(wrapper.ops.quote_name)) as copy:
        while batch:
            await copy.write(columns.values(batch, count + 1))
            count += len(batch)
            progress(count)
            batch = await anext(batches, None)
    return count


async def _insert(
    executor: Executor,
    query: StatementHolder,
    batches: AsyncIterator[list[Any]],
    names: Sequence[str] | None,
    progress: Progress,
) -> int:
    """Insert by Django's own `bulk_create()`, batch by batch."""
    alias, model, count = executor.dialect.alias, query.statement.model, 0
    async with atomic(alias, savepoint=False):
        async for batch in batches:
            instances = [as_instance(model, row, names) for row in batch]
            terminal = TerminalCall(Answer.BULK_CREATE, (instances,))
            await executor.answer(Execution(query.statement, query.structure, terminal))
            count += len(batch)
            progress(count)
    return count


async def _batches(rows: Source, size: int) -> AsyncGenerator[list[Any]]:
    if not isinstance(rows, AsyncIterable):
        iterator = iter(rows)
        while batch := list(islice(iterator, size)):
            yield batch
        return
    batch = []
    async for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _ignore_progress(count: int) -> None:
    """The default of `progress`."""
