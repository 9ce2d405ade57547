"""`load()`, `refresh()` and `related()`, and what they make of rows."""

from __future__ import annotations

from typing import reveal_type

from django.db.models import Prefetch

import adj
from adj import q
from tests.shop.models import Author, Book, Tag
from typecheck_tests.plugin.library.models import Person
from typecheck_tests.plugin.press.models import Title


async def load_narrows_its_variable() -> None:
    book = await q(Book).aget()
    await adj.load(book, "author")
    reveal_type(book.author)  # R: Author[TypedDict({})]
    book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def load_returns_the_rows() -> None:
    book = await adj.load(await q(Book).aget(), "author__publisher")
    reveal_type(book.author.publisher)  # R: Publisher[TypedDict({})] | None


async def load_of_a_list() -> None:
    books = await q(Book).run()
    await adj.load(books, "author", "tags")
    for book in books:
        book.author
        [tag.name for tag in book.tags.all()]
        book.editor  # E: "Book.editor" is not loaded: add .select_related("editor") to the query ...


async def load_of_a_list_into_its_variable() -> None:
    books = await q(Book).run()
    books = await adj.load(books, "author")
    books[0].author


async def load_of_an_item() -> None:
    books = await q(Book).run()
    await adj.load(books[0], "author")
    books[0].author


async def load_in_a_loop() -> None:
    for book in await q(Book).run():
        await adj.load(book, "author")
        book.author


async def load_in_a_branch(more: bool) -> None:
    book = await q(Book).aget()
    if more:
        await adj.load(book, "author")
        book.author
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def load_of_a_deferred_column() -> None:
    tag = await q(Tag).only("name").aget()
    await adj.load(tag, "weight")
    tag.weight


async def load_of_a_column_further_on() -> None:
    book = await q(Book).select_related("author").only("title", "author__name").aget()
    await adj.load(book, "author__born")
    book.author.born
    book.author.pen_name
    # E: "Author.pen_name" is deferred by the query: remove it from defer() or add it to only() ...


async def load_of_a_prefetch() -> None:
    author = await q(Author).aget()
    author = await adj.load(author, Prefetch("books", q(Book).select_related("publisher")))
    loaded = await adj.load(await q(Author).aget(), Prefetch("books", to_attr="works"))
    reveal_type(loaded.works)  # R: list[Book[TypedDict({'author'=: Author})]]


async def load_keeps_what_is_there() -> None:
    book = await q(Book).select_related("author__publisher").aget()
    await adj.load(book, "author__mentor")
    book.author.publisher, book.author.mentor


async def load_of_a_name_that_is_not_there() -> None:
    book = await q(Book).aget()
    await adj.load(book, "autor")  # E: Book has no relation "autor"; did you mean "author" or "category"?  [adj-lookup]


async def load_of_names_that_only_the_run_knows(names: list[str]) -> None:
    book = await q(Book).aget()
    await adj.load(book, *names)
    book.author


async def load_of_a_row_of_which_nothing_is_known(book: Book) -> None:
    await adj.load(book, "author")
    reveal_type(book)  # R: Book


async def load_of_an_attribute() -> None:
    class Page:
        def __init__(self) -> None:
            self.book = Book()

    page = Page()
    page.book = await q(Book).aget()
    await adj.load(page.book, "author")
    page.book.author


async def the_method_of_a_model() -> None:
    person = await q(Title.plain).aget()
    await person.aload("editor")
    person.editor
    other = await (await q(Title.plain).aget()).aload("house")
    other.house
    other.editor  # E: "Title.editor" is not loaded: add .select_related("editor") to the query ...


async def refresh_forgets_relations() -> None:
    book = await q(Book).select_related("author").prefetch_related("tags").aget()
    await adj.refresh(book)
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...
    list(book.tags.all())  # E: "Book.tags" is not loaded: ...


async def refresh_of_fields() -> None:
    tag = await q(Tag).only("name").aget()
    await adj.refresh(tag, fields=["weight"])
    tag.weight
    book = await q(Book).select_related("author").aget()
    await adj.refresh(book, fields=["title"])
    book.author


async def refresh_of_a_relation_forgets_it() -> None:
    book = await q(Book).select_related("author").aget()
    await adj.refresh(book, fields=["author"])
    book.author  # E: "Book.author" is not loaded: add .select_related("author") to the query ...


async def refresh_from_a_query() -> None:
    book = await q(Book).aget()
    await adj.refresh(book, from_queryset=q(Book).select_related("author"))
    book.author


async def the_other_method_of_a_model() -> None:
    title = await q(Title.plain).select_related("house").aget()
    await title.arefresh_from_db()
    title.house  # E: "Title.house" is not loaded: add .select_related("house") to the query ...


async def related_rows_know_the_way_back() -> None:
    author = await q(Author).aget()
    book = await adj.related(author, "books").order_by("title").aget()
    reveal_type(book.author)  # R: Author[TypedDict({})]
    book.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query ...


async def related_rows_of_a_manager() -> None:
    author = await q(Author).aget()
    book = await adj.related(author.books).aget()
    book.author
    book.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query ...


async def related_rows_of_many_to_many() -> None:
    book = await q(Book).aget()
    reveal_type(await adj.related(book, "tags").run())  # R: list[Tag[TypedDict({})]]


async def related_rows_of_a_row_of_which_nothing_is_known(author: Author) -> None:
    book = await adj.related(author, "books").aget()
    reveal_type(book.author)  # R: Author
    book.publisher  # E: "Book.publisher" is not loaded: add .select_related("publisher") to the query ...


async def related_rows_that_were_created() -> None:
    author = await q(Author).aget()
    book = await adj.related(author, "books").acreate(title="x")
    book.author, book.publisher


async def related_rows_of_a_name_that_is_not_there() -> None:
    author = await q(Author).aget()
    adj.related(author, "bokks")  # E: Author has no relation "bokks"; did you mean "books"?  [adj-lookup]


async def related_rows_of_a_name_that_only_the_run_knows(name: str) -> None:
    author = await q(Author).aget()
    reveal_type(adj.related(author, name))  # R: RelatedQuery[Any]


async def related_rows_with_more() -> None:
    person = await q(Person).aget()
    film = await adj.related(person, "films").select_related("shelf").aget()
    film.shelf, film.director
