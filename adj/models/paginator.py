"""Django's AsyncPaginator, typed for adj's queries. It requires Django 6.0, and cannot be imported before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from django.core.paginator import AsyncPaginator as DjangoAsyncPaginator

from adj.query.async_query import AsyncQuery
from adj.typevars import T

if TYPE_CHECKING:

    class _Base(DjangoAsyncPaginator[T]): ...

else:

    class _Base(DjangoAsyncPaginator, Generic[T]):
        """At run time Django's class takes no type arguments."""


class AsyncPaginator(_Base[T]):
    """Django's pages by number: `AsyncPaginator(q(Book).order_by("title"), 25)`.

    Django's own class accepts a query as well, but its type does not. `per_page` and `orphans` are numbers of rows.
    """

    def __init__(
        self,
        object_list: AsyncQuery[Any, T],
        per_page: int | str,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
        error_messages: dict[str, Any] | None = None,  # strings, or lazy translations
    ) -> None:
        queries: Any = object_list
        super().__init__(queries, per_page, orphans, allow_empty_first_page, error_messages)
