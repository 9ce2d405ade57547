"""Arguments of a type that their query method does not accept, where Django's own error does not say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import FieldError
from django.db.models import DateField, DateTimeField, Field, Model

from adj.errors import InvalidOrder, ShapeError
from adj.schema.paths import resolve
from adj.statement import clauses
from adj.statement.clauses.clause import is_name_or_expression


class Problem(NamedTuple):
    """What is wrong with an argument, and what to write instead."""

    reason: str
    advice: str
    error: type[ShapeError] = ShapeError


def problem_of_arguments(model: type[Model], clause: clauses.Clause) -> Problem | None:
    """The first argument of a clause that has the wrong type; None if Django's own error has to do."""
    match clause:
        case clauses.Filter():
            return next(_problems_of_conditions(model, clause), None)
        case clauses.Annotate():
            return _problem_of_expressions(model, clause.method, clause.args, clause.kwargs)
        case clauses.Values():
            return _problem_of_expressions(model, clause.word, (), clause.expressions)
        case clauses.OrderBy():
            return problem_of_order(clause.word, clause.names)
        case clauses.Dates():
            return _problem_of_truncation(model, clause.word, clause.name, DateField)
        case clauses.Datetimes():
            return _problem_of_truncation(model, clause.word, clause.name, DateTimeField)
        case _:
            return None


def _problems_of_conditions(model: type[Model], clause: clauses.Filter) -> Iterator[Problem]:
    method = clause.method
    for argument in clause.args:
        if not _is_condition(argument):
            reason = (
                f"{method}() expects lookups as keyword arguments, Q objects or conditional expressions; "
                f"got {type(argument).__name__}."
            )
            name = argument if _is_path(model, argument) else "field"
            yield Problem(reason, f"Write a lookup as {method}({name}=value).")


def _is_condition(argument: object) -> bool:
    is_pair = isinstance(argument, (tuple, list)) and len(argument) == 2
    return is_pair or hasattr(argument, "resolve_expression")


def _problem_of_expressions(
    model: type[Model], method: str, args: Iterable[object], kwargs: Mapping[str, object]
) -> Problem | None:
    for value, field in _plain_values(model, args, kwargs):
        return Problem(
            f"{method}() expects expressions; got {value}.",
            f'Write F("{field}") for the value of a field, or Value(...) for a constant.',
        )
    return None


def problem_of_aggregates(model: type[Model], args: Iterable[object], kwargs: Mapping[str, object]) -> Problem | None:
    """The first argument of `aaggregate()` that is not an expression."""
    for value, field in _plain_values(model, args, kwargs):
        return Problem(
            f"aaggregate() expects aggregates; got {value}.", f'Write Count("{field}"), or another aggregate.'
        )
    return None


def _plain_values(
    model: type[Model], args: Iterable[object], kwargs: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """The arguments that are not expressions: what each is, and the field that it names."""
    for name, argument in [*((None, argument) for argument in args), *kwargs.items()]:
        if not hasattr(argument, "resolve_expression"):
            value = type(argument).__name__ if name is None else f"{type(argument).__name__} for {name!r}"
            yield value, argument if _is_path(model, argument) else "field"


def problem_of_order(method: str, names: Iterable[object]) -> Problem | None:
    """The first argument of `order_by()`, or of a terminal method that sorts, that cannot stand for an order."""
    wrong = [name for name in names if not is_name_or_expression(name)]
    if not wrong:
        return None
    return Problem(
        f"{method}() expects names or expressions; got {type(wrong[0]).__name__}.",
        "Pass each name as a separate argument, and a list as `*names`.",
        InvalidOrder,
    )


def _problem_of_truncation(model: type[Model], method: str, name: str, accepted: type[object]) -> Problem | None:
    if not _is_path(model, name) or isinstance(field := resolve(model, name).output, accepted):
        return None
    fields: Iterable[Field[Any, Any]] = model._meta.concrete_fields
    names = [field.name for field in fields if isinstance(field, accepted)]
    word = accepted.__name__
    return Problem(
        f'{method}() expects the name of a {word}; "{name}" is a {type(field).__name__}.',
        f"{word}s of {model.__name__} are: {', '.join(names)}." if names else f"{model.__name__} has no {word}.",
    )


def _is_path(model: type[Model], value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        resolve(model, value)
    except FieldError:
        return False
    return True
