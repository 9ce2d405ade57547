"""adj, with its threads engine."""

from __future__ import annotations

import asyncio

import adj
from adj import q
from benchmarks.contenders.contender import AsyncContender, Rows
from benchmarks.models import Book
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class AdjThreads(AsyncContender):
    """`q(Book)`."""

    name = "adj"

    async def close(self) -> None:
        """End adj's threads."""
        await adj.close()

    async def one(self, number: int) -> Book:
        """One book by its key."""
        return await q(Book).aget(pk=key(number))

    async def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return await q(Book).filter(pk__gt=number).order_by("pk")[:MANY].run()

    async def dicts(self, number: int) -> Rows:
        """Many dicts."""
        return await q(Book).filter(pk__gt=number).order_by("pk").values(*COLUMNS)[:MANY].run()

    async def tuples(self, number: int) -> Rows:
        """Many tuples."""
        return await q(Book).filter(pk__gt=number).order_by("pk").values_list(*COLUMNS)[:MANY].run()

    async def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        books = q(Book).filter(pages__gt=pages(number), in_print=True, author__name__startswith="Author 1")
        return await books.order_by("-published")[:PAGE].run()

    async def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        books = q(Book).select_related("author__country").filter(pk__gt=number)
        return await books.order_by("pk")[:JOINED].run()

    async def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        books = q(Book).filter(pk__gt=number).order_by("pk").prefetch_related("tags")
        return await books[:PREFETCHED].run()

    async def count(self, number: int) -> int:
        """How many books are long."""
        return await q(Book).filter(pages__gt=pages(number)).acount()

    async def concurrent(self, number: int) -> Rows:
        """The books of many authors, all asked for at once."""
        authors = range(number, number + CONCURRENT)
        return await asyncio.gather(*(q(Book).filter(author=author(one)).run() for one in authors))
