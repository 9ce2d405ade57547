"""Whether what stands where names and queries belong is one: a list of names is the usual mistake."""

from __future__ import annotations

from django.db.models import FilteredRelation, Prefetch, QuerySet

from adj.errors import ShapeError
from adj.statement.clauses import Clause
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder
from adj.statement.text import query_text


def check_name_types(statement: Statement) -> None:
    """Check the arguments of the last clause, where it takes names or queries.

    Raises `ShapeError`, and `ValueError` for a query in a `FilteredRelation`, as Django does.
    """
    clause = statement.clauses[-1]
    wrong = [name for name in clause.all_names() if not clause.takes(name)]
    # `defer(None)` and its like clear; where they do not, Django says so.
    if wrong and not (len(wrong) == 1 and wrong[0] is None):
        raise ShapeError(
            query=query_text(statement),
            reason=f"{clause.method}() takes names, got {type(wrong[0]).__name__}.",
            advice="Give each name as an argument of its own, and those of a list as `*names`.",
        )
    for lookup in clause.all_names():
        queryset = lookup.queryset if isinstance(lookup, Prefetch) else None
        if queryset is not None and not isinstance(queryset, (QuerySet, StatementHolder)):
            raise ShapeError(
                query=query_text(statement),
                reason=f"Prefetch() takes a query, got {type(queryset).__name__}.",
                advice="Give it a query or a QuerySet of the related model.",
            )
    if any(map(_holds_query, _conditions_of_relations(clause))):
        # Django looks for its own class.
        raise ValueError("Passing a QuerySet within a FilteredRelation is not supported.")


def _conditions_of_relations(clause: Clause) -> list[object]:
    relations = [found for found in clause.all_expressions() if isinstance(found, FilteredRelation)]
    return [operand for relation in relations for operand in relation.condition.flatten()]


def _holds_query(operand: object) -> bool:
    return isinstance(operand, StatementHolder)
