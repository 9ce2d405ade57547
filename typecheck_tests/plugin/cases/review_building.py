"""Queries that a function builds step by step, as views do: in branches, in loops, from other functions' queries."""

from __future__ import annotations

import asyncio
from typing import reveal_type

from django.db.models import Count, F, Max

from adj import AsyncQuery, q
from tests.shop.models import Book


async def annotated_and_named_in_two_branches(counted: bool) -> list[Book]:
    query = q(Book)
    if counted:
        query = query.annotate(n=Count("tags"))
    if counted:
        query = query.filter(n__gt=2).order_by("-n")
    query.filter(m=1)  # E: Book has no field "m" (choices...
    return await query.run()


async def annotated_in_a_loop(names: list[str]) -> None:
    query = q(Book)
    for name in names:
        query = query.annotate(**{name: Count("tags")})
    query.filter(tag_count=3)


async def annotated_in_a_ternary(counted: bool) -> None:
    query = q(Book).annotate(n=Count("tags")) if counted else q(Book)
    query.order_by("n")


async def a_chain_knows_its_names(counted: bool) -> None:
    query = q(Book).annotate(n=Count("tags"))
    query.filter(n=1)
    q(Book).filter(n=1)  # E: Book has no field "n" (choices...


async def annotated_twice() -> None:
    query = q(Book).annotate(n=Count("tags"))
    query = query.annotate(m=Max("pages"))
    query = query.annotate(k=F("n") + 1).filter(k=2).order_by("m")
    reveal_type(await query.values("n", "m", "k").aget())  # R: TypedDict({'n': int, 'm': int, 'k': int})
    row = await query.aget()
    reveal_type((row.n, row.m, row.k))  # R: tuple[int, int, int]


async def annotated_in_a_loop_that_names_them(pages: list[int]) -> None:
    query = q(Book).annotate(n=Count("tags"))
    for number in pages:
        query = query.filter(n__gt=number).annotate(m=Max("pages")).filter(m__lt=number)
    query.order_by("m")


async def other_annotations_in_each_branch(kind: int) -> None:
    if kind == 1:
        query = q(Book).annotate(n=Count("tags"), m=Max("pages"))
    elif kind == 2:
        query = q(Book).annotate(n=Count("chapters"))
    else:
        query = q(Book)
    query.filter(n=3).order_by("m")
    for row in await query.run():
        reveal_type(row.pages)  # R: int
        row.n


async def another_list_of_rows() -> None:
    rows = await q(Book).annotate(n=Count("tags")).run()
    rows = await q(Book).annotate(m=Max("pages")).run()
    rows = await q(Book).run()
    reveal_type(rows[0].title)  # R: str


def counted() -> AsyncQuery[Book]:
    return q(Book).annotate(n=Count("tags"))


def what_another_function_has_annotated(query: AsyncQuery[Book]) -> None:
    counted().filter(n__gt=1).order_by("-n").values("n")
    query.order_by("-rank").annotate(k=F("rank")).filter(k=2)


def what_is_a_slip_of_the_pen(query: AsyncQuery[Book]) -> None:
    query.filter(titel="x")  # E: Book has no field "titel"; did you mean...
    query.filter(pags=3)  # E: Book has no field "pags"; did you mean...
    query.filter(rating__foo=3)  # E: FloatField "Book.rating" has no lookup or transform "foo"...
    query.filter(author__nmae="x")  # E: Author has no field "nmae" (in "author__nmae"); did you mean "name"?...


class Listing:
    """Keeps its query, as a view does."""

    query: AsyncQuery[Book]

    def __init__(self) -> None:
        self.query = q(Book)
        self.other = q(Book)

    def count(self) -> None:
        self.query = self.query.annotate(n=Count("tags"))
        self.other = self.other.annotate(n=Count("tags"))

    def sort(self) -> None:
        self.query = self.query.order_by("n")
        self.other = self.other.order_by("n")


def a_query_that_is_kept(listing: Listing) -> None:
    listing.query.filter(anything=3)
    listing.query.filter(pages="x")  # E: Book: "pages" expects "int", got "str"  [adj-value]


async def given_in_a_condition() -> None:
    if (book := await q(Book).select_related("author").afirst()) is not None:
        book.author
    if (book := await q(Book).afirst()) is not None:
        reveal_type(book)  # R: Book[TypedDict({})]


async def given_to_several_variables() -> None:
    books, number = await asyncio.gather(q(Book).select_related("author").run(), q(Book).acount())
    books, number = await asyncio.gather(q(Book).run(), q(Book).acount())
    reveal_type(books)  # R: list[Book[TypedDict({})]]
    book, count = await q(Book).select_related("author").aget(), 1
    book, count = await q(Book).aget(), 2
    reveal_type(book)  # R: Book[TypedDict({})]
