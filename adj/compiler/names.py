"""The paths that a clause names, and the names that are no fields.

Private Django API used here: `Query._filtered_relations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import OuterRef

from adj import statement as ask
from adj.compiler.build import build
from adj.statement import Statement


def known_names(statement: Statement) -> frozenset[str]:
    """Names that are no fields: annotations, filtered relations, extra columns."""
    before = Statement(statement.model, statement.base, statement.clauses[:-1], statement.alias)
    query: Any = build(before).query
    return frozenset({*query.annotations, *query.extra, *query._filtered_relations})


def begins_with(path: str, known: frozenset[str]) -> bool:
    """Whether a path begins with a name that is no field."""
    return any(path == name or path.startswith(f"{name}__") for name in known)


def conditions(clause: Any) -> Iterator[tuple[str, object]]:
    """The `(path, operand)` pairs of a filter."""
    if isinstance(clause, ask.ComplexFilter):
        condition: Any = clause.condition
        yield from condition.items() if isinstance(condition, dict) else _q_conditions(condition)
        return
    for argument in clause.args:
        yield from _q_conditions(argument)
    yield from sorted(clause.kwargs.items())


def _q_conditions(node: Any) -> Iterator[tuple[str, object]]:
    if isinstance(node, Q):
        for child in node.children:
            if isinstance(child, tuple):
                yield child
            else:
                yield from _q_conditions(child)


def paths(clause: Any) -> Iterator[str]:
    """Every path that a clause names, in its conditions, its names and its expressions."""
    match clause:
        case ask.Filter() | ask.ComplexFilter():
            for path, operand in conditions(clause):
                yield path
                yield from _expression_paths(operand)
            for argument in getattr(clause, "args", ()):
                yield from _expression_paths(argument)
        case ask.Annotate():
            for expression in (*clause.args, *clause.kwargs.values()):
                yield from _expression_paths(expression)
        case ask.Values():
            yield from _name_paths(clause.names)
            for expression in clause.expressions.values():
                yield from _expression_paths(expression)
        case ask.OrderBy() | ask.Distinct() | ask.ValuesList() | ask.Only() | ask.Defer():
            yield from _name_paths(clause.names)
        case ask.Dates() | ask.Datetimes():
            yield clause.name
        case _:
            return


def _name_paths(names: tuple[object, ...]) -> Iterator[str]:
    for name in names:
        if isinstance(name, str):
            yield name.lstrip("-+").replace("?", "")
        else:
            yield from _expression_paths(name)


def _expression_paths(node: Any) -> Iterator[str]:
    if isinstance(node, OuterRef):
        return
    if isinstance(node, F):
        reference: Any = node
        yield reference.name
    elif isinstance(node, Q):
        for path, operand in _q_conditions(node):
            yield path
            yield from _expression_paths(operand)
    elif hasattr(node, "get_source_expressions"):
        for source in node.get_source_expressions():
            yield from _expression_paths(source)
