"""Prefetches that conflict with something, text that no field can convert, and arguments after `**`."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Prefetch

from adj import q
from tests.shop.models import Author, Book, Tag


def names_that_are_taken() -> None:
    q(Book).prefetch_related(Prefetch("tags", to_attr="title"))
    # E: to_attr="title" conflicts with a field of Book  [adj-shape]
    q(Book).annotate(n=Count("tags")).prefetch_related(Prefetch("tags", to_attr="n"))
    # E: to_attr="n" conflicts with an annotation or another prefetch  [adj-shape]
    q(Book).prefetch_related(Prefetch("tags", to_attr="found"), Prefetch("reviews", to_attr="found"))
    # E: to_attr="found" conflicts with an annotation or another prefetch  [adj-shape]
    q(Book).prefetch_related(Prefetch("tags", to_attr="objects"))
    # E: to_attr="objects" conflicts with an attribute of Book  [adj-shape]
    q(Book).prefetch_related(Prefetch("tags", to_attr="save"))
    # E: to_attr="save" conflicts with an attribute of Book  [adj-shape]


def names_that_are_free() -> None:
    q(Book).annotate(n=Count("tags")).prefetch_related(Prefetch("tags", to_attr="heavy"))
    q(Author).prefetch_related(Prefetch("books__tags", to_attr="save"))


def rows_that_are_prefetched_already() -> None:
    q(Book).prefetch_related("tags", Prefetch("tags", q(Tag).filter(weight=1)))
    # E: "tags" is prefetched already, and this lookup has another query  [adj-shape]
    q(Author).prefetch_related("books__tags").prefetch_related(Prefetch("books", q(Book).filter(pages=1)))
    # E: "books" is prefetched already, and this lookup has another query  [adj-shape]


def rows_that_are_prefetched_once() -> None:
    q(Book).prefetch_related(Prefetch("tags", q(Tag).filter(weight=1)), "tags", "tags")
    q(Book).prefetch_related("tags", Prefetch("tags", q(Tag).filter(weight=1), to_attr="heavy"))
    q(Book).prefetch_related("tags").prefetch_related(None).prefetch_related(Prefetch("tags", q(Tag).all()))
    q(Book).select_related("author").prefetch_related(Prefetch("author", q(Author).filter(name="Ada")))
    q(Author).prefetch_related("books", Prefetch("books__tags", q(Tag).filter(weight=1)))


async def text_that_is_converted() -> None:
    q(Book).filter(price="x")
    # E: Book: "price" expects "Decimal | int | float | str", got "x", which cannot be converted  [adj-value]
    q(Book).filter(price__in=["1.5", "a"], price__range=(1, "b"))
    # E: Book: "price__in" expects "Decimal | int | float | str", got "a", which cannot be converted...
    # E: Book: "price__range" expects "Decimal | int | float | str", got "b", which cannot be converted...
    q(Book).filter(published__gt="2024-13-01")
    # E: Book: "published__gt" expects "date | str", got "2024-13-01", which cannot be converted  [adj-value]
    await q(Book).aupdate(price="x")
    # E: "Book.price" expects "Decimal | int | float | str", got "x", which cannot be converted  [adj-value]
    q(Book).filter(price="1.5", published="2024-12-01", released__lt="2024-12-01 12:30", title="x")
    q(Book).filter(price__in=["1", 2], published__year=2024, published__range=("2024-01-01", "2024-12-31"))
    await q(Book).aupdate(price="1.5")


async def arguments_after_two_stars(values: dict[str, Any], names: dict[str, str]) -> None:
    await q(Author).aget_or_create(**{"name": "Ada", "defaults": {"born": None}})  # noqa: PIE804  # it may be written so
    await q(Author).aupdate_or_create(**{"name": "Ada", "defaults": {"born": None}, "create_defaults": {}})  # noqa: PIE804  # it may be written so
    await q(Author).aget_or_create(name="Ada", **values)
    await q(Author).aget_or_create(**names)
    await q(Author).aget_or_create(**{"nam": "Ada", "defaults": {"bon": None}})  # noqa: PIE804  # it may be written so
    # E: Author has no field "nam"; did you mean "name"?  [adj-lookup]
    # E: Author has no column "bon"; did you mean "born"?  [adj-lookup]
