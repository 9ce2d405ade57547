"""`Loaded[Book, Literal["author"], Counts]`: names for rows with annotations, with and without relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict, reveal_type

from django.db.models import Count, Max
from django_stubs_ext import WithAnnotations

from adj import AsyncQuery, Loaded, q
from tests.shop.models import Book


class Counts(TypedDict):
    n: int


class More(Counts):
    last: int | None


class Titles(TypedDict):
    title: str


Counted = Loaded[Book, Counts]
Credited = Loaded[Book, Literal["author__publisher"], Counts]


def show(book: Counted) -> int:
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    book.last  # E: "Book" has no attribute "last" ...
    return book.n


def credit(book: Credited) -> str:
    reveal_type(book.n)  # R: int
    return f"{book.author.publisher} {book.author.name}"


@dataclass
class Card:
    book: Counted
    others: list[Counted]


def counted() -> AsyncQuery[Book, Counted]:
    return q(Book).annotate(n=Count("tags"))


def counted_by_the_name_of_django_stubs() -> AsyncQuery[Book, WithAnnotations[Book, Counts]]:
    return q(Book).annotate(n=Count("tags"))


def counted_by_one_argument() -> AsyncQuery[WithAnnotations[Book, Counts]]:
    return q(Book).annotate(n=Count("tags"))


def another_name() -> AsyncQuery[Book, Counted]:
    return q(Book).annotate(k=Count("tags"))
    # E: Incompatible return value type (got "AsyncQuery[Book[Row[Has[Keys[Literal['k']]]]], Book@adj[Row[Has[Keys[L ...


def another_type() -> AsyncQuery[Book, Loaded[Book, More]]:
    return q(Book).annotate(n=Count("tags"), last=Max("title"))
    # E: Incompatible return value type (got "AsyncQuery[Book[Row[Has[Keys[Literal['n', 'last']]]]], Book@adj[Row[Ha ...


async def returned_rows() -> list[Counted]:
    return await q(Book).annotate(n=Count("tags")).run()


async def a_returned_row() -> Credited | None:
    return await q(Book).annotate(n=Count("tags")).select_related("author__publisher").afirst()


async def given_rows(plain: Book) -> None:
    row = await q(Book).annotate(n=Count("tags")).select_related("author__publisher").aget()
    show(row), credit(row), Card(row, [row]), Card(row, await returned_rows())
    show(await q(Book).aget())
    # E: Argument 1 to "show" has incompatible type "Book[Row[Has[Nothing]]]"; expected "Book@adj[Callable[[], Needs ...
    show(await q(Book).annotate(k=Count("tags")).aget())
    # E: Argument 1 to "show" has incompatible type "Book@adj[Row[Has[Keys[Literal['k']]]]]"; expected "Book@adj[Cal ...
    credit(await q(Book).annotate(n=Count("tags")).aget())
    # E: Argument 1 to "credit" has incompatible type "Book@adj[Row[Has[Keys[Literal['n']]]]]"; expected "Book@adj[C ...
    show(plain)  # E: Argument 1 to "show" has incompatible type "Book"; expected "Book@adj[Callable[[], Needs[Lite ...


async def received_queries() -> None:
    reveal_type((await counted().filter(n=3).order_by("n").aget()).n)  # R: int
    reveal_type((await counted_by_the_name_of_django_stubs().filter(n__gt=3).aget()).n)  # R: int
    reveal_type((await counted_by_one_argument().filter(n__gt=3).aget()).n)  # R: int
    reveal_type(await counted().values("n", "title").aget())  # R: TypedDict({'n': int, 'title': str})
    reveal_type((await counted().annotate(k=Count("chapters")).aget()).k)  # R: int
    counted().filter(n="x")  # E: Book: "n" expects "int", got "str"  [adj-value]
    counted().filter(k=1)  # E: Book has no field "k"; ...


async def received_rows() -> None:
    rows = await returned_rows()
    reveal_type(rows[0].n)  # R: int
    rows.append(await q(Book).annotate(n=Count("chapters")).aget())
    row = await a_returned_row()
    if row is not None:
        row.author.publisher
        reveal_type(row.n)  # R: int
        row.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


class BookQuery(AsyncQuery[Book, Book]):
    def counted(self) -> AsyncQuery[Book, Counted]:
        return self.annotate(n=Count("tags"))


async def a_method_that_annotates() -> None:
    reveal_type((await BookQuery.of(q(Book)).counted().filter(n=1).aget()).n)  # R: int


def an_unknown_relation(book: Loaded[Book, Literal["autor"], Counts]) -> None: ...


# E: Book has no relation "autor"; did you mean "author" or "category"?  [adj-lookup]


def a_name_of_the_model(book: Loaded[Book, Titles]) -> None: ...


# E: the annotation "title" conflicts with a field of Book  [adj-lookup]
