"""Several queries together."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import Count

from adj import AsyncQuery, q
from tests.shop.models import Author, Book


async def a_union_of_one_shape() -> None:
    reveal_type(await q(Book).values("title").union(q(Book).values("title"), all=True).run())
    # R: list[TypedDict({'title': str})]


async def the_names_are_those_of_the_first() -> None:
    reveal_type(await q(Book).values("title").union(q(Author).values("name")).run())
    # R: list[TypedDict({'title': str})]


async def a_place_may_come_from_either_query() -> None:
    reveal_type(await q(Book).values_list("title", "pages").union(q(Author).values_list("name", "born")).run())
    # R: list[tuple[str, int | datetime.date | None]]
    reveal_type(await q(Book).values_list("title", flat=True).union(q(Author).values_list("name", flat=True)).run())
    # R: list[str]


async def a_union_of_another_number_of_columns() -> None:
    q(Book).values("title").union(q(Book).values("title", "pages"))
    # E: the queries have different numbers of columns: 1 in the first, 2 in this one  [adj-shape]
    q(Book).values_list("title", "pages").union(q(Author).values_list("name"))
    # E: the queries have different numbers of columns: 2 in the first, 1 in this one  [adj-shape]


async def an_intersection_and_a_difference() -> None:
    reveal_type(await q(Book).values_list("title").intersection(q(Book).values_list("title")).run())
    # R: list[tuple[str]]
    reveal_type(await q(Book).difference(q(Book).filter(pages=1)).aget())  # R: Book[TypedDict({})]


async def a_union_of_what_is_known_only_at_run_time(queries: list[AsyncQuery[Book]]) -> None:
    reveal_type(await q(Book).union(*queries).run())  # R: list[Book[TypedDict({})]]
    reveal_type(await q(Book).values("title").union(*queries).run())  # R: list[TypedDict({'title': str})]


async def either_of_two_conditions() -> None:
    reveal_type(await (q(Book).filter(pages=1) | q(Book).filter(pages=2)).run())  # R: list[Book[TypedDict({})]]
    reveal_type(await (q(Book) & q(Book)).values("title").run())  # R: list[TypedDict({'title': str})]


async def the_rows_are_those_of_the_left() -> None:
    reveal_type(await (q(Book).annotate(n=Count("tags")) | q(Book)).run())  # R: list[Book@adj[TypedDict({'n'=: int})]]
    reveal_type(await (q(Book).select_related("author") | q(Book)).run())
    # R: list[Book[TypedDict({'author'=: Author[TypedDict({})]})]]
    reveal_type(await (q(Book) ^ q(Book).annotate(n=Count("tags"))).run())  # R: list[Book[TypedDict({})]]


async def another_model_is_an_error() -> None:
    authors = q(Author)
    q(Book) | authors
    # E: Unsupported operand types for | ("AsyncQuery[Book, Book[Row[Has[Nothing]]]]" and "AsyncQuery[Author, Author ...


async def a_queryset_on_the_right() -> None:
    reveal_type(await (q(Author) | Author.objects.filter(name="")).run())  # R: list[Author[TypedDict({})]]
