"""What PostgreSQL has and SQLite has not, and what it does in another way: the same comparisons there."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest
from django.contrib.postgres.aggregates import ArrayAgg, StringAgg
from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import Case, Count, Exists, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models import functions as fn

from adj import q
from tests.parity import test_combinators, test_expressions, test_filters, test_finishers, test_shapes
from tests.parity.oracle import compare, ending
from tests.running import run
from tests.shop.models import Author, Book, Order, OrderLine, Review, Shelf, Tag

CASES: list[tuple[str, Any, list[Any]]] = [
    ("distinct on", lambda s, p: s(Book).filter(pages__gte=p).order_by("author", "-pk").distinct("author"), [0, 300]),
    (
        "distinct on a path",
        lambda s: s(Book).order_by("author__publisher__name").distinct("author__publisher__name"),
        [],
    ),
    ("distinct on without order", lambda s: s(Tag).distinct("weight"), []),
    ("distinct on values", lambda s: s(Book).order_by("format", "pk").distinct("format").values("title"), []),
    ("distinct on wrongly", lambda s: s(Book).order_by("title").distinct("author"), []),
    ("distinct on unknown", lambda s: s(Book).distinct("nothing"), []),
    ("array contains", lambda s, v: s(Shelf).filter(numbers__contains=v), [[1], [1, 2], [], [99]]),
    ("array contained", lambda s, v: s(Shelf).filter(numbers__contained_by=v), [[0, 1, 2], [0]]),
    ("array overlap", lambda s, v: s(Shelf).filter(numbers__overlap=v), [[1, 9], [4]]),
    ("array length", lambda s, v: s(Shelf).filter(numbers__len__gt=v), [0, 3]),
    ("array item", lambda s, v: s(Shelf).filter(numbers__1=v), [1, 2]),
    ("array slice", lambda s, v: s(Shelf).filter(numbers__0_2=v), [[0, 1], [0]]),
    ("array is", lambda s, v: s(Shelf).filter(numbers=v), [[0, 1], [], [0], None]),
    ("array in", lambda s, v: s(Shelf).filter(numbers__in=v), [[[0, 1], [0]], [[]]]),
    ("array of texts", lambda s, v: s(Shelf).filter(labels=v), [["a", "b"], [], None]),
    ("array values", lambda s: s(Shelf).values("numbers", "labels__0", "numbers__len"), []),
    (
        "array aggregate",
        lambda s, v: s(Author).annotate(x=ArrayAgg("books__pk", filter=Q(books__pages__gt=v))),
        [96, 300],
    ),
    (
        "text aggregate",
        lambda s, v: s(Author).annotate(x=StringAgg("books__title", delimiter=Value(v))).values("x"),
        [",", ";"],
    ),
    ("search", lambda s, v: s(Book).annotate(x=SearchVector("title")).filter(x=SearchQuery(v)), ["odyssey", "emma"]),
    ("search lookup", lambda s, v: s(Book).filter(title__search=v), ["world", "emma"]),
    (
        "search rank",
        lambda s, v: s(Book).annotate(x=SearchRank(SearchVector("title"), SearchQuery(v))).order_by("-x", "pk"),
        ["world"],
    ),
    ("json contains", lambda s, v: s(Book).filter(metadata__contains=v), [{"lang": "fr"}, {"prints": 12}, {}]),
    ("json contained", lambda s, v: s(Book).filter(metadata__contained_by=v), [{"lang": "fr", "prints": None}, {}]),
    ("json object", lambda s, v: s(Book).annotate(x=fn.JSONObject(title="title", v=Value(v))), ["a", "b"]),
    ("lock", lambda s, p: s(Book).filter(pages=p).select_for_update(), [96]),
    ("lock inside", lambda s: s(Book).filter(author__in=s(Author).select_for_update()), []),
    ("lock in a union", lambda s: s(Tag).union(s(Tag).select_for_update()), []),
    ("lock of", lambda s: s(Book).select_related("author").select_for_update(of=("self", "author")), []),
    ("lock no key", lambda s: s(Book).select_for_update(no_key=True, skip_locked=True), []),
    ("nulls", lambda s: s(Book).order_by(F("rating").desc(nulls_last=True), "pk"), []),
    ("regex", lambda s, v: s(Book).filter(title__regex=v), ["^T", "a{2}", "["]),
    (
        "group by a value",
        lambda s, v: s(Book).values(x=fn.Concat("format", Value(v))).annotate(n=Count("pk")).order_by("x"),
        ["a", "b"],
    ),
    (
        "group by a case",
        lambda s, v: (
            s(Book)
            .values(x=Case(When(pages__gt=v, then=Value("l")), default=Value("s")))
            .annotate(n=Count("pk"))
            .order_by("x")
        ),
        [96, 300],
    ),
    ("composite key in", lambda s, v: s(OrderLine).filter(pk__in=s(OrderLine).filter(number=v).values("pk")), [1, 2]),
    ("composite key in aliases", lambda s: s(OrderLine).filter(order__in=s(Order).filter(is_paid=True)), []),
    ("dates", lambda s: s(Book).dates("published", "week"), []),
    ("datetimes", lambda s: s(Book).datetimes("released", "hour"), []),
    (
        "durations",
        lambda s, v: s(Book).filter(reading_time__gt=v).annotate(x=F("released") + F("reading_time")),
        [datetime.timedelta(0)],
    ),
    ("decimals", lambda s, v: s(Book).annotate(x=F("price") * v), [decimal.Decimal("1.19"), 2]),
    ("function", lambda s, v: s(Book).annotate(x=Func(F("title"), Value(v), function="strpos")), ["a", "b"]),
    (
        "subquery of arrays",
        lambda s, v: s(Author).annotate(
            x=Subquery(s(Review).filter(book__author=OuterRef("pk"), stars=v).values("critic")[:1])
        ),
        [3, 4],
    ),
    ("random", lambda s, v: s(Book).filter(pages=v).order_by("title__lower", "pk"), [96, 220]),
    ("uuid", lambda s: s(Order).annotate(x=fn.Cast("pk", output_field=Order._meta.pk)), []),
]


def _cases(*modules: Any) -> list[Any]:
    names = ("LOOKUPS", "RELATIONS")
    rows = [
        row for module in modules for name in ("CONDITIONS", "CASES", "QUERIES") for row in getattr(module, name, ())
    ]
    lookups = [row for name in names for row in getattr(test_filters, name)]
    # These are about `default`; another alias makes other queries of them.
    rows = [row for row in rows if row[0] not in {"using", "or of sliced"}]
    made: list[Any] = [(f"{model.__name__}.{path}", _filter(model, path), values) for model, path, values in lookups]
    return [pytest.param(build, values, id=name) for name, build, values in [*rows, *made]]


def _filter(model: Any, path: str) -> Any:
    return lambda start, operand: start(model).filter(**{path: operand})


@pytest.mark.parametrize(("build", "values"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_what_only_postgresql_has_is_djangos(build: Any, values: list[Any], postgres: str) -> None:
    compare(build, *[value if isinstance(value, tuple) else (value,) for value in values], alias=postgres)
    compare(
        build,
        *[value if isinstance(value, tuple) else (value,) for value in values],
        alias=postgres,
        finish=ending("acount"),
    )


@pytest.mark.parametrize(
    ("build", "values"), _cases(test_filters, test_shapes, test_combinators, test_expressions, test_finishers)
)
def test_the_cases_of_sqlite_are_djangos_on_postgresql(build: Any, values: list[Any], postgres: str) -> None:
    compare(build, *[value if isinstance(value, tuple) else (value,) for value in values], alias=postgres)


@pytest.mark.parametrize(
    ("make", "values"), [pytest.param(*case[1:], id=case[0]) for case in test_expressions.EXPRESSIONS]
)
def test_expressions_are_djangos_on_postgresql(make: Any, values: list[Any], postgres: str) -> None:
    compare(lambda start, *given: start(Book).annotate(x=make(*given)).order_by("pk"), *values, alias=postgres)


@pytest.mark.parametrize("finish", test_finishers.ENDINGS, ids=str)
def test_endings_are_djangos_on_postgresql(finish: Any, postgres: str) -> None:
    compare(
        lambda start, pages: start(Book).filter(pages=pages).order_by("pk"),
        96,
        5,
        2**70,
        220,
        alias=postgres,
        finish=finish,
    )
    compare(lambda start, name: start(Author).filter(name=name), "Homer", "x", alias=postgres, finish=finish)
    compare(lambda start: start(Book).values_list("title", named=True), alias=postgres, finish=finish)
    compare(lambda start: start(Book).select_for_update(), alias=postgres, finish=finish)


def test_slices_may_be_joined_on_another_database_which_django_refuses(postgres: str) -> None:
    async def joined() -> list[Book]:
        query = q(Book).using(postgres).order_by("pk")
        return await (query[:3] | query[:4]).run()

    assert [book.pk for book in run(joined())] == [1, 2, 3, 4]


def test_a_truth_compared_with_a_number_is_djangos(postgres: str) -> None:
    """Without the values that a plan lets go of, the inner query of an `Exists()` has no type."""
    compare(
        lambda start, value: start(Tag).alias(y=Exists(start(Tag).filter(pk=1))).filter(y=value).order_by("pk"),
        *[(1,), (0,), (1,), (True,)],
        alias=postgres,
    )
