"""The paths that a clause names, and the names that are no fields.

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
    """Whether a path begins with a name that is no field."""
    # The beginnings of the path are looked up, since the names may be many.
    end = len(path)
    while end != -1:
        if path[:end] in known:
            return True
        end = path.rfind("__", 0, end + 1)
    return False


def paths(clause: Clause) -> Iterator[str]:
    """Every path that a clause names, in its conditions, its names and its expressions."""
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


def _expression_paths(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        found: Any = waiting.pop()
        if isinstance(found, OuterRef):
            continue
        if isinstance(found, F):
            reference: Any = found
            yield reference.name
        elif isinstance(found, Q):
            for path, operand in reversed(list(conditions_of(found))):
                # An F stands for the path itself.
                waiting.extend((operand, F(path)))
        elif hasattr(found, "get_source_expressions"):
            # An object that only looks like an expression may return anything.
            sources = found.get_source_expressions()
            waiting.extend(reversed(sources) if isinstance(sources, (list, tuple)) else ())
