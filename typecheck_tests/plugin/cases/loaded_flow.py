"""What a row carries goes where the row goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, NamedTuple, TypedDict, TypeVar, cast, reveal_type

import adj
from adj import AsyncQuery, q
from tests.shop.models import Author, Book, Publisher, Tag

T = TypeVar("T")
JOINED = q(Book).select_related("author")


def first(items: Iterable[T]) -> T:
    return next(iter(items))


async def later(awaitable: Awaitable[T]) -> T:
    return await awaitable


def queried() -> AsyncQuery[Book]:
    return q(Book).only("title")


async def returned() -> Book:
    return await q(Book).aget()


class Shelf:
    """Has a query and a row."""

    books = q(Book).select_related("author")

    def __init__(self, book: Book) -> None:
        self.book = book


class Place(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


@dataclass
class Card:
    book: Book


class Pair(NamedTuple):
    book: Book
    number: int


class Entry(TypedDict):
    book: Book


async def an_assignment_ends_the_report(author: Author) -> None:
    book = await q(Book).aget()
    book.author = author
    reveal_type(book.author)  # R: Author


async def an_assignment_in_one_branch(author: Author, more: bool) -> None:
    book = await q(Book).aget()
    if more:
        book.author = author
        book.author


async def lists_and_indexes() -> None:
    books = await q(Book).run()
    books[0].author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    books[1:][0].editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...
    first_one, *rest = books
    first_one.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    rest[0].author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def loops() -> None:
    for book in await q(Book).run():
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    for number, other in enumerate(await q(Book).run()):
        other.author, number  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def asynchronous_loops() -> None:
    async for book in q(Book):
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    async with q(Book).stream() as rows:
        async for row in rows:
            row.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def comprehensions() -> None:
    books = await q(Book).run()
    [book.author for book in books]  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    {book.pk: book.author for book in books}  # E: "Book.author" is not loaded: ...
    any(book.author.name for book in books)  # E: "Book.author" is not loaded: ...


async def an_asynchronous_comprehension() -> None:
    [book.author async for book in q(Book)]  # E: "Book.author" is not loaded: ...


async def functions_of_python() -> None:
    books = await q(Book).run()
    sorted(books, key=lambda book: book.pages)[1].author  # E: "Book.author" is not loaded: ...
    max(books, key=lambda book: book.pages).author  # E: "Book.author" is not loaded: ...
    next(iter(books)).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    for book, _ in zip(books, books, strict=True):
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def keys_and_groups() -> None:
    books = await q(Book).run()
    {book.pk: book for book in books}[1].author  # E: "Book.author" is not loaded: ...
    for _, group in groupby(books, key=lambda book: book.pages):
        next(group).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_dict_of_rows() -> None:
    books = await q(Book).ain_bulk([1])
    for book in books.values():
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def none_or_a_row() -> None:
    book = await q(Book).afirst()
    if book is not None:
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    if book:
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def an_early_return() -> None:
    book = await q(Book).afirst()
    if book is None:
        return
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_walrus() -> None:
    if (book := await q(Book).afirst()) is not None:
        book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def an_isinstance() -> None:
    found: object = await q(Book).aget()
    if isinstance(found, Book):
        reveal_type(found)  # R: Book[Any]
    book = await q(Book).afirst()
    if isinstance(book, Book):
        reveal_type(book)  # R: Book[TypedDict({})]


async def a_match() -> None:
    match await q(Book).afirst():
        case Book() as book:
            book.author
        case None:
            pass


async def a_match_of_an_attribute() -> None:
    match await q(Book).aget():
        case Book(title="x") as book:
            book.author


async def a_ternary_keeps_what_both_have(more: bool) -> None:
    rich = await q(Book).select_related("author", "editor").aget()
    poor = await q(Book).select_related("author").aget()
    book = rich if more else poor
    book.author
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def a_list_keeps_what_all_have() -> None:
    rich = await q(Book).select_related("author", "editor").aget()
    poor = await q(Book).select_related("author").aget()
    for book in [rich, poor]:
        book.author
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def a_list_with_a_row_of_which_nothing_is_known(book: Book) -> None:
    reveal_type([await q(Book).aget(), book])  # R: list[Book]


async def an_exception() -> None:
    try:
        book = await q(Book).aget()
    except Book.DoesNotExist:
        return
    else:
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def a_block() -> None:
    async with adj.atomic():
        book = await q(Book).aget()
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def gathered() -> None:
    book, authors = await asyncio.gather(q(Book).aget(), q(Author).run())
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    authors[0].publisher  # E: "Author.publisher" is not loaded: add .select_related("publisher") to the query ...
    one, two = await adj.gather(q(Book).aget(), q(Book).select_related("author").aget())
    one.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    two.author


async def tasks() -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(q(Book).aget())
    task.result().author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    other = asyncio.create_task(q(Book).aget())
    (await other).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def generic_functions() -> None:
    first(await q(Book).run()).author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    (await later(q(Book).aget())).author  # E: "Book.author" is not loaded: ...
    (await asyncio.wait_for(q(Book).aget(), 3)).author  # E: "Book.author" is not loaded: ...


async def generic_classes() -> None:
    Place(await q(Book).aget()).item.author  # E: "Book.author" is not loaded: ...


async def a_class_attribute() -> None:
    book = await Shelf.books.aget()
    book.author
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def a_variable_of_the_module() -> None:
    book = await JOINED.aget()
    book.author
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def what_a_declaration_forgets() -> None:
    book = await q(Book).aget()
    Shelf(book).book.author
    Card(book).book.author
    Pair(book, 1).book.author
    Entry(book=book)["book"].author
    (await returned()).author
    (await queried().aget()).author


async def a_declared_variable_is_not_tracked() -> None:
    book: Book = await q(Book).aget()
    book.author
    other: Book | None = await q(Book).afirst()
    if other:
        other.author


async def rows_are_models() -> None:
    books: list[Book] = await q(Book).run()
    some: Sequence[Book] = await q(Book).run()
    made: Callable[[], Book] = Book
    kind: type[Book] = type(await q(Book).aget())
    print(books, some, made, kind)


async def a_cast_says_more_than_is_known(thing: object) -> None:
    cast("Book", thing).author


async def a_pattern_of_several_rows() -> None:
    match await q(Book).run():
        case [one, *_]:
            one.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
        case _:
            pass


async def an_attribute_of_an_attribute() -> None:
    book = await q(Book).select_related("author").aget()
    author = book.author
    author.publisher  # E: "Author.publisher" is not loaded: add .select_related("publisher") to the query ...
    publisher: Publisher | None = author.publisher  # E: "Author.publisher" is not loaded: ...
    print(publisher)


async def the_rest_of_a_query() -> None:
    books = q(Book).filter(pages=1).select_related("author").exclude(title="x").order_by("title").distinct()
    book = await books[:3].using("default").all().afirst()
    if book:
        book.author
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def unions_of_queries() -> None:
    book = await q(Book).select_related("author").union(q(Book)).afirst()
    reveal_type(book)  # R: Book[TypedDict({'author'=: Author[TypedDict({})]})] | None


async def a_row_that_was_made() -> None:
    reveal_type(Book(title="x"))  # R: Book
    Book(title="x").author


async def hasattr_asks_without_a_report() -> None:
    author = await q(Author).aget()
    if hasattr(author, "profile"):
        print("has one")


async def a_nested_function() -> None:
    book = await q(Book).aget()

    async def inner() -> str:
        return book.author.name  # E: "Book.author" is not loaded: add .select_related("author") to the query ...

    await inner()


async def a_tag_without_relations() -> None:
    tag = await q(Tag).aget()
    reveal_type(tag)  # R: Tag[TypedDict({})]
