"""The paths that a clause names, and the names that are no fields.

Private Django API used here: `Query._filtered_relations`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import OuterRef

from adj import statement as ask
from adj.compiler.clauses import DjangoQuerySet


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
    # Not by recursion: a Q may be nested as deeply as Django allows.
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple):
            yield found
        elif isinstance(found, Q):
            waiting.extend(reversed(found.children))


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
    waiting = [node]
    while waiting:
        found: Any = waiting.pop()
        if isinstance(found, OuterRef):
            continue
        if isinstance(found, F):
            reference: Any = found
            yield reference.name
        elif isinstance(found, Q):
            for path, operand in reversed(list(_q_conditions(found))):
                # An F stands for the path itself.
                waiting.extend((operand, F(path)))
        elif hasattr(found, "get_source_expressions"):
            waiting.extend(reversed(found.get_source_expressions()))
