"""The few functions a user starts from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, overload

from django.db.models import Manager, Model, QuerySet

from adj.compiler.django.django_path import statement_of, statement_of_manager
from adj.compiler.keys.overrides import queryset_class_of, terminals_of_every_row
from adj.compiler.relations.related_managers import check_usable
from adj.query.async_query import AsyncQuery, query_of
from adj.statement.statement import Statement
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

    A model starts from its default manager, as `Book.objects` does; a manager or QuerySet keeps its conditions:
    `q(Book.objects.published())`. Methods that a manager or its QuerySet class defines itself are called, as Django
    calls them. Raises `UnusableModel` for an abstract or a swapped model, and `TypeError` for anything else.
    """
    if isinstance(source, type) and issubclass(source, Model):
        return _of_model(source)
    if isinstance(source, AsyncQuery):
        # It may be a manager, which gives a query.
        return source.all() if hasattr(source, "get_queryset") else source
    if isinstance(source, QuerySet):
        return query_of(statement_of(source))
    # Related managers and managers made by from_queryset() share no base class that says so.
    if hasattr(source, "get_queryset"):
        return query_of(statement_of_manager(source))
    raise TypeError(f"q() takes a model, a manager or a QuerySet, not {type(source).__name__}.")


def _of_model(model: Any) -> AsyncQuery[Any, Any]:
    check_usable(model)
    manager = model._default_manager
    terminals = terminals_of_every_row(manager)
    if terminals is None:
        return query_of(statement_of_manager(manager))
    # A base says which terminal methods the class has of its own.
    return _of_every_row(model, queryset_class_of(manager) if terminals else None)


@lru_cache(maxsize=1_024)
def _of_every_row(model: type[Model], queryset_class: Any) -> AsyncQuery[Any, Any]:
    """A query is immutable, so that one of each model is enough."""
    return query_of(Statement(model, None if queryset_class is None else queryset_class(model=model)))
