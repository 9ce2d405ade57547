"""Which database a statement runs on.

Private Django API used here: `QuerySet._db`, `QuerySet._hints`, `RawQuerySet._db`, `RawQuerySet._hints`,
`RawQuerySet._prefetch_related_lookups`.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import router
from django.db.models import Model
from django.db.models.query import RawQuerySet

from adj.django_types import PrivateRawQuerySet
from adj.statement.clauses import Lock
from adj.statement.statement import Statement
from adj.typevars import M


def alias_of(statement: Statement, *, writes: bool = False) -> str:
    """The alias a statement runs on: from `using()`, its QuerySet, or the router.

    For a statement that locks rows, `db_for_write()` of the router decides, as in Django.
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


def alias_of_raw(queryset: RawQuerySet[Any]) -> str:
    """The alias that a raw query runs on."""
    raw = cast("PrivateRawQuerySet", queryset)
    return raw._db or router.db_for_read(cast("type[Model]", raw.model), **raw._hints)


def raw_copy(queryset: RawQuerySet[M]) -> RawQuerySet[M]:
    """A copy of a RawQuerySet without fetched rows."""
    original = cast("PrivateRawQuerySet", queryset)
    copied = original.using(original._db)
    # using() copies the query, but not these.
    copied._prefetch_related_lookups, copied._hints = original._prefetch_related_lookups, original._hints
    return copied
