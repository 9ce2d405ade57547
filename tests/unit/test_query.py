"""AsyncQuery: a value that is built up by copies, compares, hashes, copies and pickles, and never runs by itself."""

from __future__ import annotations

import asyncio
import copy
import datetime
import gc
import pickle
import re
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldError
from django.db import connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Case, Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Sum, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat, Lower
from django.test import override_settings

from adj import SQL, AsyncQuery, UnknownField, atomic, plan_cache, q
from adj.query.async_query import query_of
from tests.running import run
from tests.shop.models import Author, Bestseller, Book, Publisher, Review, Shelf, Tag
from tests.unit.asking import AnyQuery, counted, django_sql_of, sql_of
from tests.unit.corpus import CORPUS, Build, Values


@pytest.fixture
def no_database() -> Generator[None]:
    """Fail the test that runs a query, on whatever connection."""

    def refuse(wrapper: Any, sql: Any, params: Any = None) -> None:
        raise AssertionError(f"the database was asked: {sql}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", refuse)
        yield


BUILDERS: dict[str, Callable[[AnyQuery], Any]] = {
    "filter": lambda query: query.filter(pages=3),
    "exclude": lambda query: query.exclude(pages=3),
    "complex_filter": lambda query: query.complex_filter({"pages": 3}),
    "annotate": lambda query: query.annotate(n=Count("tags")),
    "alias": lambda query: query.alias(n=Count("tags")),
    "values": lambda query: query.values("title"),
    "values_list": lambda query: query.values_list("title", flat=True),
    "dates": lambda query: query.dates("published", "year"),
    "datetimes": lambda query: query.datetimes("released", "year"),
    "only": lambda query: query.only("title"),
    "defer": lambda query: query.defer("title"),
    "order_by": lambda query: query.order_by("title"),
    "reverse": lambda query: query.reverse(),
    "distinct": lambda query: query.distinct(),
    "none": lambda query: query.none(),
    "using": lambda query: query.using("default"),
    "extra": lambda query: query.extra(where=["1 = 1"]),
    "select_related": lambda query: query.select_related("author"),
    "prefetch_related": lambda query: query.prefetch_related("tags"),
    "select_for_update": lambda query: query.select_for_update(),
    "union": lambda query: query.union(q(Book)),
    "intersection": lambda query: query.intersection(q(Book)),
    "difference": lambda query: query.difference(q(Book)),
    "and": lambda query: query & q(Book).filter(pages=4),
    "or": lambda query: query | q(Book).filter(pages=4),
    "xor": lambda query: query ^ q(Book).filter(pages=4),
    "slice": lambda query: query[1:5],
}


# -- immutable ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_returns_a_new_query_and_leaves_the_old_one(builder: str, no_database: None) -> None:
    query = q(Book).filter(title="x")
    statement, structure, text = query.statement, query.structure, repr(query)
    other = BUILDERS[builder](query)
    assert isinstance(other, AsyncQuery)
    assert other is not query
    assert other != query
    assert query.statement is statement
    assert query.structure is structure
    assert repr(query) == text != repr(other)
    assert query == q(Book).filter(title="x")


def test_all_is_the_same_query() -> None:
    query = q(Book)
    assert query.all() is query


def test_a_query_takes_no_further_attributes() -> None:
    query: Any = q(Book)
    with pytest.raises(AttributeError):
        query.other = 3


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_running_a_query_does_not_change_it(build: Build) -> None:
    """P6"""
    query = build(Values())
    structure = query.structure
    assert sql_of(query) == sql_of(query) == sql_of(build(Values()))
    assert query.structure is structure


TWO: Final = [96, 220]
OPERANDS: list[Any] = [
    pytest.param(lambda: iter(TWO), id="iterator"),
    pytest.param(lambda: (pages for pages in TWO), id="generator"),
    pytest.param(lambda: map(int, ["96", "220"]), id="map"),
    pytest.param(lambda: list(TWO), id="list"),
    pytest.param(lambda: dict.fromkeys(TWO), id="dict"),
    pytest.param(lambda: dict.fromkeys(TWO).keys(), id="keys"),
    pytest.param(lambda: dict(enumerate(TWO)).values(), id="values"),
    pytest.param(lambda: set(TWO), id="set"),
]


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda operand: q(Book).filter(pages__in=operand),
        lambda operand: q(Book).exclude(pages__in=operand).order_by("pk"),
        lambda operand: q(Book).filter(Q(pages__in=operand) | Q(title="no such")),
        lambda operand: q(Book).filter(~Q(Q(pages__in=operand))),
        lambda operand: q(Book).complex_filter({"pages__in": operand}),
        lambda operand: q(Book).complex_filter(Q(pages__in=operand)),
    ],
)
def test_an_operand_that_is_used_up_serves_several_runs(ask: Callable[[Any], AnyQuery], operand: Any) -> None:
    async def three_times(query: AnyQuery) -> list[Any]:
        return [await query.run() for _ in range(3)]

    expected = list(ask(list(TWO)).queryset)
    assert run(three_times(ask(operand()))) == [expected] * 3


def test_what_becomes_of_an_operand_afterwards_changes_nothing(empty_plan_cache: None) -> None:
    """The key was taken when the clause was written: a later change would put wrong SQL under it, for every query."""
    pages, condition, columns = [96], Q(pages=96), {"x": "pages + 1"}
    lookups: dict[str, Any] = {"pages": 96}
    nested = Q(Q(pages=96))
    queries = [
        q(Book).filter(pages__in=pages),
        q(Book).filter(condition),
        q(Book).exclude(condition),
        q(Book).filter(nested),
        q(Book).complex_filter(lookups),
        q(Book).complex_filter(condition),
        q(Book).extra(select=columns),
    ]
    expected = [django_sql_of(query) for query in queries]
    pages.append(220)
    condition.children[0] = ("title", "x")
    nested_condition: Any = nested.children[0]
    nested_condition.children[:] = [("title", "x")]
    del lookups["pages"]
    lookups.update(title="x")
    columns["y"] = "pages"
    assert [sql_of(query) for query in queries] == expected
    assert sql_of(q(Book).filter(Q(pages=220))) == django_sql_of(q(Book).filter(Q(pages=220)))


@pytest.mark.parametrize(
    "ask",
    [
        lambda start, author: start.filter(author=author),
        lambda start, author: start.exclude(author=author),
        lambda start, author: start.filter(Q(author=author) | Q(editor=author)),
        lambda start, author: start.filter(author__in=[author, Author(pk=5)]),
        lambda start, author: start.filter(author__in={author}),
        lambda start, author: start.filter(author__in=(None, author)),
        lambda start, author: start.complex_filter({"author": author}),
        lambda start, author: start.filter(author__publisher__depots__publisher=author.publisher),
    ],
)
def test_an_instance_is_read_on_the_line_that_names_it(ask: Callable[[Any, Author], Any]) -> None:
    """As in Django, whichever of its fields it is compared by: a later change, or deletion, is another question's."""

    def author() -> Author:
        return Author(pk=3, publisher=Publisher(pk=2, slug="ace"))

    def change(changed: Author) -> None:
        changed.pk = 4
        assert changed.publisher is not None
        changed.publisher.slug = "penguin"

    for _ in range(2):
        named = author()
        ours, theirs = ask(q(Book), named), ask(Book.objects, named)
        change(named)
        assert sql_of(ours) == theirs.query.sql_with_params()


def test_a_condition_that_grows_after_the_query_was_written_is_not_in_it() -> None:
    condition = Q(pages=96)
    query = q(Book).filter(condition)
    condition.add(Q(title="x"), Q.OR)
    assert sql_of(query)[1] == (96,)


def test_the_source_queryset_is_copied() -> None:
    books = Book.objects.filter(pages=96)
    query = q(books)
    assert len(books) > 0
    assert query.statement.base is not books
    base: Any = query.statement.base
    assert base._result_cache is None
    assert len(run(query.run())) == len(books)


# -- equality and hash -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_queries_that_ask_the_same_are_equal_and_hash_alike(build: Build) -> None:
    one, same, other = build(Values()), build(Values()), build(Values(1_000))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (q(Book), q(Author)),
        (q(Book), q(Bestseller)),
        (q(Book).filter(pages=1), q(Book).filter(pages=2)),
        (q(Book).filter(pages=1), q(Book).filter(weight=1)),
        (q(Book).filter(pages=1), q(Book).exclude(pages=1)),
        (q(Book), q(Book).using("default")),
        (q(Book).using("default"), q(Book).using("postgres")),
        (q(Book)[1:2], q(Book)[1:3]),
        (q(Book)[:2], q(Book)[0:3]),
        (q(Book), q(Book)[:]),
        (q(Book), q(Book).prefetch_related("tags")),
        (q(Book).prefetch_related("tags"), q(Book).prefetch_related("reviews")),
        (q(Book).prefetch_related("tags"), q(Book).prefetch_related(Prefetch("tags", to_attr="all_tags"))),
        (q(Book.objects.all()), q(Book.objects.prefetch_related("tags"))),
        (q(Book).filter(author__in=q(Author)), q(Book).filter(author__in=q(Author)[:3])),
        (q(Book).filter(pages__in=q(Tag).values("pk")), q(Book).filter(pages__in=q(Author).values("pk"))),
        (q(Author(pk=1).books), q(Author(pk=2).books)),  # type: ignore[attr-defined]  # a reverse relation
    ],
)
def test_queries_that_ask_something_else_are_not_equal(one: AnyQuery, other: AnyQuery) -> None:
    assert one != other
    assert copy.copy(one) == one
    assert query_of(one.statement) == one


def test_clearing_what_to_prefetch_makes_equal() -> None:
    assert q(Book).prefetch_related("tags").prefetch_related(None) == q(Book)


def test_a_query_without_a_key_equals_itself_only() -> None:
    def ask() -> AnyQuery:
        return q(Book).annotate(a=RawSQL("%s", ["x"]))

    query = ask()
    assert query == query  # noqa: PLR0124  # by identity
    assert query != ask()
    assert len({query, query, ask()}) == 2


def test_a_query_is_no_queryset() -> None:
    assert q(Book) != Book.objects.all()
    assert q(Book).__eq__(3) is NotImplemented


# -- copies and pickles ------------------------------------------------------------------------------------------------

COPIES: list[Any] = [
    pytest.param(copy.copy, id="copy"),
    pytest.param(copy.deepcopy, id="deepcopy"),
    *[
        pytest.param(
            lambda query, protocol=protocol: pickle.loads(pickle.dumps(query, protocol)),  # noqa: S301  # our own bytes
            id=f"pickle {protocol}",
        )
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ],
]


def without_addresses(text: str) -> str:
    """A text without what Django shows of expressions that have no repr of their own."""
    return re.sub(r"0x\w+…?>?", "", text)


class Tenanted(QuerySet[Any]):
    """Begins with a condition of the moment."""

    pages = 0

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model, query, using, hints)
        if query is None:
            self.query.add_q(Q(pages=Tenanted.pages))


def test_a_queryset_class_with_an_initial_condition_is_called_each_time(
    monkeypatch: pytest.MonkeyPatch, empty_plan_cache: None
) -> None:
    manager: Any = Book._default_manager
    monkeypatch.setattr(manager, "_queryset_class", Tenanted)
    for pages in (96, 220, 96):
        monkeypatch.setattr(Tenanted, "pages", pages)
        assert {book.pages for book in run(q(Book).run())} == {pages}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_a_copy_asks_the_same_and_nobody_asks_the_database(build: Build, copied: Any, no_database: None) -> None:
    query = build(Values())
    arrived = copied(query)
    assert arrived == query
    assert hash(arrived) == hash(query)
    # A set has arrived as an equal one, which may give its members in another order.
    assert sorted(without_addresses(repr(arrived))) == sorted(without_addresses(repr(query)))
    (sql, parameters), (expected_sql, expected) = sql_of(arrived), sql_of(query)
    assert sql == expected_sql
    assert len(parameters) == len(expected)
    assert all(parameter in expected for parameter in parameters)


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_has_the_same_prefetches_and_alias(copied: Any) -> None:
    good: Any = q(Review).filter(stars=3)
    query = q(Book).prefetch_related("tags", Prefetch("reviews", good, to_attr="good")).using("default")
    arrived = copied(query)
    assert arrived == query
    assert arrived.db == "default"
    books = run(arrived.order_by("pk").run())
    assert [[review.stars for review in book.good] for book in books]
    assert "tags" in books[0]._prefetched_objects_cache


def test_a_pickled_query_of_a_related_manager_knows_its_object() -> None:
    author: Any = Author.objects.get(name="Jane Austen")
    arrived = pickle.loads(pickle.dumps(q(author.books)))  # noqa: S301  # our own bytes
    assert {book.author.name for book in run(arrived.run())} == {"Jane Austen"}


def test_a_query_can_be_pickled_on_a_loop() -> None:
    async def send() -> AnyQuery:
        query = q(Book.objects.filter(pages=96)).filter(author__in=Author.objects.all())
        arrived: AnyQuery = pickle.loads(pickle.dumps(query))  # noqa: S301  # our own bytes
        assert arrived == query
        return arrived

    assert len(run(run(send()).run())) == Book.objects.filter(pages=96).count()


# -- text --------------------------------------------------------------------------------------------------------------

TEXTS: list[tuple[AnyQuery, str]] = [
    (q(Book), "q(Book)"),
    (q(Book).filter(pages__gt=200).order_by("-rating"), "q(Book).filter(pages__gt=200).order_by('-rating')"),
    (q(Book).filter(author__name="Le Guin", pages=3), "q(Book).filter(author__name='Le Guin', pages=3)"),
    (q(Book).exclude(rating=None), "q(Book).exclude(rating=None)"),
    (q(Book).filter(Q(pages=1) | ~Q(title="x")), "q(Book).filter(Q(pages=1) | ~Q(title='x'))"),
    (q(Book).complex_filter({"pages": 1}), "q(Book).complex_filter({'pages': 1})"),
    (q(Book).annotate(n=Count("tags")), "q(Book).annotate(n=Count('tags'))"),
    (q(Book).alias(n=Lower("title")), "q(Book).alias(n=Lower('title'))"),
    (q(Book).values("title", n=F("pages")), "q(Book).values('title', n=F('pages'))"),
    (q(Book).values_list("title", flat=True), "q(Book).values_list('title', flat=True)"),
    (q(Book).values_list("title", named=True), "q(Book).values_list('title', named=True)"),
    (q(Book).dates("published", "year", "DESC"), "q(Book).dates('published', 'year', order='DESC')"),
    (q(Book).datetimes("released", "hour"), "q(Book).datetimes('released', 'hour')"),
    (q(Book).only("title").defer("pages"), "q(Book).only('title').defer('pages')"),
    (q(Book).distinct().reverse().none(), "q(Book).distinct().reverse().none()"),
    (q(Book).select_related("author"), "q(Book).select_related('author')"),
    (q(Book).prefetch_related("tags", Prefetch("reviews")), "q(Book).prefetch_related('tags', 'reviews')"),
    (q(Book).select_for_update(nowait=True, of=["self"]), "q(Book).select_for_update(nowait=True, of=('self',))"),
    (q(Book).extra(where=["1 = 1"]), "q(Book).extra(...)"),
    (q(Book)[3:9], "q(Book)[3:9]"),
    (q(Book)[3:], "q(Book)[3:]"),
    (q(Book)[:9], "q(Book)[:9]"),
    (q(Book).using("default"), "q(Book).using('default')"),
    (q(Book).union(q(Book).filter(pages=1), all=True), "q(Book).union(q(Book).filter(pages=1), all=True)"),
    (q(Book).filter(pages=1) & q(Book).filter(pages=2), "q(Book).filter(pages=1) & q(Book).filter(pages=2)"),
    (q(Book).filter(author__in=q(Author).filter(name="x")), "q(Book).filter(author__in=q(Author).filter(name='x'))"),
    (q(Book).filter(author=Author(pk=3)), "q(Book).filter(author=<Author 3>)"),
    (q(Book).filter(author__in=Author.objects.all()), "q(Book).filter(author__in=<QuerySet of Author>)"),
    (q(Book.objects.filter(pages=3)), "q(<BookQuerySet of Book>)"),
    (q(Book).filter(title="x" * 100), f"q(Book).filter(title='{'x' * 58}…)"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_repr_shows_the_chain_with_its_values(query: AnyQuery, text: str, no_database: None) -> None:
    assert repr(query) == f"<AsyncQuery: {text}>"


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_repr_of_any_query_never_asks_the_database(build: Build, no_database: None) -> None:
    assert repr(build(Values())).startswith("<AsyncQuery: q(")


def test_repr_does_not_read_what_an_instance_has_not_loaded(no_database: None) -> None:
    book = Book(pk=3)
    vars(book).pop("title")
    assert repr(q(Author).filter(books=book)) == "<AsyncQuery: q(Author).filter(books=<Book 3>)>"


SECRETS: list[Callable[[], Any]] = [
    lambda: q(Book).filter(title="secret").only("no_such"),
    lambda: q(Book).filter(title="secret", pages=["secret"]),
    lambda: q(Book).filter(Q(title="secret") | Q(isbn="secret")).values("title").only("pages"),
    lambda: q(Book).annotate(a=Concat("title", Value("secret")))[:3].filter(pages=3),
    lambda: q(Book).filter(author__in=q(Author).filter(name="secret"))[:3].filter(pages=3),
    lambda: q(Book).annotate(a=Case(When(title="secret", then=Value("secret"))))[:3].exclude(pages=3),
    lambda: q(Book).filter(published="secret"),
    lambda: q(Book).complex_filter({"title": "secret"}).only("title").values("no_such"),
]


def refused(ask: Callable[[], Any]) -> Exception:
    with pytest.raises((TypeError, ValueError, FieldError)) as raised:
        ask()
    return raised.value


def test_what_django_refuses_about_a_name_of_the_same_call_is_said_in_its_words() -> None:
    assert "'n' is an aggregate" in str(refused(lambda: q(Book).annotate(n=Count("tags"), total=Sum("n"))))
    refusal = refused(lambda: q(Book).annotate(Count("tags"), total=Sum("tags__count")))
    assert "'tags__count' is an aggregate" in str(refusal)


def test_a_name_that_the_same_call_gives_later_is_unknown() -> None:
    assert isinstance(refused(lambda: q(Book).annotate(early=F("late"), late=F("pages"))), UnknownField)


@pytest.mark.parametrize("ask", SECRETS)
def test_values_are_hidden_in_messages(ask: Callable[[], Any]) -> None:
    with override_settings(DEBUG=False):
        assert "secret" not in str(refused(ask))


def test_values_are_shown_in_messages_while_debugging() -> None:
    def ask() -> Any:
        return q(Book).filter(title="secret")[:3].filter(pages=3)

    with override_settings(DEBUG=True):
        assert "title='secret'" in str(refused(ask))
    with override_settings(DEBUG=False):
        assert "title=..." in str(refused(ask))


# -- the same question to others ---------------------------------------------------------------------------------------


def test_sql_is_what_run_would_send(empty_plan_cache: None) -> None:
    found = q(Book).filter(pages=3).values_list("title").sql()
    assert found == SQL('SELECT "shop_book"."title" AS "title" FROM "shop_book" WHERE "shop_book"."pages" = %s', (3,))
    assert found.sql.count("%s") == len(found.params)


@pytest.mark.parametrize("query", [q(Book).none(), q(Book)[3:3], q(Book).filter(pk__in=[])])
def test_sql_of_an_empty_query_is_empty(query: AnyQuery) -> None:
    assert query.sql() == SQL("", ())


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CORPUS.items()])
def test_sql_equals_djangos(build: Build, no_database: None) -> None:
    query = build(Values())
    sql, parameters = query.sql()
    assert (sql, tuple(parameters)) == django_sql_of(query)


def test_asking_for_sql_uses_the_cache_and_fills_it(empty_plan_cache: None) -> None:
    before = plan_cache.stats()
    q(Book).filter(pages=3).sql()
    q(Book).filter(pages=4).sql()
    assert counted(before) == {"misses": 1, "hits": 1}


def test_queryset_is_djangos_of_the_same_question() -> None:
    query = q(Book).filter(pages__gt=300).order_by("pk")
    assert isinstance(query.queryset, QuerySet)
    assert type(query.queryset) is type(Book.objects.all())
    assert list(query.queryset) == list(Book.objects.filter(pages__gt=300).order_by("pk"))
    assert query.queryset is not query.queryset


def test_what_happens_to_its_queryset_does_not_happen_to_a_query() -> None:
    query = q(Book.objects.filter(pages=96))
    found = query.queryset
    assert len(found) > 0
    found.query.clear_where()
    assert sql_of(query)[1] == (96,)


def test_query_is_djangos_query_which_makes_a_query_an_operand() -> None:
    assert str(q(Book).filter(pages=3).query) == str(Book.objects.filter(pages=3).query)
    inner = q(Author).filter(name="Jane Austen")
    assert list(Book.objects.filter(author__in=inner)) == list(Book.objects.filter(author__name="Jane Austen"))
    tagged: Any = q(Tag).filter(books=OuterRef("pk"))
    assert Book.objects.filter(Exists(tagged)).count() > 0


@pytest.mark.parametrize(
    ("query", "alias"),
    [
        (q(Book), "default"),
        (q(Book).using("postgres"), "postgres"),
        (q(Book).using("postgres").using(None), "default"),
        (q(Book.objects.using("postgres")), "postgres"),
        (q(Book.objects.using("postgres")).using("default"), "default"),
        (q(Book.objects.db_manager("postgres")), "postgres"),
        (q(Book).select_for_update(), "default"),
        (q(Shelf), "default"),
    ],
)
def test_db_is_the_alias_that_the_query_would_run_on(query: AnyQuery, alias: str) -> None:
    assert query.db == alias


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        (q(Book), False),
        (q(Author), True),
        (q(Author).order_by(), False),
        (q(Book).order_by("pk"), True),
        (q(Book).order_by("?"), True),
        (q(Book).none(), True),
        (q(Author).values("publisher").annotate(n=Count("pk")), False),
    ],
)
def test_ordered_says_whether_the_rows_have_an_order(query: AnyQuery, ordered: bool) -> None:
    assert query.ordered is ordered is query.queryset.ordered


def test_model_is_the_model_of_the_question() -> None:
    assert q(Book).model is Book
    assert q(Bestseller.objects).model is Bestseller
    assert q(Book).values("title").model is Book


# -- q() ---------------------------------------------------------------------------------------------------------------


def test_q_starts_from_a_model() -> None:
    assert q(Book).statement.base is None
    assert sql_of(q(Book)) == django_sql_of(q(Book))


def test_q_starts_from_the_default_manager_of_a_model() -> None:
    assert len(run(q(Review).run())) == Review.objects.count() < Review.everything.count()
    assert sql_of(q(Bestseller)) == sql_of(q(Bestseller.objects))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (lambda: Book.objects, lambda: Book.objects.all()),
        (lambda: Book.in_print, lambda: Book.in_print.all()),
        (lambda: Review.everything, lambda: Review.everything.all()),
        (lambda: Publisher.counted, lambda: Publisher.counted.all()),
        (lambda: Book.objects.published(), lambda: Book.objects.published()),
        (lambda: Book.objects.long(300), lambda: Book.objects.long(300)),
        (lambda: Book.objects.filter(pages=96)[:3], lambda: Book.objects.filter(pages=96)[:3]),
        (lambda: Book.objects.values("title"), lambda: Book.objects.values("title")),
        (lambda: Author.objects.first().books, lambda: Author.objects.first().books.all()),  # type: ignore[union-attr]
        (lambda: Book.objects.first().tags, lambda: Book.objects.first().tags.all()),
        (lambda: Book.objects.first().notes, lambda: Book.objects.first().notes.all()),
        (lambda: Tag.objects.first().books, lambda: Tag.objects.first().books.all()),  # type: ignore[union-attr]
    ],
)
def test_q_keeps_the_conditions_of_managers_and_querysets(source: Any, expected: Any) -> None:
    found = source()
    assert run(q(found).run()) == list(expected())


def test_q_of_a_query_is_that_query() -> None:
    query = q(Book).filter(pages=3)
    assert q(query) is query


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        3,
        "Book",
        Book(),
        [Book],
        Author(pk=3),
        object(),
        dict,
        int,
        Q(pages=3),
        F("pages"),
        ArrayField,
        type,
        Book.objects.all,
    ],
)
def test_q_of_nonsense_says_what_it_takes(nonsense: Any) -> None:
    with pytest.raises(TypeError, match=r"q\(\) expects a model, a manager, a QuerySet or a query; got "):
        q(nonsense)


# -- what a query is not -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misuse", "words"),
    [
        (lambda query: list(query), "cannot be iterated"),
        (lambda query: len(query), "acount()"),
        (lambda query: bool(query), "aexists()"),
        (lambda query: 3 in query, "acontains"),
        (lambda query: query["title"], "integers or slices; got str"),
        (lambda query: query[::2], "cannot have a step"),
        (lambda query: query[0:4:1], "cannot have a step"),
    ],
)
def test_a_query_is_no_list(misuse: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(TypeError) as raised:
        misuse(q(Book))
    assert words in str(raised.value)


@pytest.mark.parametrize("misuse", [lambda query: query[-1], lambda query: query[-3:], lambda query: query[:-1]])
def test_counting_from_the_end_is_refused(misuse: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="Negative indexing"):
        misuse(q(Book))


def test_awaiting_a_query_names_run() -> None:
    """P60."""

    async def forget() -> None:
        query: Any = q(Book).filter(pages=3)
        await query

    with pytest.raises(TypeError, match=r"Add \.run\(\): `await q\(Book\)\.filter\(pages=\.\.\.\)\.run\(\)`"):
        run(forget())


def test_a_run_that_is_not_awaited_is_warned_of_by_name() -> None:
    """P60: Python says it; a query itself is a value, and may be made for nothing."""

    async def forget() -> None:
        q(Book).filter(pages=3).run()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        gc.collect()

    with pytest.warns(RuntimeWarning, match=r"'AsyncQuery\.run' was never awaited"):
        run(forget())


def test_an_unknown_name_is_an_attribute_error() -> None:
    query: Any = q(Book)
    with pytest.raises(AttributeError, match="no attribute 'no_such'"):
        _ = query.no_such
    assert not hasattr(query, "__iter__") or callable(query.__iter__)


# -- many at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{}, {"ADJ": {"default": {"engine": "django"}}}, {"ADJ": {"default": {"threads": 2}}}]
)
def test_one_query_run_by_100_tasks_at_once_gives_100_right_answers(settings: Any, empty_plan_cache: None) -> None:
    """P6"""
    query = (
        q(Book).filter(pages__gt=100, tags__name__in=["classic", "sea"]).select_related("author").order_by("pk")[1:20]
    )
    expected = list(query.queryset)

    async def ask() -> list[Any]:
        return await asyncio.gather(*[query.run() for _ in range(100)])

    with override_settings(**settings):
        answers = run(ask())
    assert len(expected) > 5
    assert answers == [expected] * 100
    assert len({id(row) for answer in answers for row in answer}) == 100 * len(expected)


def test_100_values_from_one_plan_at_once_each_get_their_answer(empty_plan_cache: None) -> None:
    """P6, P36"""
    keys = list(Book.objects.values_list("pk", flat=True)) * 3

    async def ask() -> list[Any]:
        runs = [q(Book).filter(pk=key).values_list("pk", flat=True).run() for key in keys[:100]]
        return list(await asyncio.gather(*runs))

    assert run(ask()) == [[key] for key in keys[:100]]
    assert plan_cache.stats().misses == 1
    assert plan_cache.stats().hits == 99


def test_100_values_while_the_plan_is_refused_in_between_each_get_their_answer(empty_plan_cache: None) -> None:
    """P6: `matches` has other SQL for a text that ends in a star, and a number beyond its field's range has none."""
    titles = [title for title in Book.objects.values_list("title", flat=True) if title and "*" not in title]
    texts = [
        f"{titles[number % len(titles)][:3]}*" if number % 3 else titles[number % len(titles)] for number in range(100)
    ]
    pages = [2**70 if number % 7 == 0 else number % 1_025 for number in range(100)]

    def by_title(text: str) -> AnyQuery:
        return q(Book).filter(title__matches=text).order_by("pk")

    async def ask() -> list[Any]:
        by_pages = [q(Book).filter(pages__lt=number).acount() for number in pages]
        return await asyncio.gather(*[by_title(text).run() for text in texts], *by_pages)

    answers = run(ask())
    assert answers[:100] == [list(by_title(text).queryset) for text in texts]
    assert answers[100:] == [Book.objects.filter(pages__lt=number).count() for number in pages]
    assert plan_cache.stats().refusals > 20


def test_tasks_with_zones_of_their_own_get_their_own_sql(empty_plan_cache: None) -> None:
    """P47, P59: the time zone is the task's, also on the thread that runs the query."""
    from django.utils import timezone

    zones = ["Asia/Tokyo", "America/New_York", "UTC", "Europe/Berlin"] * 5

    def asked() -> AnyQuery:
        return q(Book).filter(released__isnull=False).order_by("pk").values_list("released__hour", "released__date")

    async def in_zone(zone: str) -> list[Any]:
        with timezone.override(zone):
            await asyncio.sleep(0)
            return await asked().run()

    async def ask() -> list[Any]:
        return list(await asyncio.gather(*[asyncio.create_task(in_zone(zone)) for zone in zones]))

    answers = run(ask())
    for zone, answer in zip(zones, answers, strict=True):
        with timezone.override(zone):
            assert answer == list(asked().queryset)
    assert answers[0] != answers[1]


def test_a_query_that_is_never_run_says_nothing() -> None:
    q(Book).filter(pages=3)
    gc.collect()
    assert connections["default"].queries_log is not None
    assert isinstance(q(Book).filter(published__lt=datetime.date(2020, 1, 1)), AsyncQuery)


@pytest.mark.parametrize(
    ("seconds", "error", "message"),
    [
        ("3", TypeError, r"timeout\(\) expects a number of seconds; got '3' \(str\)"),
        (True, TypeError, r"got True \(bool\)"),
        (datetime.timedelta(seconds=3), TypeError, r"got datetime.timedelta"),
        (-1, ValueError, r"expects a positive number of seconds; got -1"),
        (float("nan"), ValueError, r"got nan"),
    ],
)
def test_a_timeout_is_a_number_of_seconds(seconds: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        q(Book).timeout(seconds)
    with pytest.raises(error, match=message.replace(r"timeout\(\)", r"atomic\(timeout=\)")):
        atomic(timeout=seconds)


@pytest.mark.parametrize(
    ("retry", "error", "message"),
    [
        ("3", TypeError, r"atomic\(retry=\) expects an integer; got '3' \(str\)"),
        (True, TypeError, r"got True \(bool\)"),
        (-1, ValueError, r"expects 0 or a positive integer; got -1"),
    ],
)
def test_retries_are_counted(retry: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        atomic(retry=retry)
