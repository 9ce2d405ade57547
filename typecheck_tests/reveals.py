"""What a checker knows without any plugin: read by mypy, pyright, ty and pyrefly, and never run."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

from django.db.models import Count, Manager, Prefetch, QuerySet

import adj
from adj import AsyncQuery, AsyncRawQuery, RelatedQuery, ReturningQuery, atomic, q
from adj.testing import (
    CountedQueries,
    CountedQuery,
    assert_num_queries,
    capture_on_commit,
    count_queries,
    native_sandbox,
)
from tests.shop.models import Author, Book, Tag


@dataclass
class BookCard:
    title: str
    writer: str


class BookDict(TypedDict):
    title: str


async def rows_of_a_model() -> None:
    assert_type(q(Book), AsyncQuery[Book, Book])
    assert_type(await q(Book).run(), list[Book])
    assert_type(await q(Book).arun(), list[Book])
    assert_type(await q(Book).aget(pk=1), Book)
    assert_type(await q(Book).aget_or_none(pk=1), Book | None)
    assert_type(await q(Book).afirst(), Book | None)
    assert_type(await q(Book).alast(), Book | None)
    assert_type(await q(Book).aearliest("published"), Book)
    assert_type(await q(Book).alatest("published"), Book)
    assert_type(await q(Book)[3].run(), Book)
    assert_type(await q(Book)[3:5].run(), list[Book])


async def facts_about_rows() -> None:
    assert_type(await q(Book).acount(), int)
    assert_type(await q(Book).aexists(), bool)
    assert_type(await q(Book).acontains(Book()), bool)
    assert_type(await q(Book).aaggregate(n=Count("pk")), dict[str, Any])
    assert_type(await q(Book).ain_bulk([1, 2]), dict[Any, Book])
    assert_type(await q(Book).aexplain(), str)


async def a_chain_keeps_its_rows() -> None:
    chain = (
        q(Book)
        .filter(pages__gt=100)
        .exclude(title="")
        .annotate(n=Count("tags"))
        .order_by("-n")
        .select_related("author")
        .prefetch_related("tags")
        .only("title", "author__name")
        .distinct()
        .reverse()
        .using("default")
    )
    assert_type(chain, AsyncQuery[Book, Book])
    assert_type((chain | q(Book)) & q(Book), AsyncQuery[Book, Book])
    assert_type(chain.union(q(Book)).none().all(), AsyncQuery[Book, Book])
    assert_type(chain.queryset, QuerySet[Book, Book])
    assert_type(chain.model, type[Book])


async def rows_of_other_shapes() -> None:
    assert_type(await q(Book).values("title").run(), list[dict[str, Any]])
    assert_type(await q(Book).values("title").afirst(), dict[str, Any] | None)
    assert_type(await q(Book).values_list("title").run(), list[tuple[Any, ...]])
    assert_type(q(Book).into(BookCard, writer="author__name"), AsyncQuery[Book, BookCard])
    assert_type(await q(Book).into(BookCard).filter(pages=3).run(), list[BookCard])
    assert_type(await q(Book).into(BookDict)[:3].afirst(), BookDict | None)
    assert_type(await q(Book).dates("published", "year").run(), list[datetime.date])
    assert_type(await q(Book).datetimes("released", "hour").run(), list[datetime.datetime])
    assert_type(q(Book).raw("SELECT * FROM shop_book"), AsyncRawQuery[Book])
    assert_type(await q(Book).raw("SELECT * FROM shop_book").run(), list[Book])


async def rows_one_by_one() -> None:
    async for book in q(Book):
        assert_type(book, Book)
    async for book in q(Book).aiterator(chunk_size=100):
        assert_type(book, Book)
    async with q(Author).stream() as authors:
        async for author in authors:
            assert_type(author, Author)


async def other_sources(manager: Manager[Book], queryset: QuerySet[Book, Book]) -> None:
    assert_type(await q(manager).run(), list[Book])
    assert_type(await q(queryset).run(), list[Book])
    assert_type(await q(q(Book)).run(), list[Book])


async def writes(books: AsyncIterator[Book]) -> None:
    assert_type(await q(Book).acreate(title="Lavinia"), Book)
    assert_type(await q(Book).aget_or_create({"pages": 1}, title="Lavinia"), tuple[Book, bool])
    assert_type(await q(Book).aupdate_or_create({"pages": 1}, {"pages": 2}, title="Lavinia"), tuple[Book, bool])
    assert_type(await q(Book).abulk_create([Book()], 100, update_conflicts=True, unique_fields=["isbn"]), list[Book])
    assert_type(await q(Book).abulk_update([Book()], ["title"], batch_size=100), int)
    assert_type(await q(Book).aupdate(pages=1), int)
    assert_type(await q(Book).adelete(), tuple[int, dict[str, int]])
    assert_type(await q(Book).values("title").acreate(title="Lavinia"), Book)
    assert_type(await q(Book).acopy([Book()]), int)
    assert_type(await q(Book).acopy(books, batch_size=10, progress=print), int)
    assert_type(await q(Book).acopy([("Lavinia", 1), ["Malafrena", 2]], ["title", "pages"]), int)


async def rows_that_were_changed() -> None:
    assert_type(q(Book).returning(), ReturningQuery[Book])
    assert_type(await q(Book).returning().aupdate(pages=1), list[Book])
    assert_type(await q(Book).returning().adelete(), list[Book])
    assert_type(await q(Book).returning("pk", "title").aupdate(pages=1), list[tuple[Any, ...]])
    assert_type(await q(Book).returning("pk").adelete(), list[tuple[Any, ...]])


async def coroutines_are_real() -> None:
    async with asyncio.TaskGroup() as tasks:
        books = tasks.create_task(q(Book).run())
        count = tasks.create_task(q(Book).acount())
    assert_type(books.result(), list[Book])
    assert_type(count.result(), int)
    several = await asyncio.gather(q(Book).run(), q(Author).afirst())
    assert_type(several, tuple[list[Book], Author | None])


async def relations(book: Book, books: list[Book], tags: Manager[Tag]) -> None:
    assert_type(await adj.load(book, "author", "tags"), Book)
    assert_type(await adj.load(books, "author__publisher"), list[Book])
    assert_type(await adj.load((book, book), Prefetch("tags")), tuple[Book, Book])
    assert_type(adj.related(tags), RelatedQuery[Tag])
    assert_type(await adj.related(tags).filter(weight=1).run(), list[Tag])
    assert_type(await adj.related(tags).acreate(name="new"), Tag)
    assert_type(await adj.related(tags).aget_or_create(name="new", defaults={"weight": 1}), tuple[Tag, bool])
    assert_type(await adj.related(tags).aupdate_or_create(name="new"), tuple[Tag, bool])
    assert_type(adj.related(book, "tags"), RelatedQuery[Any])


def a_function_of_the_project(books: AsyncQuery[Book]) -> AsyncQuery[Book]:
    assert_type(books.sql(), adj.SQL)
    return books.filter(published__isnull=False)


async def an_iterator() -> AsyncIterator[Book]:
    async for book in q(Book).aiterator():
        yield book


def longest_title(books: list[Book], *, default: str = "") -> str:
    return max((book.title for book in books), key=len, default=default)


@atomic(isolation="serializable", retry=3)
async def rename(book: Book, title: str, *, notify: bool = False) -> int:
    return len(title)


@atomic
async def remove(book: Book, *, notify: bool = False) -> int:
    return len(book.title)


@atomic()
async def restore(book: Book) -> int:
    return len(book.title)


async def transactions_and_synchronous_code(book: Book) -> None:
    assert_type(await remove(book, notify=True), int)
    assert_type(await restore(book), int)
    async with atomic("default", durable=True, timeout=2.5):
        pass
    async with atomic():
        assert_type(await adj.gather(q(Book).run(), q(Author).acount()), tuple[list[Book], int])
    assert_type(await adj.run_sync(longest_title, [book], default="none"), str)
    assert_type(await rename(book, "Lavinia", notify=True), int)
    assert_type(adj.in_transaction(), bool)
    assert_type(q(Book).timeout(2.5), AsyncQuery[Book, Book])
    with adj.observe(print):
        await q(Book).aexists()


async def what_is_for_tests() -> None:
    async with count_queries() as counted:
        assert_type(counted, CountedQueries)
        assert_type(counted.queries, tuple[CountedQuery, ...])
    async with assert_num_queries(2, using="archive") as asserted:
        assert_type(len(asserted), int)
    async with capture_on_commit(execute=True) as functions:
        assert_type(functions, list[Callable[[], object]])
    async with native_sandbox("default", "archive"):
        await q(Book).aexists()
