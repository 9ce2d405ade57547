"""QuerySets of django-stubs, and its own annotated rows."""

from __future__ import annotations

from typing import TypedDict, reveal_type

from django.db.models import Count, F, QuerySet
from django_stubs_ext import WithAnnotations

from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Publisher


class WithCount(TypedDict):
    n: int


async def a_queryset_of_rows() -> None:
    reveal_type(await q(Publisher.objects.filter(name="")).run())  # R: list[Publisher]
    reveal_type((await q(Publisher.objects.filter(name="")).annotate(n=Count("books")).aget()).n)  # R: int


async def a_queryset_with_annotations() -> None:
    query = q(Publisher.objects.annotate(n=Count("books")))
    # Older django-stubs know no type of an annotation.
    first: int = (await query.aget()).n
    second: int = (await query.filter(n__gt=first).order_by("-n").aget()).n
    assert second


async def annotations_on_those_of_a_queryset() -> None:
    publisher = await q(Publisher.objects.annotate(n=Count("books"))).annotate(more=F("n") + 1).aget()
    # Older django-stubs know no type of an annotation, and so there is none of what is computed from it.
    reveal_type(publisher.n)  # R[django-stubs>=6.0.2]: int
    # R[django-stubs<6.0.2]: Any
    reveal_type(publisher.more)  # R[django-stubs>=6.0.2]: int
    # R[django-stubs<6.0.2]: Any


async def annotations_on_those_of_a_queryset_that_says_their_types(
    publishers: QuerySet[WithAnnotations[Publisher, WithCount]],
) -> None:
    publisher = await q(publishers).annotate(more=F("n") + 1).aget()
    reveal_type(publisher.n)  # R: int
    reveal_type(publisher.more)  # R: int


async def columns_of_a_queryset_with_annotations() -> None:
    row = await q(Publisher.objects.annotate(n=Count("books"))).values("name", "n").aget()
    reveal_type(row["name"])  # R: str
    n: int = row["n"]
    assert n


async def a_queryset_of_dicts() -> None:
    reveal_type(await q(Publisher.objects.values("name")).run())  # R: list[TypedDict({'name': str})]
    reveal_type(await q(Publisher.objects.values("name")).annotate(n=Count("books")).run())
    # R: list[TypedDict({'name': str, 'n': int})]


async def a_queryset_of_tuples() -> None:
    reveal_type(await q(Publisher.objects.values_list("name", "slug")).run())  # R: list[tuple[str, str]]
    reveal_type(await q(Publisher.objects.values_list("name", flat=True)).run())  # R: list[str]


async def a_queryset_that_is_a_parameter(books: QuerySet[Book]) -> None:
    reveal_type(await q(books).run())  # R: list[Book]
    reveal_type(await q(books).values("title").run())  # R: list[TypedDict({'title': str})]


async def a_row_with_annotations_as_a_parameter(publisher: WithAnnotations[Publisher, WithCount]) -> None:
    reveal_type(publisher.n)  # R: int


async def a_query_of_rows_with_annotations(query: AsyncQuery[WithAnnotations[Author, WithCount]]) -> None:
    reveal_type((await query.aget()).n)  # R: int
    reveal_type((await query.filter(n=1).aget()).name)  # R: str


async def a_queryset_of_a_query() -> None:
    reveal_type(q(Author).filter(name="").queryset)  # R: QuerySet[Author, Author[TypedDict({})]]
    reveal_type(q(Author).values("name").queryset)  # R: QuerySet[Author, TypedDict({'name': str})]
