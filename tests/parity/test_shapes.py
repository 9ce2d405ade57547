"""Rows of every shape, order, distinct, slices, deferred columns, dates, and related rows."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import django
import pytest
from django.db.models import Count, F, OrderBy, Prefetch, Value
from django.db.models.functions import Coalesce, Length, Lower, Upper

from tests.parity.oracle import compare, ending
from tests.shop import data
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    BookDetail,
    Category,
    Chapter,
    Country,
    Customer,
    Depot,
    Item,
    Note,
    Order,
    OrderLine,
    Publisher,
    Reader,
    Review,
    Tag,
    Visit,
)

# name, function of start and values, sets of values
CASES: list[tuple[str, Any, list[Any]]] = [
    ("values", lambda s, p: s(Book).filter(pages__gt=p).values(), [96, 500]),
    ("values of names", lambda s, p: s(Book).filter(pages__gt=p).values("title", "author__name", "pk"), [96, 500]),
    ("values of a relation", lambda s: s(Book).values("author", "author_id", "author__publisher__country__name"), []),
    ("values of many", lambda s, t: s(Book).filter(title=t).values("title", "tags__name", "tags"), ["Emma", "Dawn"]),
    ("values with expressions", lambda s, x: s(Book).values("title", low=Lower("title"), x=Value(x)), ["a", "b"]),
    ("values of an expression only", lambda s: s(Book).values(Lower("title")), []),
    ("values of a transform", lambda s: s(Book).values("title__lower", "published__year", "released__hour"), []),
    ("values of json", lambda s: s(Book).values("metadata__loc", "metadata__loc__row", "metadata"), []),
    (
        "values then annotate",
        lambda s: s(Book).values("author__name").annotate(n=Count("pk")).order_by("author__name"),
        [],
    ),
    ("annotate then values", lambda s: s(Book).annotate(n=Length("title")).values("n", "pk"), []),
    ("values then values", lambda s: s(Book).values("title").values("pages"), []),
    ("values then values_list", lambda s: s(Book).values("title", "pages").values_list("pages"), []),
    ("values_list then values", lambda s: s(Book).values_list("title").values(), []),
    ("values of a composite key", lambda s: s(OrderLine).values("pk", "total"), []),
    ("values of the same name twice", lambda s: s(Book).values("title", "title"), []),
    ("values of an unknown name", lambda s: s(Book).values("titel"), []),
    ("values conflicting", lambda s: s(Book).values("title", title=F("pages")), []),
    ("values_list", lambda s, p: s(Book).filter(pages=p).values_list(), [96, 220]),
    ("values_list of names", lambda s, p: s(Book).filter(pages=p).values_list("price", "cost", "title"), [96, 220]),
    ("values_list of expressions", lambda s: s(Book).values_list("pk", Lower("title"), F("pages") + 1), []),
    ("values_list expressions first", lambda s: s(Book).values_list(Lower("title"), "pk"), []),
    ("flat", lambda s, p: s(Book).filter(pages=p).values_list("title", flat=True), [96, 220]),
    ("flat relation", lambda s: s(Book).values_list("author__publisher__name", flat=True), []),
    ("flat expression", lambda s: s(Book).values_list(Upper("title"), flat=True), []),
    ("flat pk", lambda s: s(OrderLine).values_list("pk", flat=True), []),
    ("flat without names", lambda s: s(Book).values_list(flat=True), []),
    ("flat of two", lambda s: s(Book).values_list("title", "pages", flat=True), []),
    ("flat and named", lambda s: s(Book).values_list("title", flat=True, named=True), []),
    ("named", lambda s, p: s(Book).filter(pages=p).values_list("title", "author__name", named=True), [96, 220]),
    ("named without names", lambda s: s(Tag).values_list(named=True), []),
    ("named with annotation", lambda s: s(Tag).annotate(n=Count("books")).values_list("name", "n", named=True), []),
    ("named with all and annotation", lambda s: s(Tag).annotate(n=Count("books")).values_list(named=True), []),
    ("named pk", lambda s: s(OrderLine).values_list("pk", "total", named=True), []),
    ("named expression", lambda s: s(Tag).values_list(Lower("name"), "pk", named=True), []),
    ("dates", lambda s, p: s(Book).filter(pages__gte=p).dates("published", "year"), [0, 400]),
    ("dates by month", lambda s: s(Book).dates("published", "month", order="DESC"), []),
    ("dates by week", lambda s: s(Book).dates("published", "week"), []),
    ("dates by day", lambda s: s(Book).dates("author__born", "day"), []),
    ("dates wrong kind", lambda s: s(Book).dates("published", "decade"), []),
    ("dates of a datetime", lambda s: s(Book).dates("released", "year"), []),
    ("dates of a text", lambda s: s(Book).dates("title", "year"), []),
    ("datetimes", lambda s, p: s(Book).filter(pages__gte=p).datetimes("released", "hour"), [0, 400]),
    ("datetimes by day", lambda s: s(Book).datetimes("released", "day", order="DESC"), []),
    (
        "datetimes elsewhere",
        lambda s, z: s(Book).datetimes("released", "day", tzinfo=z),
        [ZoneInfo("Asia/Tokyo"), datetime.UTC, None],
    ),
    ("datetimes by second", lambda s: s(Book).datetimes("released", "second"), []),
    ("datetimes over a relation", lambda s: s(Book).datetimes("reviews__created", "month"), []),
    ("order", lambda s: s(Book).order_by("-rating", "title", "pk"), []),
    ("order by relation", lambda s: s(Book).order_by("author", "-pk"), []),
    ("order by relation's attribute", lambda s: s(Book).order_by("author__publisher__country__name", "pk"), []),
    ("order by id of a relation", lambda s: s(Book).order_by("author_id", "-pk"), []),
    (
        "order by expression",
        lambda s, n: s(Book).order_by(F("rating").desc(nulls_last=True), Length("title") + n, "pk"),
        [1, 2],
    ),
    ("order by value", lambda s, v: s(Book).order_by(Coalesce("subtitle", Value(v)), "pk"), ["", "z"]),
    ("order by OrderBy", lambda s: s(Book).order_by(OrderBy(F("pages"), descending=True, nulls_first=True), "pk"), []),
    ("order by annotation", lambda s: s(Book).annotate(n=Length("title")).order_by("-n", "pk"), []),
    ("order by alias", lambda s: s(Book).alias(n=Length("title")).order_by("n", "-pk"), []),
    ("order by json", lambda s: s(Book).order_by("metadata__prints", "pk"), []),
    ("order by transform", lambda s: s(Book).order_by("title__lower", "-pk"), []),
    ("order by year", lambda s: s(Book).order_by("-published__year", "pk"), []),
    ("order by pk", lambda s: s(OrderLine).order_by("-pk"), []),
    ("order by nothing", lambda s: s(Country).order_by(), []),
    ("order by unknown", lambda s: s(Book).order_by("titel"), []),
    ("order by unknown later", lambda s: s(Book).order_by("author__nom"), []),
    ("order by many", lambda s: s(Book).order_by("tags__name", "pk"), []),
    ("order replaced", lambda s: s(Book).order_by("title").order_by("-pk"), []),
    ("order with respect to", lambda s: s(Chapter), []),
    ("meta order by relation", lambda s: s(Review).reverse(), []),
    ("reverse", lambda s: s(Book).order_by("title", "-pk").reverse(), []),
    ("reverse twice", lambda s: s(Book).order_by("title", "pk").reverse().reverse(), []),
    ("reverse unordered", lambda s: s(Tag).reverse(), []),
    ("distinct", lambda s, t: s(Author).filter(books__title__contains=t).distinct(), ["a", "e", ""]),
    ("distinct values", lambda s: s(Book).values("author__name").distinct().order_by("author__name"), []),
    ("distinct ordered elsewhere", lambda s: s(Book).order_by("author__name").values("pages").distinct(), []),
    ("distinct list", lambda s: s(Book).values_list("pages", flat=True).distinct().order_by("-pages"), []),
    (
        "slice",
        lambda s, a, b: s(Book).order_by("pk")[a:b],
        [(0, 3), (3, 9), (2, 2), (None, 4), (40, None), (0, 0), (90, 99), (5, 2)],
    ),
    ("slice of a slice", lambda s, a: s(Book).order_by("pk")[2:20][a:], [0, 3, 30]),
    ("slice with filter", lambda s, p, n: s(Book).filter(pages__gt=p).order_by("pk")[:n], [(96, 2), (0, 5)]),
    ("slice of values", lambda s, n: s(Book).order_by("pk").values_list("title")[n : n + 2], [0, 5]),
    ("negative slice", lambda s: s(Book)[-3:], []),
    ("filter after slice", lambda s: s(Book)[:3].filter(pages=1), []),
    ("order after slice", lambda s: s(Book)[:3].order_by("pk"), []),
    ("distinct after slice", lambda s: s(Book)[:3].distinct(), []),
    ("reverse after slice", lambda s: s(Book)[:3].reverse(), []),
    ("annotate after slice", lambda s: s(Book)[:3].annotate(n=Length("title")), []),
    ("none", lambda s: s(Book).none(), []),
    ("none then filter", lambda s, p: s(Book).none().filter(pages=p), [1, 2]),
    ("all", lambda s: s(Book).all().all(), []),
    ("only", lambda s, p: s(Book).filter(pages=p).only("title", "pages"), [96, 220]),
    ("only of a relation", lambda s: s(Book).select_related("author").only("title", "author__name"), []),
    ("only a foreign key", lambda s: s(Book).only("author"), []),
    ("only pk", lambda s: s(Book).only("pk"), []),
    ("only nothing", lambda s: s(Book).only(), []),
    ("only twice", lambda s: s(Book).only("title").only("pages"), []),
    ("only then defer", lambda s: s(Book).only("title", "pages").defer("pages"), []),
    ("only unknown", lambda s: s(Book).only("titel"), []),
    ("only after values", lambda s: s(Book).values("title").only("title"), []),
    ("only of a child", lambda s: s(Reader).only("name", "screen"), []),
    ("defer", lambda s: s(Book).defer("metadata", "cover"), []),
    ("defer twice", lambda s: s(Book).defer("metadata").defer("cover"), []),
    ("defer none", lambda s: s(Book).defer("metadata").defer(None), []),
    ("defer pk", lambda s: s(Book).defer("pk", "title"), []),
    (
        "defer of a relation",
        lambda s: s(Book).select_related("author__publisher").defer("author__name", "author__publisher__slug"),
        [],
    ),
    ("defer after values", lambda s: s(Book).values("title").defer("title"), []),
    ("defer then only", lambda s: s(Book).defer("title").only("title", "pages"), []),
    ("defer with __init__", lambda s: s(Customer).defer("name"), []),
    ("defer with from_db", lambda s: s(Visit).only("moment"), []),
    ("only a related field without select_related", lambda s: s(Book).only("author__name"), []),
    ("deferred key of a joined relation", lambda s: s(Book).select_related("author").defer("author"), []),
    (
        "select_related",
        lambda s, p: (
            s(Book).filter(pages__gt=p).select_related("author__publisher__country", "editor", "category__parent")
        ),
        [96, 500],
    ),
    ("select_related all", lambda s: s(Book).select_related(), []),
    ("select_related none", lambda s: s(Book).select_related("author").select_related(None), []),
    ("select_related twice", lambda s: s(Book).select_related("author").select_related("editor"), []),
    ("select_related reverse", lambda s: s(Book).select_related("detail"), []),
    ("select_related reverse and on", lambda s: s(Author).select_related("profile", "mentor__profile"), []),
    ("select_related from the other side", lambda s: s(BookDetail).select_related("book__author"), []),
    ("select_related self", lambda s: s(Category).select_related("parent__parent"), []),
    ("select_related to_field", lambda s: s(Depot).select_related("publisher__country"), []),
    ("select_related of children", lambda s: s(Item).select_related("gadget__reader__favourite"), []),
    ("select_related of a child", lambda s: s(Reader).select_related("favourite__author", "maker"), []),
    ("select_related of parent link", lambda s: s(Reader).select_related("gadget_ptr__item_ptr"), []),
    ("select_related with __init__", lambda s: s(Order).select_related("customer__country"), []),
    ("select_related with from_db", lambda s: s(Visit).select_related("customer"), []),
    ("select_related composite", lambda s: s(OrderLine).select_related("order", "book__author"), []),
    ("select_related proxy", lambda s: s(Bestseller).select_related("author", "detail"), []),
    ("select_related of many", lambda s: s(Book).select_related("tags"), []),
    ("select_related unknown", lambda s: s(Book).select_related("autor"), []),
    ("select_related of a column", lambda s: s(Book).select_related("title"), []),
    ("select_related after values", lambda s: s(Book).values("title").select_related("author"), []),
    ("select_related then values", lambda s: s(Book).select_related("author").values("title"), []),
    ("select_related and annotate", lambda s: s(Book).select_related("author").annotate(n=Length("author__name")), []),
    (
        "select_related and only reverse",
        lambda s: s(Book).select_related("detail").only("title", "detail__summary"),
        [],
    ),
    ("generic key", lambda s: s(Note).select_related("content_type"), []),
    ("annotation over a method", lambda s: s(Book).annotate(twice=F("pages") * 2), []),
    ("annotation conflicting", lambda s: s(Book).annotate(title=F("pages")), []),
    (
        "extra select",
        lambda s: s(Book).extra(select={"long": "pages > 400"}, where=["pages > 90"], order_by=["-pages", "id"]),
        [],
    ),
    (
        "extra params",
        lambda s, p: s(Book).extra(select={"more": "pages + %s"}, select_params=[p], where=["pages > %s"], params=[p]),
        [96, 220],
    ),
    ("extra tables", lambda s: s(Book).extra(tables=["shop_tag"], where=["shop_tag.name = 'sea'"]), []),
    ("extra values", lambda s: s(Book).extra(select={"long": "pages > 400"}).values("long", "title"), []),
    ("extra list", lambda s: s(Book).extra(select={"long": "pages > 400"}).values_list("title", "long"), []),
    ("using", lambda s: s(Book).using("default").filter(pages=96), []),
    ("prefetch many", lambda s, p: s(Book).filter(pages=p).prefetch_related("tags"), [96, 220]),
    ("prefetch path", lambda s: s(Author).prefetch_related("books__tags", "books__reviews", "profile"), []),
    ("prefetch forward", lambda s: s(Book).prefetch_related("author__publisher", "detail"), []),
    ("prefetch and select", lambda s: s(Book).select_related("author").prefetch_related("author__books__tags"), []),
    ("prefetch generic", lambda s: s(Note).prefetch_related("target"), []),
    ("prefetch generic relation", lambda s: s(Book).prefetch_related("notes"), []),
    ("prefetch through", lambda s: s(Book).prefetch_related("contributors", "contributions__author"), []),
    ("prefetch to_field", lambda s: s(Publisher).prefetch_related("depots__books"), []),
    ("prefetch cleared", lambda s: s(Book).prefetch_related("tags").prefetch_related(None), []),
    ("prefetch twice", lambda s: s(Book).prefetch_related("tags").prefetch_related("reviews"), []),
    ("prefetch of a column", lambda s: s(Book).prefetch_related("title"), []),
    ("prefetch of values", lambda s: s(Book).prefetch_related("tags").values("title"), []),
    ("values then prefetch", lambda s: s(Book).values("title").prefetch_related("tags"), []),
    (
        "prefetch query",
        lambda s, n: s(Book).prefetch_related(Prefetch("tags", s(Tag).filter(name__contains=n))),
        ["a", "s"],
    ),
    (
        "prefetch queryset",
        lambda s, n: s(Book).prefetch_related(Prefetch("tags", Tag.objects.filter(name__contains=n))),
        ["a", "s"],
    ),
    (
        "prefetch to_attr",
        lambda s, n: s(Author).prefetch_related(Prefetch("books", s(Book).order_by("-pk")[:n], to_attr="some")),
        [2, 3],
    ),
    (
        "prefetch to_attr nested",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", s(Book).select_related("category"), to_attr="all_books"), "all_books__tags"
        ),
        [],
    ),
    (
        "prefetch annotated",
        lambda s: s(Author).prefetch_related(
            Prefetch("books", s(Book).annotate(n=Count("tags")).prefetch_related("reviews"))
        ),
        [],
    ),
    ("prefetch none", lambda s: s(Author).prefetch_related(Prefetch("books", s(Book).none())), []),
    ("prefetch values", lambda s: s(Author).prefetch_related(Prefetch("books", s(Book).values("title"))), []),
    ("prefetch on empty", lambda s: s(Book).filter(title="no such").prefetch_related("tags"), []),
    ("prefetch on manager's filter", lambda s: s(Book).prefetch_related("reviews"), []),
    ("lock", lambda s: s(Book).select_for_update(), []),
    ("lock of", lambda s: s(Book).select_related("author").select_for_update(of=("self",), nowait=True), []),
    ("lock nowait and skip", lambda s: s(Book).select_for_update(nowait=True, skip_locked=True), []),
    ("lock then values", lambda s: s(Book).select_for_update().values("title"), []),
]


@pytest.mark.parametrize("model", data.PORTABLE_MODELS)
def test_all_rows_of_a_model_are_djangos(model: Any) -> None:
    compare(lambda start: start(model))
    compare(lambda start: start(model), finish=ending("async for"))
    compare(lambda start: start(model).values())
    compare(lambda start: start(model).values_list())


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rows_are_djangos(build: Any, values: list[Any]) -> None:
    compare(build, *values)


def test_an_unknown_prefetch_is_refused() -> None:
    compare(lambda start: start(Book).prefetch_related("tagz"))
    compare(lambda start: start(Author).prefetch_related("books__tagz"))


def test_random_order_is_djangos() -> None:
    compare(lambda start, pages: start(Book).filter(pages=pages).order_by("?"), 96, 220, in_any_order=True)
    compare(
        lambda start, pages: start(Book).filter(pages=pages).order_by("?").values("title"), 96, 220, in_any_order=True
    )


def test_rows_of_related_managers_know_where_they_come_from() -> None:
    author: Any = Author.objects.get(name="Homer")
    book = Book.objects.filter(tags__isnull=False).order_by("pk")[0]
    compare(lambda start, pages: start(author.books).filter(pages__gt=pages), 0, 300)
    compare(lambda start, pages: start(author.books.filter(pages__gt=pages)), 0, 300)
    compare(lambda start: start(author.books.select_related("author")))
    compare(lambda start: start(book.tags))
    compare(lambda start: start(book.tags.all()).values("name"))
    compare(lambda start: start(book.contributors).order_by("pk"))
    compare(lambda start: start(book.notes))
    compare(lambda start: start(author.books.all()) & Book.objects.filter(pages__gt=0))
    category: Any = Category.objects.get(name="Fiction")
    compare(lambda start: start(category.children))


def test_names_of_columns_may_depend_on_values() -> None:
    compare(lambda start, name: start(Book).values(name), "title", "pages", "author__name", "title")
    compare(lambda start, name: start(Book).order_by(name, "pk"), "title", "-pages", "author__name", "title")
    compare(lambda start, name: start(Book).only(name), "title", "pages", "title")
    compare(lambda start, name: start(Book).select_related(name), "author", "editor", "author")
    compare(lambda start, name: start(Book).annotate(**{name: F("pages")}), "one", "two", "title", "one")


@pytest.mark.skipif(django.VERSION < (6, 1), reason="fetch modes came with Django 6.1")
@pytest.mark.parametrize("name", ["FETCH_ONE", "FETCH_PEERS", "FETCH_RAISE"])
def test_a_fetch_mode_is_djangos(name: str) -> None:
    from django.db.models import fetch_modes  # not there before Django 6.1

    mode = getattr(fetch_modes, name)
    compare(lambda start, pages: start(Book).filter(pages=pages).fetch_mode(mode), 96, 220)
    compare(lambda start: start(Book).fetch_mode(mode).select_related("author").defer("title"))
    compare(lambda start: start(Book).fetch_mode(mode).values("title"))
    compare(lambda start: start(Author).fetch_mode(mode).prefetch_related("books"))
