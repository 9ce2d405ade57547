"""Queries that are used like a QuerySet: mypy says what the runtime says."""

from __future__ import annotations

from typing import Any

from adj import AsyncQuery, q
from tests.shop.models import Book
from typecheck_tests.plugin.library.models import Person


class Paged(AsyncQuery[Book]):
    """Has a method with the name of a QuerySet's."""

    def get(self, number: int) -> int:
        return number


async def a_loop(query: AsyncQuery[Book]) -> None:
    for book in q(Book).filter(pages=1):
        # E: A query cannot be iterated with `for`. Use `async for`, or `for row in await query.run()`.  [adj-shape]
        print(book)
    print([book for book in query])
    # E: A query cannot be iterated with `for`. Use `async for`, or `for row in await query.run()`.  [adj-shape]
    async for book in query:
        print(book.pages)
    for book in await query.run():
        print(book.pages)


async def awaiting(query: AsyncQuery[Book]) -> None:
    print(await q(Book))  # E: A query cannot be awaited. Add .run(): `await query.run()`.  [adj-shape]
    rows = await query.filter(pages=1)  # E: A query cannot be awaited. Add .run(): `await query.run()`.  [adj-shape]
    print(rows)
    print(await query.filter(pages=1).run())


async def methods(query: AsyncQuery[Book]) -> None:
    query.get(pk=1)
    # E: "AsyncQuery" has no attribute "get"; use `await query.aget()`, or `query.queryset` in synchronous...
    q(Book).filter(pages=1).update(pages=2)
    # E: "AsyncQuery" has no attribute "update"; use `await query.aupdate()`, or `query.queryset` in...
    q(Book).iterator()
    # E: "AsyncQuery" has no attribute "iterator"; use `async with query.stream() as rows`, or `query.aiter...
    await query.aget(pk=1)


def methods_of_a_manager() -> None:
    Person.aobjects.count()
    # E: "AsyncManager" has no attribute "count"; use `await query.acount()`, or `query.queryset` in...
    Person.objects.count()


def a_method_of_a_project(query: Paged, anything: Any) -> None:
    query.get(1)
    Paged.of(q(Book)).get(1)
    anything.get(1)
    query.count()
    # E: "Paged" has no attribute "count"; use `await query.acount()`, or `query.queryset` in synchronous code...


def no_method_at_all() -> None:
    q(Book).nothing()  # E: "AsyncQuery[Book, Book[Row[Has[Nothing]]]]" has no attribute "nothing"  [attr-defined]
