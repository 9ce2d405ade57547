"""Types that a project declares, and adj's queries and rows as their values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NotRequired, TypedDict, reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Model, Prefetch, Q

from adj import AsyncQuery, q
from tests.shop.models import Author, Book


class Wider(TypedDict):
    title: str
    price: Decimal | None


class Partial(TypedDict, total=False):
    title: str
    price: Decimal
    anything: int


class Fewer(TypedDict):
    title: str


class Other(TypedDict):
    title: str
    price: str


class Another(TypedDict):
    title: str
    cost: NotRequired[Decimal]
    pages: int


async def typed_dicts_with_wider_values() -> list[Wider]:
    rows: list[Wider] = await q(Book).values("title", "price").run()
    row: Wider = await q(Book).values("title", "price").aget()
    maybe: Wider | None = await q(Book).values("title", "price").afirst()
    print(rows, row, maybe)
    return await q(Book).values("title", "price").run()


async def typed_dicts_with_keys_that_may_be_missing() -> None:
    rows: list[Partial] = await q(Book).values("title", "price").run()
    fewer: list[Fewer] = await q(Book).values("title", "price").run()
    print(rows, fewer)


def a_query_of_wider_rows() -> AsyncQuery[Book, Wider]:
    return q(Book).values("title", "price")


async def a_key_of_another_type() -> None:
    rows: list[Other] = await q(Book).values("title", "price").run()
    # E: Incompatible types in assignment (expression has type "list[TypedDict({'title': str, 'price': Decimal})]", ...
    # N: The rows of values() do not fit "Other": "price" is "Decimal", not "str"
    row: Other = await q(Book).values("title", "price").aget()
    # E: Incompatible types in assignment (expression has type "TypedDict({'title': str, 'price': Decimal})", variab ...
    # N: The rows of values() do not fit "Other": "price" is "Decimal", not "str"
    print(rows, row)


async def a_key_that_is_missing() -> None:
    rows: list[Another] = await q(Book).values("title").run()
    # E: Incompatible types in assignment (expression has type "list[TypedDict({'title': str})]", variable has type ...
    # N: The rows of values() do not fit "Another": they have no key "pages"
    print(rows)


async def prefetches_in_a_list() -> None:
    lookups: list[Prefetch[Any, Any, Any]] = [Prefetch("books", q(Book)), Prefetch("edited_books")]
    books: Prefetch[Any, Any, Any] = Prefetch("books", q(Book).select_related("publisher"), to_attr="works")
    either: list[str | Prefetch[Any, Any, Any]] = ["edited_books", Prefetch("books", q(Book).only("title"))]
    await q(Author).prefetch_related(*lookups, books, *either).run()


def prefetches_as_a_result() -> list[Prefetch[Any, Any, Any]]:
    return [Prefetch("books", q(Book).select_related("author"))]


async def a_prefetch_of_no_declared_type() -> None:
    works = Prefetch("books", q(Book).select_related("publisher"), to_attr="works")
    author = await q(Author).prefetch_related(works).aget()
    reveal_type(author.works)
    # R: list[Book[TypedDict({'publisher'=: Publisher[TypedDict({})], 'author'=: Author})]]


def of_any_model(query: AsyncQuery[Model]) -> None: ...


def of_any_rows(query: AsyncQuery[Model, Any]) -> None: ...


def of_authors(query: AsyncQuery[Author]) -> None: ...


async def queries_of_any_model() -> None:
    of_any_model(q(Book))
    of_any_model(q(Book).select_related("author").only("title", "author"))
    of_any_model(q(Book).annotate(n=Count("tags")))
    of_any_rows(q(Book).values("title"))
    of_any_model(q(Book).values("title"))
    # E: Argument 1 to "of_any_model" has incompatible type "AsyncQuery[Book, TypedDict({'title': str})]"; expected ...
    of_authors(q(Book))
    # E: Argument 1 to "of_authors" has incompatible type "AsyncQuery[Book, Book[Row[Has[Nothing]]]]"; expected "Asy ...
    # E: Argument 1 to "q" has incompatible type "type[Book[Any]]"; expected "type[Author]"  [arg-type]


async def lists_without_null() -> None:
    of_books = q(Author).annotate(titles=ArrayAgg("books__title", default=[]))
    reveal_type((await of_books.aget()).titles)  # R: list[str | None]
    of_some = q(Author).annotate(titles=ArrayAgg("books__title", filter=Q(books__isnull=False), default=[]))
    reveal_type((await of_some.aget()).titles)  # R: list[str]
    named = q(Author).annotate(titles=ArrayAgg("books__title", filter=Q(books__title__isnull=False)))
    reveal_type((await named.aget()).titles)  # R: list[str] | None
    both = q(Author).annotate(titles=ArrayAgg("books__title", filter=Q(books__pk__isnull=False) & Q(pk=1), default=[]))
    reveal_type((await both.aget()).titles)  # R: list[str]


async def lists_that_may_have_null() -> None:
    other = ArrayAgg("books__subtitle", filter=Q(books__isnull=False), default=[])
    reveal_type((await q(Author).annotate(titles=other).aget()).titles)  # R: list[str | None]
    nullable = q(Author).annotate(titles=ArrayAgg("books__subtitle", filter=Q(books__isnull=False), default=[]))
    reveal_type((await nullable.aget()).titles)  # R: list[str | None]
    either = q(Author).annotate(titles=ArrayAgg("books__title", filter=Q(books__isnull=False) | Q(pk=1), default=[]))
    reveal_type((await either.aget()).titles)  # R: list[str | None]
    true = q(Author).annotate(titles=ArrayAgg("books__title", filter=Q(books__isnull=True), default=[]))
    reveal_type((await true.aget()).titles)  # R: list[str | None]
