"""A Query that waits for its first use looks like a plain Query to all code that inspects it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db.models import Q
from django.db.models.sql.query import Query

from adj import q
from adj.compiler.relations.prefetch.waiting_query import waiting_query
from tests.running import run
from tests.shop.models import Author, Book


def template() -> Query:
    made: Any = Query(Book)
    made.add_q(Q(pages__gt=100))
    made.add_ordering("title")
    return made  # type: ignore[no-any-return]  # private methods made it Any


USES: list[tuple[str, Callable[[Any], Any]]] = [
    ("an attribute", lambda query: query.where),
    ("an attribute of the class", lambda query: query.distinct),
    ("a method", lambda query: query.clone()),
    ("its dict", lambda query: query.__dict__),
    ("vars()", vars),
    ("dir()", dir),
    ("setting", lambda query: setattr(query, "distinct", False)),
    ("deleting", lambda query: delattr(query, "order_by")),
    ("text", str),
    ("repr()", repr),
    ("chaining", lambda query: query.chain()),
    ("copying", copy.copy),
    ("a deep copy", copy.deepcopy),
    ("pickling", pickle.dumps),
    ("hasattr()", lambda query: hasattr(query, "nothing")),
]


@pytest.mark.parametrize("use", [use for _, use in USES], ids=[name for name, _ in USES])
def test_every_use_makes_it_a_query(use: Callable[[Any], Any]) -> None:
    first, waiting = template().clone(), waiting_query(template())
    assert isinstance(waiting, Query)
    theirs, ours = use(first), use(waiting)
    assert type(waiting) is Query
    assert ours.__class__ is theirs.__class__
    assert str(waiting) == str(first)
    assert waiting.__dict__.keys() == first.__dict__.keys()


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda query: pickle.loads(pickle.dumps(query))])  # noqa: S301
def test_its_copies_are_plain_from_the_start(again: Callable[[Query], Query]) -> None:
    copied = again(waiting_query(template()))
    assert type(copied) is Query
    assert str(copied) == str(template())


def test_it_says_what_its_class_says_of_what_is_missing() -> None:
    with pytest.raises(AttributeError, match=r"^'Query' object has no attribute 'nothing'$"):
        _ = waiting_query(template()).nothing  # type: ignore[attr-defined]  # as meant


def test_no_two_of_a_template_share_what_changes() -> None:
    given = template()
    before = str(given)
    first, second = waiting_query(given), waiting_query(given)
    first.add_q(Q(title="Emma"))
    assert "Emma" in str(first)
    assert [str(second), str(given)] == [before, before]


def test_of_several_threads_one_makes_it() -> None:
    threads = 8
    barrier = Barrier(threads)

    def use(waiting: Query) -> int:
        barrier.wait()
        return id(waiting.where)

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(50):
            wheres = set(pool.map(use, [waiting_query(template())] * threads))
            assert len(wheres) == 1


# -- in prefetched QuerySets -------------------------------------------------------------------------------------------


def prefetched(*lookups: Any) -> tuple[list[Any], list[Any]]:
    """Authors and their books, as adj and as Django prefetch them."""

    async def main() -> list[Any]:
        return await q(Author).order_by("pk").prefetch_related(*lookups).run()

    return run(main()), list(Author.objects.order_by("pk").prefetch_related(*lookups))


def waits(queryset: Any) -> bool:
    return type(queryset.__dict__["_query"]) is not Query


def test_reading_the_rows_does_not_make_the_query() -> None:
    ours, theirs = prefetched("books", "contributed_books")
    for name in ("books", "contributed_books"):
        for our, their in zip(ours[1:], theirs[1:], strict=True):
            books, expected = getattr(our, name).all(), getattr(their, name).all()
            assert list(books) == list(expected)
            assert [len(books), bool(books), books.count()] == [len(expected), bool(expected), expected.count()]
            assert [books.db, books.exists(), books[:2]] == [expected.db, expected.exists(), expected[:2]]
            assert books._hints["instance"] is our
            assert waits(books)


QUERYSET_USES: list[tuple[str, Callable[[Any], Any]]] = [
    ("all", lambda books: [book.pk for book in books.all()]),
    ("filter", lambda books: sorted(books.filter(pages__gt=150).values_list("pk", "author"))),
    ("exclude", lambda books: sorted(books.exclude(title="Emma").values_list("pk", flat=True))),
    ("count", lambda books: books.filter(pk__gt=0).count()),
    ("first", lambda books: getattr(books.first(), "pk", None)),
    ("ordered", lambda books: books.ordered),
    ("sql", lambda books: str(books.query)),
    ("union", lambda books: sorted(book.pk for book in books.union(books.all()))),
    ("in a subquery", lambda books: Book.objects.filter(pk__in=books).count()),
    ("known objects", lambda books: [list(known) for known in books.all()._known_related_objects.values()]),
    ("pickled", lambda books: [book.pk for book in pickle.loads(pickle.dumps(books))]),  # noqa: S301
    ("pickled, then filtered", lambda books: pickle.loads(pickle.dumps(books)).filter(pk__gt=0).count()),  # noqa: S301
    ("copied", lambda books: str(copy.copy(books).query)),
    ("copied deeply", lambda books: sorted(book.pk for book in copy.deepcopy(books))),
    ("its class", lambda books: [type(books.query).__name__, type(books._query).__name__]),
]


@pytest.mark.parametrize("use", [use for _, use in QUERYSET_USES], ids=[name for name, _ in QUERYSET_USES])
@pytest.mark.parametrize("name", ["books", "contributed_books"])
def test_other_uses_are_djangos(name: str, use: Callable[[Any], Any]) -> None:
    for our, their in zip(*prefetched(name), strict=True):
        assert use(getattr(our, name).all()) == use(getattr(their, name).all())


@pytest.mark.parametrize("name", ["books", "contributed_books"])
def test_a_query_of_adj_starts_from_one(name: str) -> None:
    ours, theirs = prefetched(name)

    async def main(author: Any) -> list[Any]:
        return await q(getattr(author, name).all()).filter(pages__gt=150).order_by("pk").run()

    for our, their in zip(ours, theirs, strict=True):
        assert run(main(our)) == list(getattr(their, name).all().filter(pages__gt=150).order_by("pk"))


AGAIN: list[Callable[[Any], Any]] = [lambda author: pickle.loads(pickle.dumps(author)), copy.deepcopy]  # noqa: S301


@pytest.mark.parametrize("again", AGAIN, ids=["pickled", "copied deeply"])
def test_a_whole_instance_is_pickled_and_copied_with_its_rows(again: Callable[[Any], Any]) -> None:
    for our, their in zip(*prefetched("books__tags"), strict=True):
        found, expected = again(our), again(their)
        assert list(found.books.all()) == list(expected.books.all())
        assert str(found.books.all().query) == str(expected.books.all().query)
