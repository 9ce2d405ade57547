"""Mistakes that users make, and the error that each of them has to give: the source of the table in the docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from adj import (
    EngineNotOpen,
    InvalidCursor,
    InvalidOperand,
    NotLoaded,
    ShapeError,
    UnknownField,
    UnknownLookup,
    UnsupportedFeature,
    q,
)
from tests.shop.models import Book

# An alias of the tests whose file cannot be there.
BROKEN = "archive"


@dataclass(frozen=True)
class Mistake:
    """A line of code, what it raises, and whether that happens before anything runs."""

    title: str
    code: str
    error: type[Exception]
    ask: Callable[[], Any]
    is_refused_at_the_line: bool = True


async def read_author() -> str:
    """Use a relation that was not asked for."""
    book = await q(Book).order_by("pk").afirst()
    assert book is not None
    return str(book.author.name)


def outside(query: Any) -> Awaitable[Any]:
    """Run a query without an event loop, by hand."""
    coroutine = query.run()
    try:
        coroutine.send(None)
    finally:
        coroutine.close()
    raise AssertionError("the query ran without an event loop")


# The stubs of Django know nothing of what is wrong here.
books: Any = q(Book)

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
        "A wrong kind of operand",
        'q(Book).filter(pages__gt="many")',
        InvalidOperand,
        lambda: books.filter(pages__gt="many"),
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
        "`filter()` after a slice",
        "q(Book)[:10].filter(pages__gt=200)",
        ShapeError,
        lambda: books[:10].filter(pages__gt=200),
    ),
    Mistake(
        "A list of names where names belong",
        'q(Book).only(["title", "pages"])',
        ShapeError,
        lambda: books.only(["title", "pages"]),
    ),
    Mistake(
        "An unknown relation",
        'q(Book).select_related("tags")',
        UnknownField,
        lambda: books.select_related("tags"),
    ),
    Mistake(
        "A prefetch of something unknown",
        'q(Book).prefetch_related("author__bookz")',
        UnknownField,
        lambda: books.prefetch_related("author__bookz"),
    ),
    Mistake(
        "A clause that combined queries cannot take",
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
        "A query that is awaited itself",
        "await q(Book)",
        TypeError,
        books.__await__,
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
        "A broken database path",
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
        "A cursor from somewhere else",
        'await q(Book).page(25, after="2")',
        InvalidCursor,
        lambda: books.page(25, after="2"),
        is_refused_at_the_line=False,
    ),
    Mistake(
        "Something that is no model",
        'q("Book")',
        TypeError,
        lambda: q("Book"),  # type: ignore[call-overload]  # the mistake itself
    ),
)
