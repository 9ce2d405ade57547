"""Tortoise ORM over aiosqlite; a peer, for scale."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tortoise import Tortoise, fields
from tortoise.models import Model

from benchmarks.contenders.contender import AsyncContender, Rows
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class Country(Model):
    """The table `country`."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=50)

    class Meta:
        table = "country"


class Author(Model):
    """The table `author`."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=50)
    country = fields.ForeignKeyField("library.Country")

    class Meta:
        table = "author"


class Tag(Model):
    """The table `tag`."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=50)

    class Meta:
        table = "tag"


class Book(Model):
    """The table `book`."""

    id = fields.BigIntField(primary_key=True)
    title = fields.CharField(max_length=100)
    pages = fields.IntField()
    in_print = fields.BooleanField()
    published = fields.DatetimeField()
    price = fields.DecimalField(max_digits=6, decimal_places=2)
    details = fields.JSONField()
    author = fields.ForeignKeyField("library.Author")
    tags = fields.ManyToManyField("library.Tag", through="book_tag", backward_key="book_id", forward_key="tag_id")

    class Meta:
        table = "book"


class TortoiseORM(AsyncContender):
    """`Book.filter()`."""

    name = "Tortoise"

    async def open(self, database: Path) -> None:
        """Connect."""
        await Tortoise.init(db_url=f"sqlite://{database}", modules={"library": [__name__]}, use_tz=True)

    async def close(self) -> None:
        """Disconnect."""
        await Tortoise.close_connections()

    async def one(self, number: int) -> object:
        """One book by its key."""
        return await Book.get(id=key(number))

    async def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return await Book.filter(id__gt=number).order_by("id").limit(MANY)

    async def dicts(self, number: int) -> Rows:
        """Many dicts."""
        return await Book.filter(id__gt=number).order_by("id").limit(MANY).values(*COLUMNS)

    async def tuples(self, number: int) -> Rows:
        """Many tuples."""
        return await Book.filter(id__gt=number).order_by("id").limit(MANY).values_list(*COLUMNS)

    async def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        books = Book.filter(pages__gt=pages(number), in_print=True, author__name__startswith="Author 1")
        return await books.order_by("-published").limit(PAGE)

    async def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        return await Book.filter(id__gt=number).select_related("author__country").order_by("id").limit(JOINED)

    async def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        return await Book.filter(id__gt=number).order_by("id").limit(PREFETCHED).prefetch_related("tags")

    async def count(self, number: int) -> int:
        """How many books are long."""
        return await Book.filter(pages__gt=pages(number)).count()

    async def concurrent(self, number: int) -> Rows:
        """The books of many authors, all asked for at once."""
        authors = range(number, number + CONCURRENT)
        return await asyncio.gather(*(Book.filter(author_id=author(one)) for one in authors))
