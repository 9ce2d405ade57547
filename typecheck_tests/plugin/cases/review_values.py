"""Values from generic functions, and rows where a project has annotated dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, reveal_type

from django.db.models import Count
from django.http import HttpRequest

from adj import AsyncQuery, q
from tests.shop.models import Book

T = TypeVar("T")


def first_or(items: Iterable[T], default: T | None = None) -> T | None:
    return next(iter(items), default)


def of_a_request(request: HttpRequest) -> None:
    q(Book).filter(title__in=request.GET.getlist("title"))
    q(Book).filter(pages__in=request.GET.getlist("pages"))
    # E: Book: "pages__in" expects "Iterable[int]", got "list[str]"  [adj-value]


def of_a_generic_function(numbers: list[int], names: list[str]) -> None:
    q(Book).filter(pages=first_or(numbers) or 1, weight=first_or(numbers))
    q(Book).filter(pages=first_or(names) or "x")  # E: Book: "pages" expects "int", got "str"  [adj-value]


async def rows_that_are_declared_as_dicts() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await q(Book).values("title").run()
    row: dict[str, Any] = await q(Book).values("title").aget()
    first: dict[str, Any] | None = await q(Book).values("title").afirst()
    total: dict[str, int] = await q(Book).aaggregate(n=Count("pk"))
    print(rows, row, first, total)
    return await q(Book).values("title").run()


async def rows_that_are_declared_as_something_else() -> None:
    row: list[str] = await q(Book).values("title").aget()  # E: Incompatible types in assignment...
    read: Mapping[str, object] = await q(Book).values("title").aget()
    many: Sequence[Mapping[str, Any]] = await q(Book).values("title").run()
    reveal_type(await q(Book).values("title").aget())  # R: TypedDict({'title': str})


def a_query_of_dicts() -> AsyncQuery[Book, dict[str, Any]]:
    query = q(Book).values("title")
    return query.filter(pages__gt=3)
