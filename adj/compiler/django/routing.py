"""Which database a question goes to.

Private Django API used here: `QuerySet._db`, `QuerySet._hints`, `RawQuerySet._db`, `RawQuerySet._hints`,
`RawQuerySet._prefetch_related_lookups`.
"""

from __future__ import annotations

from typing import Any

from django.db import router

from adj.statement.clauses import Lock
from adj.statement.statement import Statement


def alias_of(statement: Statement, *, writes: bool = False) -> str:
    """The alias a statement goes to: what `using()` named, what its QuerySet is bound to, or what the router says.

    The router is asked where to write for what locks rows as well, as Django asks it.
    """
    if statement.alias is not None:
        return statement.alias
    writes = writes or any(isinstance(clause, Lock) for clause in statement.clauses)
    base: Any = statement.base
    if base is None:
        return (router.db_for_write if writes else router.db_for_read)(statement.model)
    if not writes:
        return str(base.db)
    return base._db or router.db_for_write(statement.model, **base._hints)


def alias_of_raw(queryset: Any) -> str:
    """The alias that hand-written SQL goes to."""
    return queryset._db or router.db_for_read(queryset.model, **queryset._hints)


def raw_copy(queryset: Any) -> Any:
    """A RawQuerySet without rows that were fetched through it."""
    copied = queryset.using(queryset._db)
    # using() gives a query of its own, but leaves these behind.
    copied._prefetch_related_lookups, copied._hints = queryset._prefetch_related_lookups, queryset._hints
    return copied
