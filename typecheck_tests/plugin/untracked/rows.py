"""With `loaded_relations = false`: models are what they are without the plugin, and nothing is reported of rows."""

from __future__ import annotations

from typing import Literal, reveal_type

from django.db.models import Count, F, Prefetch

import adj
from adj import Loaded, q
from tests.shop.models import Author, Book, Tag
from typecheck_tests.plugin.library.models import Person
from typecheck_tests.plugin.press.models import Title


async def rows_are_models() -> None:
    reveal_type(await q(Book).select_related("author").only("title", "author").run())  # R: list[Book]
    reveal_type(await q(Tag).afirst())  # R: Tag | None
    reveal_type(await Person.aobjects.aget())  # R: Person


async def nothing_is_reported_of_rows() -> None:
    book = await q(Book).only("title").aget()
    print(book.author, book.pages, list(book.tags.all()))


async def annotations_are_typed() -> None:
    book = await q(Book).annotate(n=Count("tags")).select_related("author").aget()
    reveal_type(book.n)  # R: int
    reveal_type(book.author)  # R: Author
    title = await q(Title).aget()
    reveal_type(title.mark_count)  # R: int


async def aliases_are_for_later_clauses() -> None:
    query = q(Book).alias(n=Count("tags"))
    reveal_type(await query.filter(n__gt=2).order_by("n").aget())  # R: Book
    books: list[Book] = await query.run()
    books = await query.filter(n="x").run()  # E: Book: "n" expects "int", got "str"  [adj-value]
    row = await query.annotate(m=F("n") + 1).aget()
    reveal_type(row.m)  # R: int
    row.n  # E: "Book" has no attribute "n" ...
    reveal_type((await query.annotate(n=F("n")).aget()).n)  # R: int
    query.filter(k=2)  # E: Book has no field "k" ...


async def attributes_of_prefetches_are_typed() -> None:
    author = await q(Author).prefetch_related(Prefetch("books", to_attr="works")).aget()
    reveal_type(author.works)  # R: list[Book]


async def names_are_checked() -> None:
    q(Book).select_related("autor")
    # E: Book has no single-valued relation "autor"; did you mean "author" or "category"?  [adj-lookup]
    q(Book).only("titel")  # E: Book has no field "titel"; did you mean "title" or "subtitle"?  [adj-lookup]


def a_contract_is_the_model(book: Loaded[Book, Literal["author"]]) -> None:
    reveal_type(book)  # R: Book


async def functions_give_what_they_are_given() -> None:
    book = await q(Book).aget()
    reveal_type(await adj.load(book, "author"))  # R: Book
    reveal_type(await adj.related(book, "tags").run())  # R: list[Tag]
    await adj.refresh(book)


async def a_variable_may_be_assigned_again() -> None:
    book = await q(Book).select_related("author").aget()
    book = await q(Book).aget()
    print(book)
