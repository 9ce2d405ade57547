"""Lets Django check a clause, and turns Django's errors into adj's.

Django adds the clause to the QuerySet of the clauses before it. If it raises an error, the name or value that caused it
is looked for.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import NoReturn

from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError
from django.db.models import Model

from adj.compiler.checks.argument_types import problem_of_arguments
from adj.compiler.checks.formats import expected_text
from adj.compiler.checks.late_names import check_late_names
from adj.compiler.checks.name_types import check_name_types
from adj.compiler.checks.names import begins_with, names_in, paths
from adj.compiler.django.partial import with_clause
from adj.errors import InvalidFormat, InvalidOperand, QueryError, ShapeError, UnknownField, UnsupportedFeature
from adj.hydrate.layout import shape_of
from adj.schema.operands import expected
from adj.schema.paths import resolve
from adj.statement import clauses
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import RowShape
from adj.statement.statement import Statement
from adj.statement.structure import Partial
from adj.statement.text import query_text


def judge(statement: Statement, before: DjangoQuerySet) -> Partial:
    """Add the last clause of a statement to `before`, the QuerySet without it.

    Returns the new QuerySet. Raises `UnknownField`, `UnknownLookup`, `InvalidOperand`, `ShapeError` or
    `UnsupportedFeature` for Django's errors.
    """
    check_name_types(statement)
    clause = statement.clauses[-1]
    _refuse_further_columns(statement, before)
    try:
        queryset = with_clause(before, clause)
    except QueryError:
        # into() has the facts.
        raise
    except FieldError as error:
        refuse_names(statement, *_refused_part(before, clause), error)
        _refuse_arguments(statement, error)
        raise
    except NotSupportedError as error:
        raise UnsupportedFeature(query=query_text(statement), reason=sentence(error)) from cause_of(error)
    except (TypeError, ValueError, ValidationError) as error:
        _raise_misfit(statement, before, error)
    check_late_names(statement, before)
    return Partial(len(statement.clauses), queryset)


def _refuse_further_columns(statement: Statement, before: DjangoQuerySet) -> None:
    """Raise `ShapeError` if the last clause adds columns to the rows of `into()`, whose class has no place for them."""
    clause = statement.clauses[-1]
    adds_columns = isinstance(clause, clauses.Annotate) and clause.selected
    adds_columns = adds_columns or (isinstance(clause, clauses.Extra) and bool(clause.select))
    if adds_columns and shape_of(before._iterable_class) is RowShape.OBJECT:
        method = clause.method
        raise ShapeError(
            query=query_text(statement),
            reason=f"{method}() cannot add columns to the rows of into().",
            advice=f"Call {method}() before into(); its names can be fields of the class.",
        )


def _refused_part(before: DjangoQuerySet, clause: clauses.Clause) -> tuple[DjangoQuerySet, clauses.Clause]:
    """Of several annotations in one call, the one that Django refuses, and the QuerySet that it was added to.

    Each annotation may refer to those before it.
    """
    if not isinstance(clause, clauses.Annotate):
        return before, clause
    parts = [replace(clause, kwargs={}), *(replace(clause, args=(), kwargs={n: e}) for n, e in clause.kwargs.items())]
    queryset, count = before, _known_parts(before, parts)
    with suppress(FieldError):
        # Those whose names are all known are added at once.
        earlier = dict(islice(clause.kwargs.items(), max(count - 1, 0)))
        queryset = with_clause(before, replace(clause, kwargs=earlier)) if count else before
        parts = parts[count:]
    for part in parts:
        try:
            queryset = with_clause(queryset, part)
        except FieldError:
            return queryset, part
    return before, clause


def _known_parts(before: DjangoQuerySet, parts: Sequence[clauses.Annotate]) -> int:
    """How many of the first annotations have only known names; 0 if all have."""
    known = set(names_in(before))
    for number, part in enumerate(parts):
        if not all(begins_with(path, known) or _is_known(before.model, path) for path in paths(part) if path):
            return number
        known.update(part.kwargs)
    return 0


def _is_known(model: type[Model], path: str) -> bool:
    try:
        resolve(model, path)
    except FieldError:
        return False
    return True


def refuse_names(statement: Statement, before: DjangoQuerySet, clause: clauses.Clause, error: Exception) -> None:
    """Raise the error of the first unknown name of a clause, with the choices, if there is one."""
    known = names_in(before)
    for path in paths(clause):
        if path and not begins_with(path, known):
            try:
                resolve(statement.model, path)
            except UnknownField as unknown:
                raise _with_choices(unknown, statement, known) from cause_of(error)
            except FieldError as unknown:
                raise unknown from cause_of(error)


def _with_choices(unknown: UnknownField, statement: Statement, known: frozenset[str]) -> UnknownField:
    """The error with annotations among the choices, if the name is looked up on the query's own model."""
    if unknown.model != statement.model.__name__ or not known:
        return unknown
    return UnknownField(model=unknown.model, path=unknown.path, part=unknown.part, choices=(*unknown.choices, *known))


def _raise_misfit(statement: Statement, before: DjangoQuerySet, error: Exception) -> NoReturn:
    clause, model = statement.clauses[-1], statement.model
    if (culprit := next(_culprits(clause, before), None)) is not None:
        path, operand = culprit
        got = _type_name(operand)
        if isinstance(error, ValidationError):
            wrong: InvalidOperand = InvalidFormat(
                model=model.__name__, path=path, expected=expected_text(model, path), got=got
            )
        else:
            wrong = InvalidOperand(model=model.__name__, path=path, expected=expected(model, path), got=got)
        raise wrong from cause_of(error)
    _refuse_arguments(statement, error)
    if isinstance(error, TypeError):
        reason, advice = sentence(error), _advice(statement)
        if shape_of(before._iterable_class) is RowShape.OBJECT:
            reason = reason.replace(".values() or .values_list()", ".into()")
        raise ShapeError(query=query_text(statement), reason=reason, advice=advice) from cause_of(error)
    raise error


def _refuse_arguments(statement: Statement, error: Exception) -> None:
    """Raise `ShapeError` if an argument of the last clause has a wrong type."""
    if (problem := problem_of_arguments(statement.model, statement.clauses[-1])) is not None:
        raise problem.error(query=query_text(statement), reason=problem.reason, advice=problem.advice) from cause_of(
            error
        )


def cause_of(error: Exception) -> Exception | None:
    """The error that Django raised, if it came from the project's code; an error of Django's own code adds no facts."""
    frames = traceback.walk_tb(error.__traceback__)
    *_, (innermost, _) = frames
    return None if innermost.f_globals.get("__name__", "").startswith(("django.", "adj.")) else error


def _culprits(clause: clauses.Clause, before: DjangoQuerySet) -> Iterator[tuple[str, object]]:
    """The conditions of a clause that Django refuses on their own."""
    for path, operand in clause.conditions():
        try:
            with_clause(before, clauses.Filter((), {path: operand}))
        except (TypeError, ValueError, ValidationError):
            if _takes_conditions(before):
                yield path, operand
        except FieldError:
            continue


def _takes_conditions(queryset: DjangoQuerySet) -> bool:
    """Whether a QuerySet accepts conditions; after a slice it does not."""
    try:
        with_clause(queryset, clauses.Filter((), {"pk__isnull": False}))
    except (TypeError, ValueError):
        return False
    return True


def sentence(error: Exception) -> str:
    """The message of an error, ending with a full stop."""
    text = str(error)
    return text if text.endswith(".") else f"{text}."


def _advice(statement: Statement) -> str:
    earlier = statement.clauses[:-1]
    if any(isinstance(clause, clauses.Slice) for clause in earlier):
        return "Slice last: write [start:stop] after the other query methods."
    if any(isinstance(clause, (clauses.Values, clauses.ValuesList)) for clause in earlier):
        return "Use one or the other: values() and values_list() already choose the columns."
    if any(isinstance(clause, clauses.Into) for clause in earlier):
        return "Use one or the other: the fields of its class already choose the columns."
    if any(isinstance(clause, clauses.Combine) for clause in earlier):
        return "Call it on the queries before combining them."
    return ""


def _type_name(operand: object) -> str:
    if isinstance(operand, (list, tuple, set, frozenset)):
        names = sorted({type(item).__name__ for item in operand})
        return f"{type(operand).__name__} of {', '.join(names)}" if names else f"an empty {type(operand).__name__}"
    name = type(operand).__name__
    is_unsaved = hasattr(operand, "_meta") and getattr(operand, "pk", 0) is None
    return f"an unsaved {name}" if is_unsaved else name
