"""Turns Django's errors about the arguments of `aaggregate()`, `aearliest()` and `alatest()` into adj's.

Django checks these arguments when the query is compiled for the first time.
"""

from __future__ import annotations

import traceback

from django.core.exceptions import FieldError
from django.db.models import Model

from adj.compiler.checks.argument_types import Problem, problem_of_aggregates, problem_of_order
from adj.compiler.checks.judge import cause_of, refuse_names, sentence
from adj.compiler.checks.late_names import check_late_names
from adj.compiler.django.django_path import terminal_reason
from adj.compiler.django.partial import kept_queryset
from adj.compiler.keys.overrides import method_names
from adj.errors import QueryError, ShapeError
from adj.statement import clauses
from adj.statement.shapes import Answer
from adj.statement.statement import TerminalCall
from adj.statement.structure import StatementHolder
from adj.statement.text import query_text

# Where Django refuses arguments; a TypeError from elsewhere has another reason.
_CHECKING_MODULES = frozenset({"django.db.models.query", "django.db.models.sql.query"})


def refusal(query: StatementHolder, terminal: TerminalCall, error: Exception) -> Exception:
    """The error to raise for an error of Django's about the arguments of a terminal method.

    It is `error` itself unless adj knows which argument is wrong.
    """
    if terminal_reason(query.statement, method_names(terminal.answer)) is not None:
        return error
    try:
        _refuse(query, terminal, error)
    except QueryError as refused:
        # The traceback ends at the terminal method, and does not show Django's.
        refused.__traceback__, refused.__suppress_context__ = None, True
        return refused
    return error


def _refuse(query: StatementHolder, terminal: TerminalCall, error: Exception) -> None:
    statement = query.statement
    if (problem := _problem(statement.model, terminal)) is not None:
        text = query_text(statement, terminal)
        raise problem.error(query=text, reason=problem.reason, advice=problem.advice) from cause_of(error)
    if isinstance(error, FieldError):
        before, clause = kept_queryset(query), _equivalent(terminal)
        refuse_names(statement, before, clause, error)
        check_late_names(statement.with_clause(clause), before)
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    if isinstance(error, TypeError) and innermost.f_globals.get("__name__") in _CHECKING_MODULES:
        raise ShapeError(query=query_text(statement, terminal), reason=sentence(error), advice="") from None


def _problem(model: type[Model], terminal: TerminalCall) -> Problem | None:
    if terminal.answer is Answer.AGGREGATE:
        return problem_of_aggregates(model, terminal.args, terminal.kwargs)
    return problem_of_order(f"a{terminal.answer.value}", terminal.args)


def _equivalent(terminal: TerminalCall) -> clauses.Clause:
    """The clause that takes the same arguments."""
    if terminal.answer is Answer.AGGREGATE:
        return clauses.Annotate(terminal.args, dict(terminal.kwargs))
    return clauses.OrderBy(terminal.args)
