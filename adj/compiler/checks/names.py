"""The paths in a clause, and the names in a QuerySet that are not fields.

Private Django API used here: `Query._filtered_relations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import OuterRef

from adj.statement.clauses import Clause, DjangoQuerySet, conditions_of


def names_in(queryset: DjangoQuerySet) -> frozenset[str]:
    """The names in a QuerySet that are not fields: annotations, filtered relations, extra columns."""
    query: Any = queryset.query
    return frozenset({*query.annotations, *query.extra, *query._filtered_relations})


def begins_with(path: str, known: AbstractSet[str]) -> bool:
    """Whether a path begins with one of these names."""
    # Looks up the beginnings of the path, since there may be many names.
    end = len(path)
    while end != -1:
        if path[:end] in known:
            return True
        end = path.rfind("__", 0, end + 1)
    return False


def paths(clause: Clause) -> Iterator[str]:
    """All paths in a clause: in its conditions, its names and its expressions."""
    for path, operand in clause.conditions():
        yield path
        yield from _expression_paths(operand)
    yield from _name_paths(clause.all_names())
    for expression in clause.all_expressions():
        yield from _expression_paths(expression)


def _name_paths(names: tuple[object, ...]) -> Iterator[str]:
    for name in names:
        if isinstance(name, str):
            yield name.lstrip("-+").replace("?", "")
        else:
            yield from _expression_paths(name)


def _expression_paths(node: object) -> Iterator[str]:
    waiting = [node]
    while waiting:
        expression: Any = waiting.pop()
        if isinstance(expression, OuterRef):
            continue
        if isinstance(expression, F):
            reference: Any = expression
            yield reference.name
        elif isinstance(expression, Q):
            for path, operand in reversed(list(conditions_of(expression))):
                # The F yields the path itself.
                waiting.extend((operand, F(path)))
        elif hasattr(expression, "get_source_expressions"):
            # A project's object with this method may return any value.
            sources = expression.get_source_expressions()
            waiting.extend(reversed(sources) if isinstance(sources, (list, tuple)) else ())
