"""The query of a deletion as in Django's `delete()`, and whether one statement is enough.

Private Django API used here: `QuerySet._chain`, `QuerySet._fields`, `QuerySet._for_write`,
`QuerySet._not_support_combined_queries`, `Query.clear_ordering`, `Collector.can_fast_delete`.
"""

from __future__ import annotations

from typing import cast

from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector

from adj.django_types import PrivateQuerySet
from adj.djangos import is_djangos
from adj.statement.clauses import DjangoQuerySet


def deletion_query(queryset: DjangoQuerySet) -> DjangoQuerySet:
    """The query of `delete()`. Raises `TypeError` as Django does, with its messages."""
    private = cast("PrivateQuerySet", queryset)
    private._not_support_combined_queries("delete")
    if private.query.is_sliced:
        raise TypeError("Cannot use 'limit' or 'offset' with delete().")
    if private.query.distinct_fields:
        raise TypeError("Cannot call delete() after .distinct(*fields).")
    if private._fields is not None:
        raise TypeError("Cannot call delete() after .values() or .values_list()")
    deleted = private._chain()
    deleted._for_write = True
    deleted.query.select_for_update = False
    deleted.query.select_related = False
    deleted.query.clear_ordering(force=True)
    return deleted


def is_one_statement(model: type[Model], alias: str) -> bool:
    """Whether one DELETE is enough for a model: no cascades, no parent models, no signal receivers."""
    if not all(map(is_djangos, (Collector.can_fast_delete, Collector.collect, Collector.delete))):
        # A package that replaces these methods observes every deletion.
        return False
    rows: DjangoQuerySet = QuerySet(model)
    return bool(Collector(using=alias).can_fast_delete(rows))
