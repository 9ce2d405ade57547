"""Caches the QuerySet of a query that was checked, so that the next query method builds one clause only.

It is built only to check clauses. It never becomes SQL, and users never see it: queries that run are always built from
the statement at that moment.
"""

from __future__ import annotations

from adj.compiler.django.build import base_of, innermost_first
from adj.compiler.django.substitute import WithBuiltQueries
from adj.statement.clauses import Clause, DjangoQuerySet
from adj.statement.structure import Partial, StatementHolder


def kept_queryset(query: StatementHolder) -> DjangoQuerySet:
    """The QuerySet of a query. Clauses that are not in the cached QuerySet are added and cached."""
    for nested in innermost_first(_unbuilt_clauses(query), _unbuilt_clauses):
        _keep(nested)
    return _keep(query)


def with_clause(queryset: DjangoQuerySet, clause: Clause) -> DjangoQuerySet:
    """A QuerySet with one more clause, whose nested queries use their cached QuerySets."""
    for nested in innermost_first((clause,), _unbuilt_clauses):
        _keep(nested)
    return clause.applied(queryset, _OPERANDS)


def _unbuilt_clauses(query: StatementHolder) -> tuple[Clause, ...]:
    partial = query._partial
    return query.statement.clauses if partial is None else query.statement.clauses[partial.count :]


def _keep(query: StatementHolder) -> DjangoQuerySet:
    """Two threads may do this at the same time: their results are equal, and either may stay."""
    statement, partial = query.statement, query._partial
    count = 0 if partial is None else partial.count
    queryset = base_of(statement) if partial is None else partial.queryset
    clauses = statement.clauses[count:]
    for clause in clauses:
        queryset = clause.applied(queryset, _OPERANDS)
    if clauses:
        query._partial = Partial(count + len(clauses), queryset)
    return queryset


_OPERANDS = WithBuiltQueries(kept_queryset)
