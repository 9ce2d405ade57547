"""`q()`, which starts a query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, overload

from django.db.models import Manager, Model, QuerySet

from adj.compiler.django.django_path import statement_of, statement_of_manager
from adj.compiler.keys.overrides import queryset_class_of, terminals_of_every_row
from adj.compiler.relations.related_managers import check_usable
from adj.query.async_query import AsyncQuery, query_of
from adj.statement.clauses import DjangoQuerySet
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
    """Start a query of a model, or of the rows of a manager or a QuerySet.

    ```python
    books = await q(Book).filter(pages__gt=200).run()
    published = await q(Book.objects.published()).acount()
    ```

    `source` is a model, whose default manager is used; a manager or a QuerySet, which keeps its conditions; or a query,
    which is returned as it is. Methods that a project's manager or QuerySet class overrides are called as Django calls
    them. Raises `UnusableModel` for an abstract or swapped model, and `TypeError` for any other value.
    """
    if isinstance(source, type) and issubclass(source, Model):
        return _of_model(source)
    if isinstance(source, AsyncQuery):
        # An AsyncManager is a query as well; its rows start a new one.
        return source.all() if hasattr(source, "get_queryset") else source
    if isinstance(source, QuerySet):
        return query_of(statement_of(source))
    # Related managers and classes created by from_queryset() have no base class in common that would identify them.
    if hasattr(source, "get_queryset"):
        return query_of(statement_of_manager(source))
    raise TypeError(f"q() expects a model, a manager, a QuerySet or a query; got {type(source).__name__}.")


def _of_model(model: type[M]) -> AsyncQuery[M, M]:
    check_usable(model)
    manager = model._default_manager
    terminals = terminals_of_every_row(manager)
    if terminals is None:
        return query_of(statement_of_manager(manager))
    # The statement's base tells which terminal methods the project's QuerySet class overrides.
    return _of_every_row(model, queryset_class_of(manager) if terminals else None)


@lru_cache(maxsize=1_024)
def _of_every_row(model: type[Model], queryset_class: type[DjangoQuerySet] | None) -> AsyncQuery[Any, Any]:
    """The query of all rows, cached by model, since queries are immutable."""
    return query_of(Statement(model, None if queryset_class is None else queryset_class(model=model)))
