"""Mistakes that users make, and the error that each must raise: the source of the table in the docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, make_dataclass
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import Count

from adj import (
    EngineNotOpen,
    InvalidCursor,
    InvalidOperand,
    NotLoaded,
    RowTypeMismatch,
    ShapeError,
    UnknownField,
    UnknownLookup,
    UnsupportedFeature,
    q,
)
from adj.errors import InvalidOrder
from tests.shop.models import Author, Book

# An alias of the tests whose file cannot be there.
BROKEN = "archive"


@dataclass(frozen=True)
class Mistake:
    """A line of code, the error it raises, and whether that happens before a query runs."""

    title: str
    code: str
    error: type[Exception]
    ask: Callable[[], Any]
    is_refused_at_the_line: bool = True


async def read_author() -> str:
    """Use a relation that is not loaded."""
    book = await q(Book).order_by("pk").afirst()
    assert book is not None
    return str(book.author.name)


async def list_books() -> list[Book]:
    """Evaluate the QuerySet of a related manager, whose rows are not loaded, in async code."""
    author: Any = await q(Author).order_by("pk").afirst()
    return list(author.books.all())


def forget_await() -> Any:
    """Use the coroutine of a query as if it were its rows."""
    coroutine: Any = q(Book).run()
    try:
        return coroutine[0]
    finally:
        coroutine.close()


def outside(query: Any) -> Awaitable[Any]:
    """Run a query without an event loop, by hand."""
    coroutine = query.run()
    try:
        coroutine.send(None)
    finally:
        coroutine.close()
    raise AssertionError("the query ran without an event loop")


def book_card(**fields: type) -> type[Any]:
    """A dataclass for `into()`."""
    return make_dataclass("BookCard", fields.items())


# Any: type checkers report these mistakes.
books: Any = q(Book)
authors: Any = q(Author)

MISTAKES = (
    Mistake(
        "An unknown field",
        'q(Book).filter(autor__name="Le Guin")',
        UnknownField,
        lambda: books.filter(autor__name="Le Guin"),
    ),
    Mistake(
        "An unknown field further along",
        'q(Book).order_by("author__nme")',
        UnknownField,
        lambda: books.order_by("author__nme"),
    ),
    Mistake(
        "An unknown lookup",
        'q(Book).filter(title__contians="sea")',
        UnknownLookup,
        lambda: books.filter(title__contians="sea"),
    ),
    Mistake(
        "A value of the wrong type",
        'q(Book).filter(pages__gt="many")',
        InvalidOperand,
        lambda: books.filter(pages__gt="many"),
    ),
    Mistake(
        "Text that cannot be parsed",
        'q(Book).filter(published="31.12.2020")',
        InvalidOperand,
        lambda: books.filter(published="31.12.2020"),
    ),
    Mistake(
        "A condition that is not a lookup",
        'q(Book).filter("title")',
        ShapeError,
        lambda: books.filter("title"),
    ),
    Mistake(
        "An annotation that is not an expression",
        'q(Book).annotate(n="tags")',
        ShapeError,
        lambda: books.annotate(n="tags"),
    ),
    Mistake(
        "An order that is not a name",
        "q(Book).order_by(5)",
        InvalidOrder,
        lambda: books.order_by(5),
    ),
    Mistake(
        "An aggregate that is not an expression",
        'await q(Book).aaggregate(n="tags")',
        ShapeError,
        lambda: books.aaggregate(n="tags"),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "An unknown field in `aearliest()`",
        'await q(Book).aearliest("publishd")',
        UnknownField,
        lambda: books.aearliest("publishd"),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "Dates of a field that is not a date",
        'q(Author).dates("name", "year")',
        ShapeError,
        lambda: authors.dates("name", "year"),
    ),
    Mistake(
        "An instance of another model",
        "q(Book).filter(author=Book(title='Lavinia'))",
        InvalidOperand,
        lambda: books.filter(author=Book(title="Lavinia")),
    ),
    Mistake(
        "`only()` after `values()`",
        'q(Book).values("title").only("title")',
        ShapeError,
        lambda: books.values("title").only("title"),
    ),
    Mistake(
        "A field of a row class that is not a column: `titel: str`",
        "q(Book).into(BookCard)",
        UnknownField,
        lambda: books.into(book_card(titel=str)),
    ),
    Mistake(
        "A field of a row class with another type: `pages: str`",
        "q(Book).into(BookCard)",
        RowTypeMismatch,
        lambda: books.into(book_card(pages=str)),
    ),
    Mistake(
        "A field of a row class for a column that can be NULL: `subtitle: str`",
        "q(Book).into(BookCard)",
        RowTypeMismatch,
        lambda: books.into(book_card(subtitle=str)),
    ),
    Mistake(
        "A class of another kind in `into()`",
        "q(Book).into(Book)",
        ShapeError,
        lambda: books.into(Book),
    ),
    Mistake(
        "`annotate()` after `into()`",
        "q(Book).into(BookCard).annotate(n=Count('tags'))",
        ShapeError,
        lambda: books.into(book_card(title=str)).annotate(n=Count("tags")),
    ),
    Mistake(
        "`filter()` after a slice",
        "q(Book)[:10].filter(pages__gt=200)",
        ShapeError,
        lambda: books[:10].filter(pages__gt=200),
    ),
    Mistake(
        "A list instead of names",
        'q(Book).only(["title", "pages"])',
        ShapeError,
        lambda: books.only(["title", "pages"]),
    ),
    Mistake(
        "A many-to-many relation in `select_related()`",
        'q(Book).select_related("tags")',
        UnknownField,
        lambda: books.select_related("tags"),
    ),
    Mistake(
        "An unknown relation in `prefetch_related()`",
        'q(Book).prefetch_related("author__bookz")',
        UnknownField,
        lambda: books.prefetch_related("author__bookz"),
    ),
    Mistake(
        "A query method that combined queries do not support",
        "q(Book).union(q(Book)).annotate(n=Count('tags'))",
        UnsupportedFeature,
        lambda: books.union(q(Book)).annotate(n=Count("tags")),
    ),
    Mistake(
        "`aget()` with two rows",
        "await q(Book).aget(pages__gt=0)",
        Book.MultipleObjectsReturned,
        lambda: books.aget(pages__gt=0),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "`aget()` without a row",
        'await q(Book).aget(isbn="none")',
        Book.DoesNotExist,
        lambda: books.aget(isbn="none"),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "Awaiting a query",
        "await q(Book)",
        TypeError,
        books.__await__,
    ),
    Mistake(
        "A missing `await`; Python also warns that `AsyncQuery.run` was never awaited",
        "q(Book).run()[0]",
        TypeError,
        forget_await,
    ),
    Mistake(
        "A synchronous method",
        "q(Book).count()",
        AttributeError,
        lambda: books.count,
    ),
    Mistake(
        "A query outside an event loop",
        "q(Book).run().send(None)",
        EngineNotOpen,
        lambda: outside(q(Book)),
    ),
    Mistake(
        "A database that does not exist",
        f'await q(Book).using("{BROKEN}").run()',
        EngineNotOpen,
        lambda: books.using(BROKEN).run(),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "A relation that was not loaded",
        "(await q(Book).afirst()).author",
        NotLoaded,
        read_author,
        is_refused_at_the_line=False,
    ),
    Mistake(
        "Related rows that were not loaded, in async code: `adj.load()` them, or use `adj.related()`",
        "list((await q(Author).afirst()).books.all())",
        SynchronousOnlyOperation,
        list_books,
        is_refused_at_the_line=False,
    ),
    Mistake(
        "A malformed cursor",
        'await q(Book).page(25, after="2")',
        InvalidCursor,
        lambda: books.page(25, after="2"),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "A value that is not a model",
        'q("Book")',
        TypeError,
        lambda: q("Book"),  # type: ignore[call-overload]  # the mistake itself
    ),
)
