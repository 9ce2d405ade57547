"""Truth values: of queries, which have none, and of coroutines, which are always true."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

import adj
from adj import AsyncQuery, q
from tests.shop.models import Author, Book


class Service:
    """Holds a query."""

    query: AsyncQuery[Book] | None = None

    async def rows(self) -> list[Book]:
        """Run the query, if there is one."""
        return [] if self.query is None else await self.query.run()


async def a_coroutine_in_a_condition() -> None:
    if q(Book).aexists():
        # E: aexists() returns a coroutine, which is always true; add await  [adj-truth]
        # E: "aexists" returns "Coroutine[Any, Any, bool]" which does not implement __bool__ or __len__ so it...
        pass
    while not q(Book).filter(pages=1).afirst():
        # E: afirst() returns a coroutine, which is always true; add await  [adj-truth]
        # E: "afirst" returns "Coroutine[Any, Any, Book[Row[Has[Nothing]]] | None]" which does not implement...
        pass
    if await q(Book).aexists() or not await q(Book).afirst():
        pass


async def a_coroutine_in_a_variable() -> None:
    exists = q(Book).aexists()
    if exists:
        # E: aexists() returns a coroutine, which is always true; add await  [adj-truth]
        # E: "exists" has type "Coroutine[Any, Any, bool]" which does not implement __bool__ or __len__ so it...
        pass
    found = await q(Book).aexists()
    if found:
        pass


async def a_query_in_a_condition(query: AsyncQuery[Book]) -> None:
    if query:
        # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
        # E: "query" has type "AsyncQuery[Book, Book]" which does not implement __bool__ or __len__ so it...
        await query.run()
    assert q(Book)
    # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
    # E: "adj.query.entry.q" returns "AsyncQuery[Book, Book[Row[Has[Nothing]]]]" which does not implement...
    if await query.aexists():
        pass


async def the_other_places(query: AsyncQuery[Book], number: int) -> object:
    print(not query)
    # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
    # E: "query" has type "AsyncQuery[Book, Book]" which does not implement __bool__ or __len__ so it...
    print(1 if query.filter(pages=1) else 2)
    # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
    # E: "filter" returns "AsyncQuery[Book, Book]" which does not implement __bool__ or __len__ so it...
    print([each for each in range(3) if q(Book).filter(pages=each)])
    # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
    # E: "filter" returns "AsyncQuery[Book, Book[Row[Has[Nothing]]]]" which does not implement __bool__ or...
    bool(q(Book))  # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
    return number and q(Book)


async def a_query_or_another(query: AsyncQuery[Book] | None) -> None:
    other = query or q(Book)
    # E: A query has no truth value until it has run. Use `await query.aexists()`. To find out whether there...
    await other.run()
    if query:
        # E: A query has no truth value until it has run. Use `await query.aexists()`. To find out whether there...
        await query.run()


async def a_query_or_none(query: AsyncQuery[Book] | None, service: Service) -> None:
    query = q(Book) if query is None else query
    await query.run()
    if service.query is not None and await service.query.aexists():
        await service.query.run()


async def an_attribute(service: Service) -> None:
    if service.query:
        # E: A query has no truth value until it has run. Use `await query.aexists()`. To find out whether there...
        await service.query.run()


async def a_variable_with_a_query() -> None:
    books = q(Book).filter(pages=1)
    if books:
        # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
        # E: "books" has type "AsyncQuery[Book, Book[Row[Has[Nothing]]]]" which does not implement __bool__ or...
        pass


async def a_match(book: Book) -> None:
    match book:
        case Book() if q(Author):
            # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
            # E: "adj.query.entry.q" returns "AsyncQuery[Author, Author[Row[Has[Nothing]]]]" which does not...
            pass
        case _:
            pass


async def other_values(books: list[Book] | AsyncQuery[Book], rows: QuerySet[Book], anything: Any) -> None:
    if books or rows or anything:
        pass
    found = await q(Book).run()
    first = await q(Book).afirst()
    count = await q(Book).acount()
    if found and first and count:
        pass
    if await adj.load(found, "author"):
        pass


async def what_a_variable_holds_later(query: AsyncQuery[Book], number: int) -> None:
    value: object = q(Book)
    value = await query.run() if number else 0
    if value:
        pass


def a_query_that_a_condition_mentions(query: AsyncQuery[Book] | None) -> bool:
    return query is None or q(Book) == query
