"""`get_object_or_404()` and `get_list_or_404()`: Django's shortcuts for views, on adj's engine."""

from __future__ import annotations

from typing import Any, overload

from django.db.models import Manager, QuerySet
from django.http import Http404
from django.utils.translation import gettext

from adj.query.async_query import AsyncQuery
from adj.query.entry import q
from adj.typevars import M, R


@overload
async def get_object_or_404(source: AsyncQuery[M, R], /, *args: object, **kwargs: object) -> R: ...
@overload
async def get_object_or_404(source: QuerySet[M, R], /, *args: object, **kwargs: object) -> R: ...
@overload
async def get_object_or_404(source: Manager[M], /, *args: object, **kwargs: object) -> M: ...
@overload
async def get_object_or_404(source: type[M], /, *args: object, **kwargs: object) -> M: ...
async def get_object_or_404(source: Any, /, *args: object, **kwargs: object) -> Any:
    """Return the single row of `source` that matches the conditions.

    `source` is a model, a manager, a QuerySet or a query. Raises `Http404` if no row matches, and the
    model's `MultipleObjectsReturned` if several do.
    """
    query = q(source)
    try:
        return await query.aget(*args, **kwargs)
    except query.model.DoesNotExist:
        raise _not_found(query) from None


@overload
async def get_list_or_404(source: AsyncQuery[M, R], /, *args: object, **kwargs: object) -> list[R]: ...
@overload
async def get_list_or_404(source: QuerySet[M, R], /, *args: object, **kwargs: object) -> list[R]: ...
@overload
async def get_list_or_404(source: Manager[M], /, *args: object, **kwargs: object) -> list[M]: ...
@overload
async def get_list_or_404(source: type[M], /, *args: object, **kwargs: object) -> list[M]: ...
async def get_list_or_404(source: Any, /, *args: object, **kwargs: object) -> list[Any]:
    """Return all rows of `source` that match the conditions. Raises `Http404` if there are none.

    `source` is a model, a manager, a QuerySet or a query.
    """
    query = q(source)
    rows = await query.filter(*args, **kwargs).run()
    if not rows:
        raise _not_found(query)
    return rows


def _not_found(query: AsyncQuery[Any, Any]) -> Http404:
    """The error with Django's own message, which is translated."""
    return Http404(gettext("No %s matches the given query.") % query.model._meta.object_name)
