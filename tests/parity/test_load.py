"""`adj.load()`: what it loads is what Django would have fetched one by one, by one query for each relation."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError
from django.db.models import Count, Prefetch

import adj
from adj import q
from adj.compiler.relations.loading import reached
from adj.errors import CannotLoad, UnknownField
from adj.events import QueryEvent
from tests.graphs.models import Drawer, Person
from tests.parity.plain import difference, plain
from tests.running import run
from tests.shop.models import Author, Book, Depot, Note, OrderLine, Publisher, Reader, Review, Tag, Visit

around: Any = Prefetch


async def loaded(given: Any, *names: Any) -> tuple[Any, list[QueryEvent]]:
    events: list[QueryEvent] = []
    with adj.observe(events.append):
        return await adj.load(given, *names), events


RELATIONS = pytest.mark.parametrize(
    ("model", "names", "queries"),
    [
        (Book, ["author"], 1),
        (Book, ["author", "tags"], 2),
        (Book, ["author__publisher__country", "tags", "reviews", "detail"], 6),
        (Author, ["profile", "books__tags", "pupils"], 4),
        (Tag, ["books__author"], 2),
        (Reader, ["favourite__author", "maker"], 3),
        (Visit, ["customer"], 1),
    ],
)


def _compare_relations(alias: str, model: Any, names: list[str], queries: int) -> None:
    async def main() -> tuple[Any, list[QueryEvent]]:
        return await loaded(await q(model).using(alias).order_by("pk").run(), *names)

    rows, events = run(main())
    theirs = list(model.objects.using(alias).order_by("pk").prefetch_related(*names))
    assert plain(rows) == plain(theirs), difference(plain(theirs), plain(rows))
    assert len(events) == queries


@RELATIONS
def test_relations_are_those_of_a_prefetch(shop: str, model: Any, names: list[str], queries: int) -> None:
    _compare_relations(shop, model, names, queries)


@RELATIONS
def test_relations_are_those_of_a_prefetch_on_postgresql(
    postgres: str, model: Any, names: list[str], queries: int
) -> None:
    _compare_relations(postgres, model, names, queries)


def test_a_thousand_books_take_three_queries_at_most() -> None:
    async def main() -> tuple[list[Any], list[QueryEvent]]:
        few = await q(Book).order_by("pk").run()
        copies = [await q(Book).order_by("pk").run() for _ in range(1_000 // len(few) + 1)]
        books = [book for copy in copies for book in copy][:1_000]
        return await loaded(books, "author", "tags")

    books, events = run(main())
    assert len(books) == 1_000
    assert len(events) <= 3
    assert all(book.author.pk == book.author_id for book in books)
    expected = {book.pk: list(book.tags.all()) for book in Book.objects.prefetch_related("tags")}
    assert all(list(book.tags.all()) == expected[book.pk] for book in books)


def test_load_returns_its_argument() -> None:
    async def main() -> None:
        book = await q(Book).order_by("pk")[0].run()
        assert await adj.load(book, "author") is book
        books = [book]
        assert await adj.load(books, "tags") is books
        pair = (book, book)
        assert await adj.load(pair, "reviews") is pair
        nothing: list[Book] = []
        assert await adj.load(nothing, "author") is nothing
        assert await adj.load(book) is book

    run(main())


def test_what_is_loaded_stays_as_it_is() -> None:
    async def main() -> None:
        book = await q(Book).select_related("author").prefetch_related("tags").order_by("pk")[0].run()
        author, tags = book.author, book.tags.all()
        _, events = await loaded(book, "author", "tags", "title", "author__name")
        assert not events
        assert book.author is author
        assert book.tags.all() is tags

    run(main())


def test_only_missing_relations_are_fetched() -> None:
    async def main() -> list[QueryEvent]:
        books = await q(Book).order_by("pk").run()
        await adj.load(books[:-1], "author")
        _, events = await loaded(books, "author")
        assert all("author" in book._state.fields_cache for book in books)
        return events

    (event,) = run(main())
    assert event.rows == 1


def _compare_deferred_columns(alias: str) -> None:
    async def main() -> Any:
        books = await q(Book).using(alias).only("title").order_by("pk").run()
        books[0].price = 5
        _, events = await loaded(books, "pages", "released", "price")
        assert len(events) == 1
        return books

    books = run(main())
    theirs = list(Book.objects.using(alias).only("title", "pages", "released", "price").order_by("pk"))
    assert [book.get_deferred_fields() for book in books] == [book.get_deferred_fields() for book in theirs]
    assert [(book.pages, book.released) for book in books] == [(book.pages, book.released) for book in theirs]
    assert books[0].price == 5
    assert [book.price for book in books[1:]] == [book.price for book in theirs[1:]]


def test_deferred_columns_are_loaded_by_one_query(shop: str) -> None:
    _compare_deferred_columns(shop)


def test_deferred_columns_are_loaded_by_one_query_on_postgresql(postgres: str) -> None:
    _compare_deferred_columns(postgres)


def test_the_key_of_a_relation_is_loaded_with_the_columns(shop: str) -> None:
    async def main() -> Any:
        books = await q(Book).using(shop).only("title").order_by("pk").run()
        _, events = await loaded(books, "author", "pages")
        assert len(events) == 2
        return books

    books = run(main())
    assert [book.author.name for book in books] == [
        book.author.name for book in Book.objects.using(shop).order_by("pk")
    ]


def test_columns_of_related_rows_are_loaded_as_well(shop: str) -> None:
    async def main() -> Any:
        books = (
            await q(Book).using(shop).prefetch_related(around("author", q(Author).only("name"))).order_by("pk").run()
        )
        _, events = await loaded(books, "author__born", "author__profile__bio")
        assert len(events) == 2
        return books

    for book in run(main()):
        born: datetime.date | None = Author.objects.using(shop).get(pk=book.author_id).born
        assert book.author.born == born


def test_rows_with_several_keys_load_their_columns(shop: str) -> None:
    async def main() -> Any:
        lines = await q(OrderLine).using(shop).only("quantity").order_by("pk").run()
        return await adj.load(lines, "cents", "total", "book")

    lines = run(main())
    theirs = list(OrderLine.objects.using(shop).order_by("pk"))
    assert [(line.pk, line.cents, line.total) for line in lines] == [(one.pk, one.cents, one.total) for one in theirs]


def test_a_prefetch_object_says_which_rows(shop: str) -> None:
    async def main() -> Any:
        authors = await q(Author).using(shop).order_by("pk").run()
        counted = q(Book).annotate(n=Count("tags")).order_by("-n")
        return await adj.load(authors, around("books", counted, to_attr="by_tags"))

    for author in run(main()):
        assert {book.pk for book in author.by_tags} == set(author.books.values_list("pk", flat=True))


def test_generic_relations_are_loaded_by_django(shop: str) -> None:
    async def main() -> Any:
        notes = await q(Note).using(shop).order_by("pk").run()
        books = await q(Book).using(shop).order_by("pk").run()
        return await adj.load(notes, "target", "content_type"), await adj.load(books, "notes")

    ContentType.objects.clear_cache()
    notes, books = run(main())
    theirs = list(Note.objects.using(shop).order_by("pk").prefetch_related("target", "content_type"))
    assert plain(notes) == plain(theirs)
    assert plain(books) == plain(list(Book.objects.using(shop).order_by("pk").prefetch_related("notes")))


def _load_in_a_transaction(alias: str) -> None:
    async def main() -> None:
        book: Any = await q(Book).using(alias).order_by("pk")[0].run()
        async with adj.atomic(alias):
            moment = "2024-01-01T00:00Z"
            await Review.objects.using(alias).acreate(book=book, critic="me", stars=5, created=moment)
            await adj.load(book, "reviews", "author")
            await adj.set_rollback(True, using=alias)
        assert "me" in {review.critic for review in book.reviews.all()}

    run(main())
    assert not Review.objects.using(alias).filter(critic="me").exists()


def test_loading_joins_the_transaction(shop: str) -> None:
    _load_in_a_transaction(shop)


def test_loading_joins_the_transaction_on_postgresql(postgres: str) -> None:
    _load_in_a_transaction(postgres)


def test_other_tasks_load_on_other_connections(postgres: str) -> None:
    async def main() -> None:
        books: list[Any] = await q(Book).using(postgres).order_by("pk")[:8].run()
        await asyncio.gather(*(adj.load(book, "author", "tags") for book in books))
        assert all(book.author.pk == book.author_id for book in books)

    run(main())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["authr"], r'Book has no field "authr"; did you mean "author"\?'),
        (["author__publishr"], r'Author has no field "publishr".* did you mean "publisher"\?'),
        (["authr__name"], r'Book has no relation "authr".* did you mean "author"\?'),
        (["title__length"], r'Book has no relation "title"'),
    ],
)
def test_unknown_names_are_refused_before_any_query(names: list[str], message: str) -> None:
    async def main() -> None:
        book = await q(Book).order_by("pk")[0].run()
        events: list[QueryEvent] = []
        with adj.observe(events.append), pytest.raises(UnknownField, match=message):
            await adj.load(book, "author", *names)
        assert not events

    run(main())


def test_what_has_no_relations_is_refused() -> None:
    async def main() -> None:
        book, author = await q(Book).order_by("pk")[0].run(), await q(Author).order_by("pk")[0].run()
        unsaved: Any = Book(title="new")
        query: Any = q(Book)
        mixed: list[Any] = [book, author]
        rows: Any = await q(Book).values("title")[:1].run()
        cases: list[tuple[Any, str]] = [
            (unsaved, "an unsaved Book.* Save it first"),
            (mixed, "one model; got Author and Book"),
            (query, "got AsyncQuery.* Run a query first"),
            (Book.objects.all(), "got BookQuerySet"),
            (rows, "got dict"),
            ("book", "got str"),
        ]
        for given, message in cases:
            with pytest.raises(CannotLoad, match=message):
                await adj.load(given, "author")

    run(main())


def test_rows_of_several_databases_are_refused(postgres: str) -> None:
    async def main() -> None:
        here, there = await q(Book).order_by("pk")[0].run(), await q(Book).using(postgres).order_by("pk")[0].run()
        with pytest.raises(CannotLoad, match="one database; got default and postgres"):
            await adj.load([here, there], "author")

    run(main())


def test_a_row_that_is_gone_has_no_columns() -> None:
    async def main() -> None:
        book = await q(Book).only("title").order_by("pk")[0].run()
        book.pk = 10**9
        with pytest.raises(Book.DoesNotExist):
            await adj.load(book, "pages")

    run(main())


def test_an_error_of_the_database_shows_the_relations_query() -> None:
    async def main() -> None:
        book = await q(Book).order_by("pk")[0].run()
        await adj.load(book, around("author", q(Author).extra(where=["no_such_column = 1"])))

    with pytest.raises(DatabaseError) as raised:
        run(main())
    assert any("q(Author)" in note and "id__in" in note for note in raised.value.__notes__)


# -- deferred keys, and lists ------------------------------------------------------------------------------------------


DEFERRED = pytest.mark.parametrize(
    ("model", "only", "names", "queries"),
    [
        (Publisher, "name", ["depots"], 2),
        (Publisher, "name", ["depots__books__author"], 4),
        (Depot, "name", ["publisher__country"], 3),
        (Note, "text", ["target"], 1),
        (Book, "title", ["author__publisher", "category"], 4),
        (Book, "title", ["tags", "reviews", "notes"], 2),
        (Person, "name", ["pupils", "mentor", "memberships__club", "clubs"], 5),
        (Drawer, "name", ["desk", "room"], 2),
    ],
)


@DEFERRED
def test_deferred_keys_of_any_relation_are_loaded_by_one_query(
    shop: str, model: Any, only: str, names: list[str], queries: int
) -> None:
    _compare_deferred(shop, model, only, names, queries)


@DEFERRED
def test_deferred_keys_of_any_relation_are_loaded_by_one_query_on_postgresql(
    postgres: str, model: Any, only: str, names: list[str], queries: int
) -> None:
    _compare_deferred(postgres, model, only, names, queries)


def _compare_deferred(alias: str, model: Any, only: str, names: list[str], queries: int) -> None:
    async def main() -> tuple[Any, list[QueryEvent]]:
        return await loaded(await q(model).using(alias).only(only).order_by("pk").run(), *names)

    rows, events = run(main())
    theirs = list(model.objects.using(alias).only(only).order_by("pk").prefetch_related(*names))
    assert len(events) == queries
    for ours, django in zip(rows, theirs, strict=True):
        assert related_rows(ours, names) == related_rows(django, names)


def related_rows(instance: Any, names: list[str]) -> Any:
    """What relations lead to; loaded columns are in another order among an instance's attributes than in Django."""
    return [[row.pk for row in reached([instance], name)] for name in names]


def test_deferred_keys_are_loaded_by_one_query(shop: str) -> None:
    async def main() -> tuple[Any, list[QueryEvent]]:
        authors = await q(Author).using(shop).order_by("pk").run()
        return await loaded(authors, around("books", q(Book).using(shop).only("title")))

    authors, events = run(main())
    assert len(events) == 2
    theirs: Any = Author.objects.using(shop).order_by("pk").prefetch_related("books")
    for author, django in zip(authors, theirs, strict=True):
        assert list(author.books.all()) == list(django.books.all())


def test_paths_may_go_through_the_lists_of_to_attr(shop: str) -> None:
    subtitles = set(Book.objects.using(shop).filter(pages__gt=300).values_list("subtitle", flat=True))

    async def main() -> None:
        authors: Any = await q(Author).using(shop).order_by("pk").run()
        thick = around("books", q(Book).using(shop).filter(pages__gt=300).defer("subtitle"), to_attr="thick")
        await adj.load(authors, thick, "thick__tags", "thick__subtitle", "thick__publisher__country")
        books: list[Any] = [book for author in authors for book in author.thick]
        assert books
        assert {book.subtitle for book in books} == subtitles
        _, events = await loaded(authors, "thick__reviews", "thick__editor__name", "thick__publisher")
        assert len(events) == 2
        assert all("reviews" in book._prefetched_objects_cache for book in books)
        about = around("profile", to_attr="about")
        await adj.load(authors, about, "about__author")
        for author in authors:
            assert author.about is None or author.about.author is author
        for name in ("thick__nothing", "thin__tags", "thick__tags__nothing__x"):
            with pytest.raises((UnknownField, AttributeError)):
                await adj.load(authors, name)

    run(main())
