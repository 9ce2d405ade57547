"""Methods of a project's query class that return `Self`."""

from __future__ import annotations

from typing import Self, reveal_type

from django.db.models import Count

import adj
from adj import AsyncQuery, q
from tests.shop.models import Author, Book
from typecheck_tests.plugin.library.models import Person


class LongQuery(AsyncQuery[Book, Book]):
    def long(self) -> Self:
        return self.filter(pages__gt=300)

    def short(self) -> Self:
        return self.exclude(pages__gt=300).order_by("pages")[:10]

    def listed(self) -> Self:
        return self.long().select_related("author").only("title", "author").using("default")

    def either(self) -> Self:
        return (self | self.long()).union(self.short())

    def counted(self) -> Self:
        return self.annotate(n=Count("tags")).prefetch_related("tags")


class LongerQuery(LongQuery):
    def longer(self) -> Self:
        return self.long().filter(pages__gt=600)


async def queries_of_the_class() -> None:
    query = LongerQuery.of(q(Book)).longer().long().listed()
    reveal_type(query)  # R: LongerQuery@adj[Book, Book[TypedDict({})]]
    reveal_type((await query.aget()).title)  # R: str


async def managers_return_queries_of_their_rows(author: Author) -> None:
    reveal_type(Person.aobjects.filter(name="x").order_by("name"))
    # R: AsyncQuery[Person[TypedDict({})], Person[TypedDict({})]]
    reveal_type(Person.aobjects[:3])  # R: AsyncQuery[Person[TypedDict({})], Person[TypedDict({})]]
    reveal_type(Person.found.named("x").order_by("name"))  # R: QueryFromQuerySet[Person, Person, AnyQuerySet]
    reveal_type(await adj.related(author, "books").filter(pages=1).run())
    # R: list[Book[TypedDict({'author'=: Author})]]
