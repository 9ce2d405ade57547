"""Prefetching: the same rows in the same caches as in Django, with no more queries, whatever the cache contains."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db import OperationalError, connections
from django.db.models import Count, Manager, Prefetch, QuerySet, Sum, prefetch_related_objects
from django.db.models.query import ModelIterable
from django.test import override_settings

import adj
from adj import q
from adj.compiler.django.dialect import Dialect, dialect_for
from adj.compiler.relations.prefetch.querysets import querysets_of
from adj.compiler.relations.relation import Relation, relation_of
from adj.events import QueryEvent
from adj.settings import alias_settings
from tests.parity.oracle import Session, compare, ending
from tests.parity.plain import difference, plain
from tests.running import run
from tests.shop.models import (
    Author,
    AuthorProfile,
    Book,
    BookDetail,
    Category,
    Chapter,
    Contribution,
    Country,
    Customer,
    Depot,
    Gadget,
    Item,
    Note,
    Order,
    Publisher,
    Reader,
    Review,
    Tag,
    Visit,
)

if TYPE_CHECKING:  # generic for the checkers only
    Lookup = Prefetch[Any]
else:
    Lookup = Prefetch

# The stubs know QuerySets in a Prefetch only.
around: Any = Prefetch

# (name, build, values): one run for each value, the later ones with the plan of the first one.
CASES: list[tuple[str, Any, list[Any]]] = [
    ("forward", lambda s, n: s(Book).order_by("pk").prefetch_related("author")[:n], [3, 9, 40]),
    ("forward with gaps", lambda s, n: s(Book).order_by("pk").prefetch_related("editor")[:n], [2, 11]),
    ("forward to no row at all", lambda s: s(Book).filter(editor=None).prefetch_related("editor"), []),
    ("forward one-to-one", lambda s: s(AuthorProfile).prefetch_related("author"), []),
    ("forward one-to-one as the key", lambda s: s(BookDetail).prefetch_related("book__author"), []),
    ("forward to a slug", lambda s: s(Depot).prefetch_related("publisher__country"), []),
    ("forward to a text key", lambda s: s(Publisher).prefetch_related("country__customers"), []),
    ("forward to itself", lambda s: s(Author).prefetch_related("mentor__mentor"), []),
    ("reverse", lambda s, n: s(Author).order_by("pk").prefetch_related("books")[:n], [1, 5, 12]),
    ("reverse of a slug", lambda s: s(Publisher).prefetch_related("depots"), []),
    ("reverse to itself", lambda s: s(Category).prefetch_related("children__children__books"), []),
    ("reverse with a custom manager", lambda s: s(Book).prefetch_related("reviews"), []),
    ("reverse ordered by position", lambda s: s(Book).prefetch_related("chapters"), []),
    ("reverse with a composite key", lambda s: s(Order).prefetch_related("lines__book"), []),
    ("reverse of a UUID", lambda s: s(Customer).prefetch_related("orders__lines"), []),
    ("reverse one-to-one", lambda s, n: s(Author).order_by("pk").prefetch_related("profile")[:n], [4, 12]),
    ("reverse one-to-one as the key", lambda s: s(Book).prefetch_related("detail"), []),
    ("many to many", lambda s, n: s(Book).order_by("pk").prefetch_related("tags")[:n], [5, 30]),
    ("many to many, other side", lambda s: s(Tag).prefetch_related("books"), []),
    ("many to many through a model", lambda s: s(Book).prefetch_related("contributors"), []),
    ("many to many, other side, through", lambda s: s(Author).prefetch_related("contributed_books__tags"), []),
    ("names that need quotes", lambda s: s(Depot).prefetch_related("books"), []),
    ("inherited columns", lambda s: s(Gadget).prefetch_related("maker"), []),
    ("parents and children", lambda s: s(Item).prefetch_related("gadget__reader__favourite"), []),
    ("from a child", lambda s: s(Reader).prefetch_related("gadget_ptr__item_ptr__maker", "favourite__tags"), []),
    ("models with code of their own", lambda s: s(Visit).prefetch_related("customer__visits"), []),
    ("three levels", lambda s: s(Country).prefetch_related("publishers__authors__books"), []),
    (
        "several at a level",
        lambda s: s(Book).prefetch_related("tags", "author__publisher__country", "reviews", "detail", "chapters"),
        [],
    ),
    (
        "the same relation on two ways",
        lambda s: s(Book).prefetch_related("author__publisher", "editor__publisher", "publisher"),
        [],
    ),
    ("back and forth", lambda s: s(Author).prefetch_related("books__author__profile", "profile"), []),
    ("twice the same", lambda s: s(Book).prefetch_related("tags", "tags", "author", "author__books", "author"), []),
    ("selected before", lambda s: s(Book).select_related("author").prefetch_related("author__books", "author"), []),
    ("selected and missing", lambda s: s(Author).select_related("profile").prefetch_related("profile__author"), []),
    ("generic, beside plain ones", lambda s: s(Book).prefetch_related("notes__content_type", "tags"), []),
    ("generic foreign key", lambda s: s(Note).prefetch_related("target", "content_type"), []),
    ("below a generic foreign key", lambda s: s(Note).filter(pk__lt=0).prefetch_related("target__tags"), []),
    ("deferred columns", lambda s: s(Book).defer("author", "title").prefetch_related("tags"), []),
    ("a deferred key", lambda s: s(Book).only("title").order_by("pk").prefetch_related("author")[:2], []),
    (
        "rows without their key",
        lambda s: s(Author).filter(name="Homer").prefetch_related(Prefetch("books", s(Book).only("title"))),
        [],
    ),
    (
        "a custom query",
        lambda s, n: s(Author).prefetch_related(Prefetch("books", s(Book).filter(pages__gt=n).order_by("-title"))),
        [100, 300],
    ),
    (
        "a custom query for one row",
        lambda s: s(Book).prefetch_related(Prefetch("author", s(Author).select_related("publisher").only("publisher"))),
        [],
    ),
    (
        "a custom query, annotated",
        lambda s: s(Author).prefetch_related(Prefetch("books", s(Book).annotate(n=Count("tags"), p=Sum("pages")))),
        [],
    ),
    (
        "a custom query with a join",
        lambda s, n: s(Tag).prefetch_related(Prefetch("books", s(Book).filter(author__name__contains=n).distinct())),
        ["e", "o"],
    ),
    (
        "a query that joins the relation",
        lambda s: s(Book).prefetch_related(Prefetch("tags", s(Tag).filter(books__pages__gt=100).distinct())),
        [],
    ),
    (
        "a query that asks for more",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", s(Book).prefetch_related("tags", Prefetch("reviews", s(Review).order_by("pk")))),
            "books__detail",
        ),
        [],
    ),
    (
        "a QuerySet of the project's class",
        lambda s: s(Author).prefetch_related(Prefetch("books", Book.objects.published().rated_above(2))),
        [],
    ),
    ("another manager", lambda s: s(Author).prefetch_related(Prefetch("books", Book.in_print.all())), []),
    ("a manager that counts", lambda s: s(Book).prefetch_related(Prefetch("publisher", Publisher.counted.all())), []),
    ("sliced", lambda s, n: s(Author).prefetch_related(Prefetch("books", s(Book).order_by("pk")[:n])), [1, 2]),
    (
        "sliced, in a list",
        lambda s, n: s(Author).prefetch_related(Prefetch("books", s(Book).order_by("pk")[:n], to_attr="x"), "x__tags"),
        [1, 2],
    ),
    ("none", lambda s: s(Author).prefetch_related(Prefetch("books", s(Book).none())), []),
    (
        "lists",
        lambda s, n: s(Author).prefetch_related(
            Prefetch("books", s(Book).filter(pages__gt=n), to_attr="thick"),
            Prefetch("books", s(Book).filter(pages__lte=n), to_attr="thin"),
            "thick__tags",
            Prefetch("profile", to_attr="about"),
            "about__author",
        ),
        [220, 341],
    ),
    (
        "lists below a path",
        lambda s: s(Publisher).prefetch_related(Prefetch("authors__books", s(Book), to_attr="works"), "authors"),
        [],
    ),
    (
        "a query that leads back",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", s(Book).prefetch_related(Prefetch("author", s(Author).only("name"))))
        ),
        [],
    ),
    (
        "a query that leads back, with conditions",
        lambda s, n: s(Author).prefetch_related(
            Prefetch("books", s(Book).prefetch_related(Prefetch("author", s(Author).filter(name__contains=n))))
        ),
        ["a", "o"],
    ),
    (
        "a query that leads back, annotated",
        lambda s: s(Publisher).prefetch_related(
            Prefetch("authors", s(Author).prefetch_related(Prefetch("publisher", Publisher.counted.all())))
        ),
        [],
    ),
    (
        "a list where a query has led back",
        lambda s: s(Author).prefetch_related(
            Prefetch(
                "books",
                s(Book).prefetch_related(
                    Prefetch("author", s(Author).prefetch_related(Prefetch("books", to_attr="others")))
                ),
            )
        ),
        [],
    ),
    (
        "a list that leads back",
        lambda s: s(Author).prefetch_related(
            Prefetch(
                "books",
                s(Book).prefetch_related(Prefetch("author", s(Author).defer("born"), to_attr="writer")),
                to_attr="works",
            ),
            "works__writer__books",
        ),
        [],
    ),
    (
        "a reverse one-to-one that leads back",
        lambda s: s(Author).prefetch_related(
            Prefetch("profile", s(AuthorProfile).prefetch_related(Prefetch("author", s(Author).only("name"))))
        ),
        [],
    ),
    (
        "a one-to-one that leads back",
        lambda s: s(AuthorProfile).prefetch_related(
            Prefetch("author", s(Author).prefetch_related(Prefetch("profile", s(AuthorProfile).only("bio"))))
        ),
        [],
    ),
    (
        "back to the owner, before its own relation",
        lambda s: s(Author).prefetch_related(
            "books__author__publisher", Prefetch("publisher", s(Publisher).only("name"))
        ),
        [],
    ),
    (
        "back to the owner, after its own relation",
        lambda s: s(Author).prefetch_related(
            Prefetch("publisher", s(Publisher).only("name")), "books__author__publisher__country"
        ),
        [],
    ),
    (
        "by two ways to the same instance",
        lambda s: (
            s(Book)
            .select_related("author__publisher")
            .prefetch_related(
                "author__books__author__pupils", Prefetch("author__pupils", s(Author).only("name")), "tags"
            )
        ),
        [],
    ),
    (
        "a query in a QuerySet",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", Book.objects.prefetch_related(Prefetch("tags", s(Tag).order_by("-name"))))
        ),
        [],
    ),
    (
        "a query in a QuerySet that Django fetches",
        lambda s: s(Author).prefetch_related(
            Prefetch(
                "books",
                Book.objects.order_by("pk").prefetch_related(
                    Prefetch("tags", Tag.objects.prefetch_related(Prefetch("books", s(Book).only("title"))))
                )[:2],
            )
        ),
        [],
    ),
    (
        "a query in a base",
        lambda s: s(Author.objects.prefetch_related(Prefetch("books", s(Book).order_by("-title")))).filter(pk__gt=2),
        [],
    ),
    (
        "queries for a generic foreign key",
        lambda s: s(Note).prefetch_related(
            GenericPrefetch("target", [s(Book).only("title"), Author.objects.prefetch_related("books")])
        ),
        [],
    ),
    ("cleared", lambda s: s(Book).prefetch_related("tags").prefetch_related(None).prefetch_related("author"), []),
    ("from a QuerySet", lambda s: s(Book.objects.prefetch_related("tags", "author")).filter(pages__gt=100), []),
    ("mistake: a column", lambda s: s(Book).prefetch_related("author__name"), []),
    ("mistake: below a column", lambda s: s(Book).prefetch_related("title__upper"), []),
    ("mistake: no such name", lambda s: s(Book).prefetch_related("author__nobody"), []),
    ("mistake: to_attr is a field", lambda s: s(Book).prefetch_related(Prefetch("tags", to_attr="title")), []),
    (
        "mistake: seen with another query",
        lambda s: s(Author).prefetch_related("books__tags", Prefetch("books", s(Book).order_by("pk"))),
        [],
    ),
    (
        "mistake: another query's list",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", s(Book), to_attr="x"), Prefetch("books", s(Book).order_by("pk"), to_attr="x")
        ),
        [],
    ),
    ("mistake: a list below itself", lambda s: s(Author).prefetch_related(Prefetch("books", to_attr="x"), "x"), []),
]
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in CASES], ids=IDS)
def test_prefetched_rows_are_djangos(build: Any, values: list[Any]) -> None:
    compare(build, *values)


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in CASES], ids=IDS)
def test_prefetched_rows_are_djangos_on_postgresql(build: Any, values: list[Any], postgres: str) -> None:
    compare(build, *values, alias=postgres)


SIDES: dict[str, Any] = {
    "plain": lambda s, lookup: s(Book).filter(pages__gt=300),
    "prefetching": lambda s, lookup: s(Book).filter(pages__lt=400).prefetch_related(lookup),
    "empty": lambda s, lookup: s(Book).none(),
    "empty, prefetching": lambda s, lookup: s(Book).prefetch_related(lookup).none(),
    "from an empty base": lambda s, lookup: s(Book.objects.prefetch_related(lookup).none()),
    "from a base": lambda s, lookup: s(Book.objects.prefetch_related(lookup)),
    "first ones": lambda s, lookup: s(Book).order_by("pk").prefetch_related(lookup)[:9],
    "cleared": lambda s, lookup: s(Book).prefetch_related(lookup).prefetch_related(None),
}
COMBINATIONS: dict[str, Any] = {
    "&": lambda one, other: one & other,
    "|": lambda one, other: one | other,
    "^": lambda one, other: one ^ other,
    "union": lambda one, other: one.union(other),
    "intersection": lambda one, other: one.intersection(other),
    "difference": lambda one, other: one.difference(other),
    "union, then more": lambda one, other: one.union(other.none(), other),
    "|, then more": lambda one, other: (one | other).prefetch_related("reviews"),
}


@pytest.mark.parametrize("combine", COMBINATIONS.values(), ids=COMBINATIONS.keys())
@pytest.mark.parametrize("one", SIDES.values(), ids=SIDES.keys())
def test_combined_queries_prefetch_what_django_says(one: Any, combine: Any) -> None:
    with Session() as session:
        for other in SIDES.values():
            outcomes = session.compare(
                lambda start, other=other: combine(one(start, "tags"), other(start, Prefetch("author", start(Author)))),
                in_any_order=True,
            )
            if outcomes[0].error is not None:
                session.settle()


@pytest.mark.parametrize("name", ["aget", "afirst", "alast", "aearliest", "alatest"])
def test_single_rows_are_prefetched_for_as_well(name: str) -> None:
    names = ("published",) if name in {"aearliest", "alatest"} else ()

    def build(start: Any, title: str) -> Any:
        return start(Book).filter(title=title).prefetch_related("tags", "author__profile")

    compare(build, "Germinal", "Nana", finish=ending(name, *names))


def test_a_stream_prefetches_for_each_chunk() -> None:
    def build(start: Any) -> Any:
        return start(Book).order_by("pk").prefetch_related("tags", "author__publisher")

    compare(build, finish=ending("stream", 7))
    compare(build, finish=ending("aiterator", 20))


def test_a_stream_prefetches_on_its_own_connection(postgres: str) -> None:
    """A single connection is enough, in a transaction and outside."""

    async def main() -> list[Any]:
        found = []
        query = q(Book).using(postgres).order_by("pk").prefetch_related("tags", "author__publisher")
        for block in (None, adj.atomic(postgres)):
            if block is not None:
                await block.__aenter__()
            async with query.stream(chunk_size=10) as rows:
                found.append([plain(row) async for row in rows])
            if block is not None:
                await block.__aexit__(None, None, None)
        return found

    engine = alias_settings(postgres).engine
    size = {"pool": {"max_size": 1}} if engine == "psycopg" else {"threads": 1}
    with override_settings(ADJ={postgres: {"engine": engine, **size}}):
        outside, inside = run(main())
    assert outside == inside
    assert len(outside) == Book.objects.using(postgres).count()


# -- queries -----------------------------------------------------------------------------------------------------------


async def events_of(query: Any) -> tuple[list[Any], list[QueryEvent]]:
    events: list[QueryEvent] = []
    with adj.observe(events.append):
        return await query.run(), events


def test_one_plan_serves_any_number_of_keys(empty_plan_cache: None) -> None:
    async def main() -> list[bool]:
        query = q(Book).order_by("pk").prefetch_related("author", "tags", "reviews", "detail")
        cached = []
        for size in (1, 2, 7, 40):
            _, events = await events_of(query[:size])
            assert len(events) == 5
            cached.append(all(event.was_cached for event in events))
        return cached

    assert run(main()) == [False, True, True, True]
    assert adj.plan_cache.stats().size == 5


def test_independent_relations_are_fetched_at_the_same_time(postgres: str) -> None:
    seconds = 0.4

    def slowly(model: Any) -> Any:
        return q(model).using(postgres).extra(where=[f"(SELECT 1 FROM pg_sleep({seconds}) LIMIT 1) = 1"])

    lookups = [Prefetch("author", slowly(Author)), Prefetch("tags", slowly(Tag)), Prefetch("reviews", slowly(Review))]

    async def main() -> tuple[float, float]:
        query = q(Book).using(postgres).order_by("pk").prefetch_related(*lookups)[:3]
        loop = asyncio.get_running_loop()
        start = loop.time()
        outside = await query.run()
        middle = loop.time()
        async with adj.atomic(postgres):
            inside = await query.run()
        end = loop.time()
        assert plain(outside) == plain(inside)
        return middle - start, end - middle

    at_once, one_by_one = run(main())
    assert seconds <= at_once < 2 * seconds + 0.3 <= 3 * seconds <= one_by_one


def test_prefetches_see_what_their_transaction_has_written(postgres: str) -> None:
    async def main() -> None:
        async with adj.atomic(postgres):
            author = await Author.objects.using(postgres).aget(name="Homer")
            await Book.objects.using(postgres).filter(author=author).aupdate(title="Nostos")
            found: Any = await q(Author).using(postgres).prefetch_related("books").aget(name="Homer")
            titles = [book.title for book in found.books.all()]
            raise _Undo(titles)

    with pytest.raises(_Undo) as undone:
        run(main())
    assert set(undone.value.titles) == {"Nostos"}


class _Undo(Exception):
    def __init__(self, titles: list[str]) -> None:
        self.titles = titles


def test_the_first_error_ends_the_others() -> None:
    async def main() -> None:
        broken = around("author", q(Author).extra(where=["no_such_column = 1"]))
        await q(Book).prefetch_related("tags", broken, "reviews").run()

    with pytest.raises(OperationalError, match="no_such_column"):
        run(main())


def test_too_many_keys_are_fetched_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialect, "most_parameters", property(lambda self: 1_015))

    async def main() -> tuple[Any, int]:
        thick = q(Book).filter(pages__in=[*range(1_000)])
        books, events = await events_of(q(Book).order_by("pk").prefetch_related("tags", "author"))
        authors, more = await events_of(q(Author).order_by("pk").prefetch_related(around("books", thick)))
        assert [len(events), len(more)] == [3, 2]
        assert plain(authors) == await adj.run_sync(_djangos_authors, 1_000)
        return plain(books), len(books)

    books, count = run(main())
    assert books == plain(list(Book.objects.order_by("pk").prefetch_related("tags", "author")))
    monkeypatch.setattr(Dialect, "most_parameters", property(lambda self: 1_010))
    assert run(_parts_of_authors()) == 2
    monkeypatch.setattr(Dialect, "most_parameters", property(lambda self: 40))
    whole, parts = run(_parts())
    assert (whole, parts) == (books, 1 + count)


async def _parts_of_authors() -> int:
    thick = q(Book).filter(pages__in=[*range(999)])
    found, events = await events_of(q(Author).order_by("pk").prefetch_related(around("books", thick)))
    assert plain(found) == await adj.run_sync(_djangos_authors, 999)
    return len([event for event in events if "pages" in event.query])


def _djangos_authors(most: int) -> Any:
    thick = Book.objects.filter(pages__in=[*range(most)])
    return plain(list(Author.objects.order_by("pk").prefetch_related(Prefetch("books", thick))))


async def _parts() -> tuple[Any, int]:
    books, events = await events_of(q(Book).order_by("pk").prefetch_related("tags", "author"))
    return plain(books), len([event for event in events if "tag" in event.sql or event.query.startswith("q(Book)")])


def test_the_limits_of_backends_are_known(postgres: str) -> None:
    # They depend on the server's version, which is known after a query.
    run(q(Book).aexists())
    run(q(Book).using(postgres).aexists())
    assert (dialect_for("default").most_parameters or 0) >= 32_766
    assert dialect_for(postgres).most_parameters is None
    options = {**connections.settings[postgres]["OPTIONS"], "server_side_binding": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings[postgres], "OPTIONS", options)
        assert Dialect(postgres, None).most_parameters == 65_535


# -- what the caches hold ----------------------------------------------------------------------------------------------


def relations() -> Generator[tuple[Any, Relation]]:
    models = (
        Author,
        Book,
        Category,
        Country,
        Depot,
        Item,
        Order,
        Publisher,
        Review,
        Tag,
        Customer,
        Contribution,
        Chapter,
    )
    for model in models:
        for name in dir(model):
            relation = relation_of(model, name)
            if relation is not None and not relation.is_single:
                yield model, relation


@pytest.mark.parametrize(("model", "relation"), list(relations()), ids=lambda value: getattr(value, "name", None))
def test_the_copied_querysets_are_the_managers_own(model: Any, relation: Relation) -> None:
    instances = list(model.objects.all()[:3])
    source: Any = relation.related_model._default_manager.order_by("pk")
    for given in (None, source):
        make = querysets_of(relation, given)
        for instance in instances:
            ours = make(instance, [])
            manager = getattr(instance, relation.name)
            theirs = manager.get_queryset() if given is None else manager._apply_rel_filters(given._chain())
            theirs._result_cache, theirs._prefetch_done = [], True
            assert ours is not theirs
            assert type(ours) is type(theirs)
            assert _attributes(ours) == _attributes(theirs)
            assert list(ours.filter(pk__isnull=False)) == list(theirs.filter(pk__isnull=False))
            assert str(ours.query) == str(theirs.query)


def _attributes(queryset: Any) -> dict[str, Any]:
    query = queryset._query.__dict__ | {"_annotation_select_cache": None, "where": str(queryset._query.where)}
    return {**queryset.__dict__, "_query": {**query, "type": type(queryset._query)}}


def test_a_cached_queryset_can_be_used_as_any_other() -> None:
    async def main() -> Any:
        return await q(Author).prefetch_related("books__tags", "contributed_books").aget(name="Jane Austen")

    author = run(main())
    books: QuerySet[Any] = author.books.all()
    assert books._iterable_class is ModelIterable
    assert books is author.books.all()
    assert all(book.author is author for book in books)
    narrowed = books.filter(title="Emma")
    assert narrowed.get().title == "Emma"
    assert {book.author_id for book in books.exclude(pk=0)} == {author.pk}
    assert author.books.count() == len(books)
    assert Book.objects.filter(pk__in=books).count() == len(books)
    other = Tag.objects.order_by("pk")[0]
    emma = next(book for book in books if book.title == "Emma")
    assert emma.tags.filter(pk=other.pk).count() == Book.objects.get(pk=emma.pk).tags.filter(pk=other.pk).count()


def test_no_two_cached_querysets_share_their_query() -> None:
    async def main() -> Any:
        return await q(Author).prefetch_related("books").run()

    authors = run(main())
    first, second = (author.books.all() for author in authors[:2])
    assert first.query is not second.query
    assert {book.author_id for book in first.all().filter(pk__gt=0)} <= {authors[0].pk}
    assert {book.author_id for book in second.all().filter(pk__gt=0)} <= {authors[1].pk}


def test_what_is_fetched_already_is_not_fetched_again() -> None:
    async def main() -> tuple[Any, int]:
        authors: list[Any] = await q(Author).order_by("pk").prefetch_related("books").run()
        del authors[0]._prefetched_objects_cache["books"]
        events: list[QueryEvent] = []
        from adj.execution.databases import executor_for
        from adj.execution.prefetch import prefetch

        with adj.observe(events.append):
            await prefetch(await executor_for("default"), authors, ["books", "books__tags"])
        return authors, len(events)

    ours, count = run(main())
    theirs: list[Any] = list(Author.objects.order_by("pk").prefetch_related("books"))
    del theirs[0]._prefetched_objects_cache["books"]
    prefetch_related_objects(theirs, "books", "books__tags")
    assert count == 2
    assert plain(ours) == plain(theirs), difference(plain(theirs), plain(ours))


class AskingManager(Manager[Any]):
    """Asks the database on the way to its QuerySet."""

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(pk__gte=Tag.objects.order_by("pk")[0].pk)


def test_managers_that_ask_the_database_are_djangos_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = AskingManager()
    manager.model = Tag
    options: Any = Tag._meta
    monkeypatch.setitem(options.__dict__, "default_manager", manager)
    monkeypatch.delitem(Book.__dict__["tags"].__dict__, "related_manager_cls", raising=False)
    relation_of.cache_clear()
    try:
        compare(lambda start: start(Book).order_by("pk").prefetch_related("tags")[:5])
    finally:
        relation_of.cache_clear()
        Book.__dict__["tags"].__dict__.pop("related_manager_cls", None)


def test_an_unplanned_prefetch_warns_of_nothing() -> None:
    async def main() -> None:
        await q(Note).prefetch_related("target").run()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(main())


def test_rows_of_raw_sql_prefetch_by_queries() -> None:
    sql = "SELECT * FROM shop_author ORDER BY id"

    def lookups(start: Any) -> list[Any]:
        nested = Author.objects.prefetch_related(Prefetch("pupils", start(Author).only("name")))
        return [Prefetch("books", start(Book).order_by("-title").prefetch_related("tags")), Prefetch("mentor", nested)]

    async def main() -> Any:
        query: Any = q(Author).raw(sql).prefetch_related(*lookups(q))
        one_by_one = [author async for author in query]
        assert plain(one_by_one) == plain(await query.run())
        return one_by_one

    theirs = list(Author.objects.raw(sql).prefetch_related(*lookups(lambda model: model.objects.all())))
    ours = run(main())
    assert plain(ours) == plain(theirs), difference(plain(theirs), plain(ours))


class Narrowed(Lookup):
    """Narrows its query itself."""

    def get_current_querysets(self, level: int) -> Any:
        """Long books only."""
        querysets = super().get_current_querysets(level)
        return None if querysets is None else [queryset.filter(pages__gt=300) for queryset in querysets]


class Renamed(Lookup):
    """Chooses the attribute of its rows itself."""

    def get_current_to_attr(self, level: int) -> Any:
        """Always an attribute."""
        return "renamed", True


@pytest.mark.parametrize("lookup_class", [Narrowed, Renamed])
def test_a_prefetch_of_the_project_is_asked_for_its_query(lookup_class: Any) -> None:
    with Session() as session:
        for options in ({}, {"to_attr": "found"}):
            session.compare(
                lambda s, options=options: (
                    s(Author).order_by("pk").prefetch_related("publisher", lookup_class("books", s(Book), **options))
                )
            )


def test_a_prefetch_of_the_project_inside_another_one_is_asked_for_its_query() -> None:
    compare(
        lambda s: (
            s(Publisher)
            .order_by("pk")
            .prefetch_related(around("authors", s(Author).prefetch_related(Narrowed("books", s(Book)))))
        )
    )
