"""What every checker has to refuse: each line with a comment `wrong` is an error, and no other line is."""

from __future__ import annotations

from adj import AsyncQuery, atomic, q
from tests.shop.models import Author, Book


async def a_query_is_not_awaitable() -> None:
    await q(Book)  # wrong
    await q(Book).filter(pages=1)  # wrong
    await q(Book)[0]  # wrong
    await q(Book).raw("SELECT 1")  # wrong


async def a_query_is_not_iterable() -> None:
    for _ in q(Book):  # wrong, except for pyrefly
        pass
    len(q(Book))  # wrong
    list(q(Book))  # wrong


async def a_name_is_there_or_not() -> None:
    q(Book).count()  # wrong
    q(Book).get(pk=1)  # wrong
    q(Book).fliter(pages=1)  # wrong


async def an_argument_has_its_type() -> None:
    q("Book")  # wrong
    q(Book).only(1)  # wrong
    q(Book).aiterator(chunk_size="many")  # wrong
    q(Book).using(1)  # wrong
    atomic(timeout="3")  # wrong
    atomic(durabel=True)  # wrong
    atomic("default", True)  # wrong


async def a_row_is_of_its_model() -> object:
    author: Author = await q(Book).aget(pk=1)  # wrong
    book: Book = await q(Book).afirst()  # wrong
    books: list[Author] = await q(Book).run()  # wrong
    query: AsyncQuery[Author] = q(Book)  # wrong
    return author, book, books, query
