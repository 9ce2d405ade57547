"""`Loaded[Book, Literal["author"]]`: what a function may say that it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypedDict, reveal_type

from adj import AsyncQuery, Loaded, q
from tests.shop.models import Author, Book

Credited: TypeAlias = Loaded[Book, Literal["author"]]
Names = Literal["author", "author__publisher"]


def credit(book: Loaded[Book, Literal["author"]]) -> str:
    return book.author.name


def imprint(book: "Loaded[Book, Literal['author', 'author__publisher']]") -> object:  # noqa: UP037
    return book.author.publisher


def named(book: Loaded[Book, Names]) -> object:
    return book.author.publisher


def all_credits(books: list[Credited]) -> None: ...


def some_credits(books: Iterable[Credited]) -> None: ...


def shelved(author: Loaded[Author, Literal["books"]]) -> None: ...


@dataclass
class Card:
    book: Credited


class Pair(NamedTuple):
    book: Credited


class Entry(TypedDict):
    book: Credited


class HasAuthor(Protocol):
    @property
    def author(self) -> Author: ...


def has_author(thing: HasAuthor) -> None: ...


class Shows(Protocol):
    def show(self, book: Credited) -> str: ...


class Shown:
    def show(self, book: Credited) -> str:
        return book.author.name


async def a_row_that_carries_it() -> None:
    credit(await q(Book).select_related("author").aget())


async def a_row_that_carries_more() -> None:
    credit(await q(Book).select_related("author__publisher", "editor").defer("pages").aget())


async def a_row_that_does_not() -> None:
    credit(await q(Book).aget())
    # E: Argument 1 to "credit" has incompatible type "Book[Row[Has[Nothing]]]"; expected "Book[Callable[[], Needs[L ...


async def a_row_of_which_nothing_is_known(book: Book) -> None:
    credit(book)
    credit(Book(title="x"))


async def a_path() -> None:
    imprint(await q(Book).select_related("author__publisher").aget())
    imprint(await q(Book).select_related("author").aget())
    # E: Argument 1 to "imprint" has incompatible type "Book[Row[Has[Keys[Literal['author']]]]]"; expected "Book[Cal ...
    named(await q(Book).select_related("author").aget())
    # E: Argument 1 to "named" has incompatible type "Book[Row[Has[Keys[Literal['author']]]]]"; expected "Book[Calla ...


async def a_relation_to_many() -> None:
    shelved(await q(Author).prefetch_related("books").aget())
    shelved(await q(Author).aget())
    # E: Argument 1 to "shelved" has incompatible type "Author[Row[Has[Nothing]]]"; expected "Author[Callable[[], Ne ...


async def lists() -> None:
    all_credits(await q(Book).select_related("author").run())
    all_credits(await q(Book).run())
    # E: Argument 1 to "all_credits" has incompatible type "list[Book[Row[Has[Nothing]]]]"; expected "list[Book[Call ...
    all_credits(await q(Book).select_related("author", "editor").run())
    some_credits(await q(Book).select_related("author", "editor").run())


async def members_of_classes() -> None:
    rich, poor = await q(Book).select_related("author").aget(), await q(Book).aget()
    Card(rich), Pair(rich), Entry(book=rich)
    Card(poor)
    # E: Argument 1 to "Card" has incompatible type "Book[Row[Has[Nothing]]]"; expected "Book[Callable[[], Needs[Lit ...
    Pair(poor)
    # E: Argument 1 to "Pair" has incompatible type "Book[Row[Has[Nothing]]]"; expected "Book[Callable[[], Needs[Lit ...
    Entry(book=poor)
    # E: Incompatible types (expression has type "Book[Row[Has[Nothing]]]", TypedDict item "book" has type "Book[Cal ...


async def what_it_says_is_known_inside() -> None:
    def show(book: Credited) -> None:
        reveal_type(book)  # R: Book[TypedDict({'author'=: Author[TypedDict({})]})]
        book.author
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...

    show(await q(Book).select_related("author").aget())


async def a_returned_row() -> Credited:
    return await q(Book).select_related("author").aget()


async def a_returned_row_with_less() -> Credited:
    return await q(Book).aget()
    # E: Incompatible return value type (got "Book[Row[Has[Nothing]]]", expected "Book[Callable[[], Needs[Literal['a ...


async def the_row_that_is_returned() -> None:
    reveal_type(await a_returned_row())  # R: Book[TypedDict({'author'=: Author[TypedDict({})]})]


async def a_query_of_such_rows(query: AsyncQuery[Book, Credited]) -> AsyncQuery[Book, Credited]:
    (await query.aget()).author
    return q(Book)
    # E: Incompatible return value type (got "AsyncQuery[Book, Book[Row[Has[Nothing]]]]", expected "AsyncQuery[Book, ...


async def a_row_with_annotations() -> None:
    from django.db.models import Count

    credit(await q(Book).annotate(n=Count("tags")).select_related("author").aget())
    credit(await q(Book).annotate(n=Count("tags")).aget())
    # E: Argument 1 to "credit" has incompatible type "Book@adj[Row[Has[Keys[Literal['n']]]]]"; expected "Book[Calla ...


async def a_callable() -> None:
    shows: Callable[[Book], str] = credit
    print(shows)


async def a_protocol_of_the_project() -> None:
    has_author(await q(Book).select_related("author").aget())
    shows: Shows = Shown()
    shows.show(await q(Book).aget())
    # E: Argument 1 to "show" of "Shows" has incompatible type "Book[Row[Has[Nothing]]]"; expected "Book[Callable[[] ...


async def an_assigned_relation(author: Author) -> None:
    book = await q(Book).aget()
    book.author = author
    credit(book)


def a_relation_that_is_not_there(book: Loaded[Book, Literal["autor"]]) -> None: ...


# E: Book has no relation "autor"; did you mean "author" or "category"?  [adj-lookup]


def a_column_is_no_relation(book: Loaded[Book, Literal["pages"]]) -> None: ...


# E: Book has no relation "pages"; did you mean "tags"?  [adj-lookup]


def too_few_arguments(book: Loaded[Book]) -> None: ...


# E: Loaded[...] takes a model, a Literal of relations, and optionally a TypedDict of annotations  [adj-lookup]


async def loaded_afterwards() -> None:
    import adj

    book = await q(Book).aget()
    await adj.load(book, "author")
    credit(book)
    all_credits(await adj.load(await q(Book).run(), "author"))
