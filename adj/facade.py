"""The few functions a user starts from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, overload

from django.db.models import Manager, Model, QuerySet

from adj.compiler.build import has_plain_manager
from adj.compiler.managers import check_usable
from adj.query import AsyncQuery, query_of, statement_of
from adj.statement import Statement
from adj.typevars import M, R


@overload
def q(source: AsyncQuery[M, R]) -> AsyncQuery[M, R]: ...
@overload
def q(source: QuerySet[M, R]) -> AsyncQuery[M, R]: ...
@overload
def q(source: Manager[M]) -> AsyncQuery[M, M]: ...
@overload
def q(source: type[M]) -> AsyncQuery[M, M]: ...
def q(source: Any) -> AsyncQuery[Any, Any]:
    """A query about a model, a manager's rows or a QuerySet's rows.

    A model starts from its default manager, as `Book.objects.all()` does; a manager or QuerySet keeps its conditions:
    `q(Book.objects.published())`. Raises `UnusableModel` for an abstract or a swapped model, and `TypeError` for
    anything else.
    """
    if isinstance(source, type) and issubclass(source, Model):
        return _of_model(source)
    if isinstance(source, AsyncQuery):
        # It may be a manager, which gives a query.
        return source.all()
    if isinstance(source, QuerySet):
        return _of_queryset(source)
    # Related managers and managers made by from_queryset() share no base class that says so.
    if hasattr(source, "get_queryset"):
        return _of_queryset(source.get_queryset())
    raise TypeError(f"q() takes a model, a manager or a QuerySet, not {type(source).__name__}.")


def _of_model(model: Any) -> AsyncQuery[Any, Any]:
    check_usable(model)
    return _of_every_row(model) if has_plain_manager(model) else _of_queryset(model._default_manager.get_queryset())


@lru_cache(maxsize=1_024)
def _of_every_row(model: type[Model]) -> AsyncQuery[Any, Any]:
    """A query is immutable, so that one of each model is enough."""
    return query_of(Statement(model))


def _of_queryset(queryset: QuerySet[Any, Any]) -> AsyncQuery[Any, Any]:
    return query_of(statement_of(queryset))
