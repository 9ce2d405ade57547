"""Django's own async ORM."""

from __future__ import annotations

import asyncio

from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models import QuerySet

from benchmarks.contenders.contender import AsyncContender, Rows
from benchmarks.models import Book
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class DjangoAsync(AsyncContender):
    """`Book.objects`, with `a` in front of the methods and `async for`."""

    name = "Django async"

    async def close(self) -> None:
        """Close the connection on Django's thread."""
        await sync_to_async(connections.close_all)()

    async def one(self, number: int) -> Book:
        """One book by its key."""
        return await Book.objects.aget(pk=key(number))

    async def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return [book async for book in Book.objects.filter(pk__gt=number).order_by("pk")[:MANY]]

    async def dicts(self, number: int) -> Rows:
        """Many dicts."""
        return [row async for row in Book.objects.filter(pk__gt=number).order_by("pk").values(*COLUMNS)[:MANY]]

    async def tuples(self, number: int) -> Rows:
        """Many tuples."""
        return [row async for row in Book.objects.filter(pk__gt=number).order_by("pk").values_list(*COLUMNS)[:MANY]]

    async def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        books = Book.objects.filter(pages__gt=pages(number), in_print=True, author__name__startswith="Author 1")
        return [book async for book in books.order_by("-published")[:PAGE]]

    async def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        books = Book.objects.select_related("author__country").filter(pk__gt=number)
        return [book async for book in books.order_by("pk")[:JOINED]]

    async def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        books = Book.objects.filter(pk__gt=number).order_by("pk").prefetch_related("tags")
        return [book async for book in books[:PREFETCHED]]

    async def count(self, number: int) -> int:
        """How many books are long."""
        return await Book.objects.filter(pages__gt=pages(number)).acount()

    async def concurrent(self, number: int) -> Rows:
        """The books of many authors, all asked for at once."""
        authors = range(number, number + CONCURRENT)
        return await asyncio.gather(*(_listed(Book.objects.filter(author=author(one))) for one in authors))


async def _listed(books: QuerySet[Book]) -> list[Book]:
    return [book async for book in books]
