"""Django as the judge of a clause, and its verdicts in adj's words.

Django builds the QuerySet; whatever it raises is looked into until the name or the value that it objects to is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from django.core.exceptions import FieldError, ValidationError
from django.db import NotSupportedError

from adj import statement as ask
from adj.compiler.build import build
from adj.compiler.late_names import check_late_names
from adj.compiler.name_types import check_name_types
from adj.compiler.names import begins_with, conditions, known_names, paths
from adj.compiler.text import query_text
from adj.errors import InvalidFormat, InvalidOperand, ShapeError, UnknownField, UnsupportedFeature
from adj.schema.operands import expected
from adj.schema.paths import resolve
from adj.statement import Statement


def judge(statement: Statement) -> None:
    """Let Django build the QuerySet; turn what it raises into adj's own errors."""
    check_name_types(statement)
    try:
        build(statement)
    except FieldError as error:
        _raise_unknown_name(_up_to_refused(statement), error)
    except NotSupportedError as error:
        raise UnsupportedFeature(query=query_text(statement), reason=_sentence(error)) from error
    except (TypeError, ValueError, ValidationError) as error:
        _raise_misfit(statement, error)
    check_late_names(statement)


def _up_to_refused(statement: Statement) -> Statement:
    """The same up to the annotation that Django refuses, where one call gives several: each may name those before."""
    *clauses, last = statement.clauses
    if not isinstance(last, ask.Annotate):
        return statement
    for args, kwargs in ((last.args, {}), *(((), {name: given}) for name, given in last.kwargs.items())):
        clauses.append(replace(last, args=args, kwargs=kwargs))
        shorter = replace(statement, clauses=tuple(clauses))
        try:
            build(shorter)
        except FieldError:
            return shorter
    return statement


def _raise_unknown_name(statement: Statement, error: FieldError) -> NoReturn:
    """Find the name that Django objects to, and say what there is instead."""
    known = known_names(statement)
    for path in paths(statement.clauses[-1]):
        if path and not begins_with(path, known):
            try:
                resolve(statement.model, path)
            except UnknownField as unknown:
                raise _with_choices(unknown, statement, known) from error
            except FieldError as unknown:
                raise unknown from error
    raise error


def _with_choices(unknown: UnknownField, statement: Statement, known: frozenset[str]) -> UnknownField:
    """Annotations are choices too, where the model itself is asked."""
    if unknown.model != statement.model.__name__ or not known:
        return unknown
    return UnknownField(model=unknown.model, path=unknown.path, part=unknown.part, choices=(*unknown.choices, *known))


def _raise_misfit(statement: Statement, error: Exception) -> NoReturn:
    clause = statement.clauses[-1]
    is_condition = isinstance(clause, (ask.Filter, ask.ComplexFilter))
    if is_condition and (culprits := list(_culprits(statement))):
        path, operand = culprits[0]
        kind = InvalidFormat if isinstance(error, ValidationError) else InvalidOperand
        raise kind(
            model=statement.model.__name__,
            path=path,
            expected=expected(statement.model, path),
            got=_kind_of(operand),
        ) from error
    if isinstance(error, TypeError):
        raise ShapeError(query=query_text(statement), reason=_sentence(error), advice=_advice(statement)) from error
    raise error


def _culprits(statement: Statement) -> Iterator[tuple[str, object]]:
    """The conditions of the last clause that Django refuses by themselves."""
    before = Statement(statement.model, statement.base, statement.clauses[:-1], statement.alias)
    for path, operand in conditions(statement.clauses[-1]):
        try:
            build(before.with_clause(ask.Filter((), {path: operand})))
        except (TypeError, ValueError, ValidationError):
            if not _is_refused(before):
                yield path, operand
        except FieldError:
            continue


def _is_refused(statement: Statement) -> bool:
    """Whether the statement takes no condition at all, as after a slice."""
    try:
        build(statement.with_clause(ask.Filter((), {"pk__isnull": False})))
    except (TypeError, ValueError):
        return True
    return False


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."


def _advice(statement: Statement) -> str:
    earlier = statement.clauses[:-1]
    if any(isinstance(clause, ask.Slice) for clause in earlier):
        return "Slice last: put [start:stop] after the other clauses."
    if any(isinstance(clause, (ask.Values, ask.ValuesList)) for clause in earlier):
        return "Choose one: values() and values_list() name the columns themselves."
    if any(isinstance(clause, ask.Combine) for clause in earlier):
        return "Put this clause on the queries before they are combined."
    return "Leave this clause out, or put it elsewhere in the chain."


def _kind_of(operand: object) -> str:
    if isinstance(operand, (list, tuple, set, frozenset)):
        kinds = sorted({type(item).__name__ for item in operand})
        return f"{type(operand).__name__} of {', '.join(kinds) or 'nothing'}"
    kind = type(operand).__name__
    is_unsaved = hasattr(operand, "_meta") and getattr(operand, "pk", 0) is None
    return f"an unsaved {kind}" if is_unsaved else kind
