"""The bare driver: the same SQL through `sqlite3`, whose rows are left as they come. Nothing can take less."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from adj import AsyncQuery, q
from benchmarks.contenders.contender import Rows, SyncContender
from benchmarks.models import Book
from benchmarks.tasks import COLUMNS, CONCURRENT, JOINED, MANY, PAGE, PREFETCHED, author, key, pages


class Driver(SyncContender):
    """`sqlite3.Connection.execute`."""

    name = "sqlite3"

    async def open(self, database: Path) -> None:
        """Connect, and take the SQL that Django makes."""
        self._connection = sqlite3.connect(database, check_same_thread=False)
        books = q(Book)
        after = books.filter(pk__gt=0).order_by("pk")
        page = books.filter(pages__gt=0, in_print=True, author__name__startswith="Author 1")
        self._one = _sql(books.filter(pk=1))
        self._instances = _sql(after[:MANY])
        self._dicts = _sql(after.values(*COLUMNS)[:MANY])
        page = page.order_by("-published")[:PAGE]
        self._page = _sql(page)
        # Whether a boolean is among them depends on Django's version; the number of pages is the last one.
        self._page_parameters = page.sql().params[:-1]
        self._related = _sql(after.select_related("author__country")[:JOINED])
        self._prefetched = _sql(after[:PREFETCHED])
        listed = ", ".join("?" * PREFETCHED)
        self._tags = (
            'SELECT "book_tag"."book_id", "tag"."id", "tag"."name" FROM "tag" INNER JOIN "book_tag" '  # noqa: S608  # "?" only
            f'ON "tag"."id" = "book_tag"."tag_id" WHERE "book_tag"."book_id" IN ({listed})'
        )
        self._of_author = _sql(books.filter(author=1))

    def disconnect(self) -> None:
        """Close the connection."""
        self._connection.close()

    def one(self, number: int) -> Rows:
        """One book by its key."""
        return self._rows(self._one, key(number))

    def instances(self, number: int) -> Rows:
        """Many books with all their columns."""
        return self._rows(self._instances, number)

    def dicts(self, number: int) -> Rows:
        """Many rows of the columns that the others have as dicts."""
        return self._rows(self._dicts, number)

    def tuples(self, number: int) -> Rows:
        """The same rows."""
        return self._rows(self._dicts, number)

    def page(self, number: int) -> Rows:
        """The newest books that fulfil three conditions."""
        return self._rows(self._page, *self._page_parameters, pages(number))

    def related(self, number: int) -> Rows:
        """Books with their authors and their countries."""
        return self._rows(self._related, number)

    def prefetched(self, number: int) -> Rows:
        """Books, and the tags of each."""
        books = self._rows(self._prefetched, number)
        self._rows(self._tags, *(book[0] for book in books))
        return books

    def count(self, number: int) -> int:
        """How many books are long."""
        sql = 'SELECT COUNT(*) FROM "book" WHERE "book"."pages" > ?'
        total: int = self._connection.execute(sql, (pages(number),)).fetchone()[0]
        return total

    def concurrent(self, number: int) -> Rows:
        """The books of many authors, one after another."""
        return [self._rows(self._of_author, author(one)) for one in range(number, number + CONCURRENT)]

    def _rows(self, sql: str, *parameters: object) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()


def _sql(query: AsyncQuery[Any, Any]) -> str:
    return query.sql().sql.replace("%s", "?")
