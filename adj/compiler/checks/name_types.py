"""Whether the arguments that must be names or queries are; passing a list of names is a common mistake."""

from __future__ import annotations

from django.db.models import FilteredRelation, Prefetch, QuerySet

from adj.errors import ShapeError
from adj.statement.clauses import Clause
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder
from adj.statement.text import query_text


def check_name_types(statement: Statement) -> None:
    """Check the type of each name and query among the arguments of the last clause.

    Raises `ShapeError`, and `ValueError` for a query in a `FilteredRelation`, as Django does.
    """
    clause = statement.clauses[-1]
    wrong = [name for name in clause.all_names() if not clause.takes(name)]
    # `defer(None)`, `select_related(None)` and `prefetch_related(None)` clear; other methods leave None to Django.
    if wrong and not (len(wrong) == 1 and wrong[0] is None):
        raise ShapeError(
            query=query_text(statement),
            reason=f"{clause.method}() expects names; got {type(wrong[0]).__name__}.",
            advice="Pass each name as a separate argument, and a list as `*names`.",
        )
    for lookup in clause.all_names():
        queryset = lookup.queryset if isinstance(lookup, Prefetch) else None
        if queryset is not None and not isinstance(queryset, (QuerySet, StatementHolder)):
            raise ShapeError(
                query=query_text(statement),
                reason=f"Prefetch() expects a query or a QuerySet; got {type(queryset).__name__}.",
                advice="Pass a query of the related model.",
            )
    if any(map(_holds_query, _conditions_of_relations(clause))):
        # Django's own check recognizes QuerySets only.
        raise ValueError("Passing a QuerySet within a FilteredRelation is not supported.")


def _conditions_of_relations(clause: Clause) -> list[object]:
    relations = [expression for expression in clause.all_expressions() if isinstance(expression, FilteredRelation)]
    return [operand for relation in relations for operand in relation.condition.flatten()]


def _holds_query(operand: object) -> bool:
    return isinstance(operand, StatementHolder)
