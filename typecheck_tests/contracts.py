"""`Loaded[Book, ...]` is `Book` for a checker without adj's plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_type

from adj import Loaded, q
from tests.shop.models import Book


def title(book: Loaded[Book, Literal["author", "author__publisher"]]) -> str:
    plain: Book = book
    return str(plain.pk)


def titles(books: Sequence[Loaded[Book, Literal["author"]]]) -> list[str]:
    return [title(book) for book in books]


async def found() -> Loaded[Book, Literal["author"]]:
    return await q(Book).aget()


async def as_a_model(book: Book) -> None:
    title(book)
    titles([book])
    rows: list[Book] = [await found()]
    titles(rows)
    assert_type(await q(Book).run(), list[Book])
