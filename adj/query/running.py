"""Runs a query: chooses the database, applies the time limit, and notes the query on errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet

from adj.compiler.django.build import build_on
from adj.compiler.django.django_path import call_terminal, terminal_source
from adj.compiler.django.routing import alias_of
from adj.compiler.keys.overrides import MethodNames
from adj.compiler.plans.prepared import Execution
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.statement.shapes import WRITES
from adj.statement.statement import ROWS, TerminalCall
from adj.statement.structure import StatementHolder
from adj.statement.text import Noted


async def answer(query: StatementHolder, terminal: TerminalCall) -> Any:
    """The result of a terminal method; `AsyncQuery[M, R]` knows its type."""
    statement = query.statement
    alias = alias_of(statement, writes=terminal.answer in WRITES)
    if statement.seconds is not None:
        async with within_time(statement, terminal):
            executor = await executor_for(alias)
            with Noted(statement, terminal):
                return await executor.answer(Execution(statement, query.structure, terminal))
    # The same without the block, which would slow down every query.
    executor = await executor_for(alias)
    with Noted(statement, terminal):
        return await executor.answer(Execution(statement, query.structure, terminal))


async def answer_in_django(query: StatementHolder, terminal: Callable[[QuerySet[Any, Any]], Any]) -> Any:
    """The result of Django's own code, run on adj's connection."""
    alias = alias_of(query.statement)
    async with within_time(query.statement, ROWS):
        executor = await executor_for(alias)
        with Noted(query.statement, ROWS):
            return await executor.answer_in_django(query.statement, ROWS, terminal, build_on(query.statement, alias))


async def call_terminal_method(
    query: StatementHolder, names: MethodNames, name: str, /, *args: object, **kwargs: object
) -> Any:
    """The result of a terminal method that is run by Django's code, or by the project's QuerySet class."""
    statement = query.statement
    alias = alias_of(statement)
    async with within_time(statement, ROWS):
        executor = await executor_for(alias)
        call = partial(call_terminal, terminal_source(statement, alias, names), name, *args)
        with Noted(statement, ROWS):
            return await executor.answer_in_django(statement, ROWS, call, **kwargs)
