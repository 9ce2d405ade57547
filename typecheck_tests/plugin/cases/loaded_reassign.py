"""A variable that is given another row: nothing is refused, and what is known is what the last row has."""

from __future__ import annotations

from typing import reveal_type

import adj
from adj import q
from tests.shop.models import Author, Book

books_of_the_module = q(Book).select_related("author")
books_of_the_module = q(Book)


async def a_row_that_carries_less() -> None:
    book = await q(Book).select_related("author").aget()
    book = await q(Book).aget()
    reveal_type(book)  # R: Book[TypedDict({})]


async def a_row_that_carries_more() -> None:
    book = await q(Book).aget()
    book = await q(Book).select_related("author").aget()
    book.author
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def a_list_of_rows() -> None:
    books = await q(Book).select_related("author").run()
    books = await q(Book).run()
    reveal_type(books)  # R: list[Book[TypedDict({})]]


async def a_list_that_is_loaded() -> None:
    books = await q(Book).run()
    books = await adj.load(books, "author")
    reveal_type(books)  # R: list[Book[TypedDict({'author'=: Author[TypedDict({})]})]]


async def two_loops() -> None:
    for book in await q(Book).select_related("author").run():
        book.author
    for book in await q(Book).run():
        reveal_type(book)  # R: Book[TypedDict({})]


async def two_loops_over_lists() -> None:
    rich, poor = await q(Book).select_related("author").run(), await q(Book).run()
    for book in rich:
        book.author
    for book in poor:
        reveal_type(book)  # R: Book[TypedDict({})]
    for book in reversed(poor):
        reveal_type(book)  # R: Book[TypedDict({})]


async def two_asynchronous_loops() -> None:
    async for book in q(Book).select_related("author"):
        book.author
    async for book in q(Book):
        reveal_type(book)  # R: Book[TypedDict({})]


async def a_query_with_less() -> None:
    query = q(Book).select_related("author")
    query = q(Book)
    query = query.filter(title="x")
    (await query.aget()).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_query_with_more(rich: bool) -> None:
    query = q(Book)
    if rich:
        query = query.select_related("author").filter(pages=1)
    book = await query.aget()
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def an_item() -> None:
    book = await q(Book).select_related("author").aget()
    poor = await q(Book).run()
    book = poor[0]
    reveal_type(book)  # R: Book[TypedDict({})]


async def none_or_a_row() -> None:
    book = await q(Book).select_related("author").afirst()
    book = await q(Book).afirst()
    reveal_type(book)  # R: Book[TypedDict({})] | None


async def a_row_where_none_was_not_expected() -> None:
    book = await q(Book).select_related("author").aget()
    book = await q(Book).afirst()
    # E: Incompatible types in assignment (expression has type "Book[Row[Has[Nothing]]] | None", variable has type " ...


async def something_else() -> None:
    book = await q(Book).select_related("author").aget()
    book = await q(Author).aget()
    # E: Incompatible types in assignment (expression has type "Author[Row[Has[Nothing]]]", variable has type "Book[ ...
    book = 3
    # E: Incompatible types in assignment (expression has type "int", variable has type "Book[Row[Has[Keys[Literal[' ...


async def an_attribute() -> None:
    class Page:
        def __init__(self, book: Book) -> None:
            self.book = book

    page = Page(await q(Book).select_related("author").aget())
    page.book = await q(Book).aget()
    page.book.author
