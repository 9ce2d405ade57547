"""Managers of rows: Django's own synchronous methods in asynchronous code; and code that may wait."""

from __future__ import annotations

import asyncio
from typing import Literal, reveal_type

from asgiref.sync import sync_to_async

import adj
from adj import Loaded, q
from tests.shop.models import Book, Tag


async def a_loop_over_what_is_not_prefetched() -> None:
    book = await q(Book).aget()
    for tag in book.tags.all():  # E: "Book.tags" is not loaded: ...
        print(tag)


async def functions_that_read_all() -> None:
    book = await q(Book).aget()
    list(book.tags.all())  # E: "Book.tags" is not loaded: ...
    len(book.tags.all())  # E: "Book.tags" is not loaded: ...
    sorted(book.tags.all(), key=lambda tag: tag.name)  # E: "Book.tags" is not loaded: ...


async def methods_that_ask() -> None:
    book = await q(Book).aget()
    book.tags.count()  # E: "Book.tags" is not loaded: ...
    book.tags.all().exists()  # E: "Book.tags" is not loaded: ...
    book.chapters.first()  # E: "Book.chapters" is not loaded: ...


async def comprehensions() -> None:
    book = await q(Book).aget()
    [tag.name for tag in book.tags.all()]  # E: "Book.tags" is not loaded: ...
    {tag.name for tag in book.tags.all()}  # E: "Book.tags" is not loaded: ...
    max([tag.weight for tag in book.tags.all()])  # E: "Book.tags" is not loaded: ...


async def an_index() -> None:
    book = await q(Book).aget()
    book.tags.all()[0]  # E: "Book.tags" is not loaded: ...
    book.tags.all()[:2]


async def a_generic_relation() -> None:
    book = await q(Book).aget()
    reveal_type(book.notes)  # R: RelatedManager[Note]
    list(book.notes.all())  # E: "Book.notes" is not loaded: ...
    loaded = await q(Book).prefetch_related("notes").aget()
    reveal_type(loaded.notes.all()[0])  # R: Note[TypedDict({})]
    loaded.notes.all()[0].txt  # E: "Note[Row[Has[Nothing]]]" has no attribute "txt"; ...


def a_generic_relation_that_is_not_tracked(book: Book) -> None:
    reveal_type(book.notes)  # R: Any


async def what_is_prefetched() -> None:
    book = await q(Book).prefetch_related("tags").aget()
    book.tags.all()[0]
    list(book.tags.all())
    len(book.tags.all())
    book.tags.all().count()
    [tag.name for tag in book.tags.all()]


async def methods_of_django_that_wait_for_nobody() -> None:
    book = await q(Book).aget()
    await book.tags.acount()
    await book.tags.all().afirst()
    async for tag in book.tags.all():
        print(tag.name)


async def queries_of_relations() -> None:
    book = await q(Book).aget()
    await adj.related(book, "tags").run()
    await adj.related(book.tags).run()
    await q(book.tags.all()).run()


async def many_rows() -> None:
    for book in await q(Book).run():
        print([tag.name for tag in book.tags.all()])  # E: "Book.tags" is not loaded: ...


async def a_function_that_is_run_synchronously() -> None:
    book = await q(Book).aget()
    await adj.run_sync(lambda: book.author.name)
    await adj.run_sync(lambda: list(book.tags.all()))


async def an_inner_function_that_is_run_synchronously() -> None:
    book = await q(Book).aget()

    def work() -> str:
        return book.author.name

    await adj.run_sync(work)


async def an_inner_function_for_a_thread() -> None:
    book = await q(Book).aget()

    def work() -> str:
        return book.author.name

    await asyncio.to_thread(work)


async def an_inner_function_with_a_decorator() -> None:
    book = await q(Book).aget()

    @sync_to_async
    def work() -> str:
        return book.author.name

    await work()


async def an_inner_function_that_is_called_here() -> None:
    book = await q(Book).aget()

    def work() -> str:
        return book.author.name  # E: "Book.author" is not loaded: add .select_related("author") to the query ...

    work()


async def a_lambda_that_is_called_here() -> None:
    books = await q(Book).run()
    books.sort(key=lambda book: book.author.name)  # E: "Book.author" is not loaded: ...


def a_synchronous_function_may_ask(book: Book) -> list[Tag]:
    book.author
    return list(book.tags.all())


def a_synchronous_function_with_a_contract(book: Loaded[Book, Literal["author"]]) -> None:
    list(book.tags.all())
    book.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query ...
