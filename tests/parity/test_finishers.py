"""Every way to finish a query, on many kinds of query."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db.models import Count, F, Max, Q, Sum, Value
from django.db.models.functions import Length

from adj import q
from tests.parity.oracle import Ending, compare, ending
from tests.parity.plain import plain
from tests.running import run
from tests.shop.models import Author, Bestseller, Book, Category, Customer, Order, OrderLine, Reader, Review, Tag, Visit

QUERIES: list[tuple[str, Any, list[Any]]] = [
    ("all", lambda s: s(Book), []),
    ("filtered", lambda s, p: s(Book).filter(pages=p), [96, 5, 2**70, None, 220]),
    ("ordered", lambda s, p: s(Book).filter(pages__gt=p).order_by("-title", "pk"), [96, 5_000]),
    ("meta ordered", lambda s, n: s(Author).filter(name__contains=n), ["a", "x"]),
    ("values", lambda s, p: s(Book).filter(pages=p).values("title"), [96, 5]),
    ("values list", lambda s, p: s(Book).filter(pages=p).values_list("title", "pk"), [96, 5]),
    ("flat", lambda s, p: s(Book).filter(pages=p).values_list("title", flat=True), [96, 5]),
    ("named", lambda s, p: s(Book).filter(pages=p).values_list("title", named=True), [96, 5]),
    ("annotated", lambda s, n: s(Author).annotate(n=Count("books")).filter(n__gte=n), [1, 99]),
    ("unused annotation", lambda s, v: s(Book).annotate(x=Length("title") + v), [1, 2]),
    ("grouped", lambda s: s(Book).values("format").annotate(n=Count("pk")), []),
    ("distinct", lambda s, t: s(Author).filter(books__title__contains=t).distinct(), ["a", "zz"]),
    ("sliced", lambda s, a, b: s(Book).order_by("pk")[a:b], [(0, 3), (2, 4), (3, 3), (90, 95), (None, 2), (2, None)]),
    ("sliced and filtered", lambda s, p, n: s(Book).filter(pages__gt=p).order_by("pk")[:n], [(96, 4), (5_000, 3)]),
    ("joined", lambda s, n: s(Book).select_related("author").filter(author__name=n), ["Homer", "x"]),
    ("deferred", lambda s, p: s(Book).filter(pages=p).only("title"), [96, 5]),
    ("prefetched", lambda s, p: s(Book).filter(pages=p).prefetch_related("tags"), [96, 5]),
    ("none", lambda s: s(Book).none(), []),
    ("empty", lambda s, ids: s(Book).filter(pk__in=ids), [[], [1, 2], []]),
    ("union", lambda s, p: s(Book).filter(pages=p).union(s(Book).filter(weight=p)), [96, 0]),
    ("one", lambda s, i: s(Book).filter(isbn=i), ["9780000000003", "9780000000004", "x"]),
    ("dates", lambda s, p: s(Book).filter(pages__gt=p).dates("published", "year"), [96, 5_000]),
    ("with __init__", lambda s, n: s(Customer).filter(name=n), ["Ann", "x"]),
    ("with from_db", lambda s, n: s(Visit).filter(page=n), ["/1", "x"]),
    ("hiding manager", lambda s, n: s(Review).filter(stars=n), [3, 99]),
    ("proxy", lambda s, n: s(Bestseller).filter(title__contains=n), ["a", "zz"]),
    ("child", lambda s, n: s(Reader).filter(screen__gt=n), [6, 99]),
    ("uuid", lambda s, n: s(Order).filter(is_paid=n), [True, None, False]),
    ("composite", lambda s, n: s(OrderLine).filter(number=n), [1, 99]),
    ("extra", lambda s: s(Book).extra(select={"x": "1"}, where=["pages > 90"]), []),
    ("locked", lambda s: s(Book).select_for_update(), []),
]

ENDINGS = [
    ending("run"),
    ending("arun"),
    ending("async for"),
    ending("aiterator"),
    ending("aiterator", 3),
    ending("stream"),
    ending("stream", 7),
    ending("stream", 0),
    ending("aget"),
    ending("aget", pk=3),
    ending("aget", Q(title="Emma") | Q(title="Dawn")),
    ending("aget", nothing=3),
    ending("aget_or_none"),
    ending("aget_or_none", pk=2**70),
    ending("afirst"),
    ending("alast"),
    ending("aearliest"),
    ending("aearliest", "pk"),
    ending("aearliest", "-pages", "title"),
    ending("alatest"),
    ending("alatest", "released", "pk"),
    ending("alatest", "nothing"),
    ending("acount"),
    ending("aexists"),
    ending("aaggregate", n=Count("pk")),
    ending("aaggregate", Max("pk")),
    ending("aaggregate", n=Sum("pages"), m=Max(F("pages") + 1)),
    ending("aaggregate"),
    ending("ain_bulk"),
    ending("ain_bulk", [1, 2, 99]),
    ending("ain_bulk", []),
    ending("ain_bulk", {3}, field_name="isbn"),
    ending("ain_bulk", field_name="title"),
    ending("ain_bulk", ["Emma"], field_name="nothing"),
    ending("[]", 0),
    ending("[]", 2),
    ending("[]", 999),
    ending("[]", -1),
    ending("[]", "x"),
    ending("aexplain"),
    ending("aexplain", format="nonsense"),
]


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in QUERIES], ids=[case[0] for case in QUERIES])
@pytest.mark.parametrize("finish", ENDINGS, ids=str)
def test_an_ending_is_djangos(finish: Ending, build: Any, values: list[Any]) -> None:
    compare(build, *values, finish=finish)


def test_whether_a_row_is_among_the_rows_is_djangos_to_say() -> None:
    books = list(Book.objects.order_by("pk")[:3])
    tag = Tag.objects.get(name="sea")
    for build in (
        lambda start, pages: start(Book).filter(pages__gt=pages),
        lambda start, pages: start(Book).filter(pages__gt=pages).values("title"),
        lambda start, pages: start(Book).order_by("pk")[: pages + 1],
        lambda start, pages: start(Book).filter(pages=pages).union(start(Book).filter(pages=0)),
        lambda start, pages: start(Book).none(),
        lambda start, pages: start(Bestseller).filter(pages__gt=pages),
    ):
        for instance in (books[0], books[1], Book(title="unsaved"), tag, Bestseller(pk=1), 17, None):
            compare(build, 0, 96, 300, finish=ending("acontains", instance))


def test_rows_by_other_unique_fields_are_djangos() -> None:
    compare(lambda start: start(Tag), finish=ending("ain_bulk", ["sea", "war", "x"], field_name="name"))
    compare(lambda start: start(Tag).filter(weight__gt=0), finish=ending("ain_bulk", field_name="name"))
    compare(lambda start: start(Order), finish=ending("ain_bulk", [uuid.UUID(int=5)]))
    compare(lambda start: start(OrderLine), finish=ending("ain_bulk", [(uuid.UUID(int=104_734), 1)]))
    compare(lambda start: start(OrderLine), finish=ending("ain_bulk"))
    compare(lambda start: start(Book), finish=ending("ain_bulk", range(2_000)))
    compare(lambda start: start(Book).values("title"), finish=ending("ain_bulk", [1]))
    compare(lambda start: start(Category).select_related("parent"), finish=ending("ain_bulk", [1, 2]))


def test_hand_written_sql_is_djangos() -> None:
    sql = "SELECT id, title, pages * 2 AS twice FROM shop_book WHERE pages > %s ORDER BY id"
    compare(lambda start, pages: start(Book).raw(sql, [pages]), 96, 300, finish=ending("async for"))
    compare(
        lambda start, pages: start(Book).raw(sql, (pages,)).prefetch_related("tags"), 96, finish=ending("async for")
    )
    named = "SELECT id, title AS t FROM shop_book WHERE pages = %(pages)s ORDER BY id"
    compare(lambda start, p: start(Book).raw(named, {"pages": p}, {"t": "title"}), 96, 220, finish=ending("async for"))
    compare(lambda start: start(Customer).raw("SELECT * FROM shop_customer ORDER BY id"), finish=ending("aiterator", 2))
    compare(lambda start: start(Visit).raw("SELECT * FROM shop_visit ORDER BY id"), finish=ending("async for"))
    compare(lambda start: start(Book).raw("SELECT title FROM shop_book"), finish=ending("async for"))
    compare(lambda start: start(Book).raw("SELECT nonsense"), finish=ending("async for"))


def test_a_query_object_that_runs_a_hundred_times_at_once_gives_the_same_rows_each_time() -> None:
    """P6."""
    import asyncio

    query = q(Book).filter(pages__gt=90).annotate(x=Length("title") + 1, v=Value("x")).select_related("author")

    async def many() -> list[list[Any]]:
        return await asyncio.gather(*[query.run() for _ in range(100)])

    expected = plain(list(query.queryset))
    assert all(plain(rows) == expected for rows in run(many()))
