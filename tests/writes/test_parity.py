"""Each writing method beside Django's: statements, parameters, signals, results and rows."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any, TypeAlias

import pytest
from django.db.models import Case, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, Length, Lower, Upper

from tests.engines.places import Place
from tests.parity.oracle import ending
from tests.shop.fields import Money
from tests.shop.models import (
    Author,
    AuthorProfile,
    Bestseller,
    Book,
    BookDetail,
    Category,
    Chapter,
    Contribution,
    Country,
    Customer,
    Format,
    Gadget,
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
from tests.writes.comparing import compare

Cases: TypeAlias = list[tuple[Any, Any, Any]]
"""Name, case and sets of values."""

ORDER, NEW = uuid.UUID(int=5), uuid.UUID(int=77)

# On MariaDB, which has this one table.
COUNTRIES: Cases = [
    ("a number", lambda s, p: (s(Country).filter(code="DE"), ending("aupdate", population=p)), [1, 2, None, 2**62, 3]),
    ("a text", lambda s, v: (s(Country), ending("aupdate", name=v)), ["a", "", "äß", "x" * 81]),
    ("a truth", lambda s, v: (s(Country), ending("aupdate", is_member=v)), [True, False, None, True]),
    ("two", lambda s, v, w: (s(Country), ending("aupdate", name=v, population=w)), [("a", 1), ("b", 2), ("c", None)]),
    ("a key", lambda s, v: (s(Country).filter(code="DE"), ending("aupdate", code=v)), ["Q1", "Q2"]),
    ("more of it", lambda s, n: (s(Country), ending("aupdate", population=F("population") + n)), [1, 2, 3]),
    ("a product", lambda s, n: (s(Country), ending("aupdate", population=n * F("population"))), [2, 1]),
    ("a function", lambda s, v: (s(Country), ending("aupdate", name=Concat(Upper("name"), Value(v)))), ["!", "?"]),
    ("a value", lambda s, v: (s(Country), ending("aupdate", name=Value(v))), ["a", "b"]),
    (
        "a case",
        lambda s, v, n: (
            s(Country),
            ending("aupdate", name=Case(When(population__gt=n, then=Value(v)), default=F("name"))),
        ),
        [("big", 10_000_000), ("small", 5)],
    ),
    ("a condition", lambda s, n: (s(Country).filter(population__gt=n), ending("aupdate", name="x")), [10, 10**9]),
    ("of many", lambda s, c: (s(Country).filter(code__in=c), ending("aupdate", name="x")), [["DE", "GB"], ["XX"], []]),
    ("ordered", lambda s, n: (s(Country).order_by("-population"), ending("aupdate", population=n)), [1, 2]),
    (
        "ordered by an annotation",
        lambda s, n: (s(Country).annotate(n=Length("name")).order_by("-n"), ending("aupdate", population=n)),
        [1, 2],
    ),
    (
        "of an annotation",
        lambda s, n: (s(Country).annotate(n=Length("name")).filter(n__gt=n), ending("aupdate", population=F("n"))),
        [3, 8],
    ),
    ("of dicts", lambda s, n: (s(Country).values("name"), ending("aupdate", population=n)), [1, 2]),
    ("of nothing", lambda s, n: (s(Country).none(), ending("aupdate", population=n)), [1]),
    ("without values", lambda s: (s(Country), ending("aupdate")), []),
    ("wrong value", lambda s, v: (s(Country), ending("aupdate", population=v)), ["x", 1, "y"]),
    ("NULL where none may be", lambda s, v: (s(Country), ending("aupdate", name=v)), ["x", None, "y"]),
    ("too large", lambda s, v: (s(Country), ending("aupdate", population=v)), [1, 2**70, 2]),
    ("the same key", lambda s, v: (s(Country), ending("aupdate", code=v)), ["Q1"]),
    ("unknown", lambda s: (s(Country), ending("aupdate", nothing=1)), []),
    ("the alias of the key", lambda s: (s(Country), ending("aupdate", pk=1)), []),
    ("the other side", lambda s: (s(Country), ending("aupdate", publishers=1)), []),
    ("of a slice", lambda s: (s(Country)[:2], ending("aupdate", name="x")), []),
    ("of a union", lambda s: (s(Country).union(s(Country)), ending("aupdate", name="x")), []),
    ("an aggregate", lambda s: (s(Country), ending("aupdate", population=Length("publishers__name"))), []),
    ("create", lambda s, c: (s(Country), ending("acreate", code=c, name="x")), ["Q1", "Q2", "DE"]),
    ("create of nothing", lambda s: (s(Country), ending("acreate", nothing="x")), []),
    ("create badly", lambda s, n: (s(Country), ending("acreate", code="Q1", name=n)), [None, "x"]),
    ("get or create", lambda s, c: (s(Country), ending("aget_or_create", {"name": "x"}, code=c)), ["Q1", "DE"]),
    ("get or create lazily", lambda s, c: (s(Country), ending("aget_or_create", {"name": str}, code=c)), ["Q1"]),
    ("get or create of many", lambda s: (s(Country), ending("aget_or_create", population__gt=5)), []),
    ("update or create", lambda s, c: (s(Country), ending("aupdate_or_create", {"name": "x"}, code=c)), ["Q1", "DE"]),
    (
        "update or create apart",
        lambda s, c: (s(Country), ending("aupdate_or_create", {"name": "x"}, {"name": "y"}, code=c)),
        ["Q1", "DE"],
    ),
    (
        "bulk create",
        lambda s, n: (s(Country), ending("abulk_create", [Country(code=f"{i}", name="x") for i in range(n)])),
        [0, 1, 9],
    ),
    (
        "bulk create in batches",
        lambda s, n: (s(Country), ending("abulk_create", [Country(code=f"{i}", name="x") for i in range(9)], n)),
        [4, 1, 0],
    ),
    (
        "bulk create twice",
        lambda s, i: (s(Country), ending("abulk_create", [Country(code="DE", name="x")], ignore_conflicts=i)),
        [True, False],
    ),
    (
        "bulk update",
        lambda s, n: (
            s(Country),
            ending("abulk_update", [Country(code="DE", name="x"), Country(code="GB", name="y")], ["name"], n),
        ),
        [None, 1, -1],
    ),
    ("bulk update of the key", lambda s: (s(Country), ending("abulk_update", [Country(code="DE")], ["code"])), []),
    ("bulk update unsaved", lambda s: (s(Tag), ending("abulk_update", [Tag(name="x")], ["name"])), []),
]

UPSERTS: Cases = [
    (
        "bulk create or update",
        lambda s, n: (
            s(Country),
            ending(
                "abulk_create",
                [Country(code="DE", name=n), Country(code="Q1", name=n)],
                update_conflicts=True,
                update_fields=["name"],
                unique_fields=["code"],
            ),
        ),
        ["x", "y"],
    ),
]


def related(start: Any) -> Any:
    """The books of an author, by the manager that the author has."""
    author: Any = Author(pk=1)
    return start(author.books)


MOMENT = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)

COLUMNS: dict[str, list[Any]] = {
    "subtitle": ["a", None, ""],
    "pages": [1, 2, -1, True],
    "weight": [1, None, -5],
    "rating": [1.5, 2, None, "3.5"],
    "price": [decimal.Decimal("1.50"), 2, "3.25", decimal.Decimal("1.555"), 1.25],
    "cost": [Money(5), Money(7), None],
    "published": [datetime.date(2020, 1, 2), "2020-02-03", MOMENT, None, "x"],
    "released": [MOMENT, MOMENT + datetime.timedelta(days=1), None],
    "reading_hour": [datetime.time(1, 2), None],
    "reading_time": [datetime.timedelta(1), datetime.timedelta(seconds=1.5)],
    "reference": [uuid.UUID(int=5), str(uuid.UUID(int=6))],
    "is_available": [True, False, 1],
    "cover": [b"a", b"", None, memoryview(b"b")],
    "format": [Format.EBOOK, "pb"],
    "metadata": [{"a": 1}, [1, 2], [], "x", 5, True, None, {"b": [None]}],
    "author_id": [1, 2],
    "author": [1, 2, 999_999],
    "category": [1, None],
}


def setting(name: str) -> Any:
    """The case that sets one column."""
    return lambda start, value: (start(Book).filter(pages__gt=96), ending("aupdate", **{name: value}))


BOOKS: Cases = [
    *((name, setting(name), values) for name, values in COLUMNS.items()),
    ("an instance", lambda s, k: (s(Book), ending("aupdate", author=Author(pk=k))), [1, 2]),
    ("an unsaved instance", lambda s: (s(Book), ending("aupdate", author=Author())), []),
    ("another instance", lambda s: (s(Book), ending("aupdate", author=Tag(pk=1))), []),
    ("an instance as a number", lambda s: (s(Book), ending("aupdate", pages=Author(pk=1))), []),
    ("joined", lambda s, n: (s(Book).filter(author__name__contains=n), ending("aupdate", pages=7)), ["a", "z", "o"]),
    ("joined to many", lambda s, n: (s(Book).filter(tags__name=n), ending("aupdate", pages=F("pages") + 1)), ["sea"]),
    ("excluded", lambda s, n: (s(Book).exclude(tags__name=n), ending("aupdate", weight=n and 1)), ["sea", "war"]),
    (
        "by a query",
        lambda s, n: (s(Book).filter(author__in=s(Author).filter(name__contains=n)), ending("aupdate", pages=3)),
        ["a", "o"],
    ),
    (
        "to a query",
        lambda s, n: (
            s(Book),
            ending(
                "aupdate",
                subtitle=Subquery(Author.objects.filter(pk=OuterRef("author_id"), pk__gt=n).values("name")[:1]),
            ),
        ),
        [0, 2],
    ),
    (
        "to a query of the same kind",
        lambda s, n: (s(Book), ending("aupdate", subtitle=s(Tag).filter(name=n).values("name")[:1])),
        ["sea", "war"],
    ),
    ("to a column", lambda s: (s(Book), ending("aupdate", subtitle=F("title"))), []),
    ("to a column of a relation", lambda s: (s(Book), ending("aupdate", subtitle=F("author__name"))), []),
    (
        "to the first of",
        lambda s, v: (s(Book), ending("aupdate", subtitle=Coalesce("subtitle", Lower("title"), Value(v)))),
        ["a", "b"],
    ),
    ("related", lambda s: (s(Book).select_related("author"), ending("aupdate", pages=3)), []),
    ("locked", lambda s: (s(Book).select_for_update(), ending("aupdate", pages=3)), []),
    ("a tag", lambda s: (s(Book), ending("aupdate", tags=1)), []),
    ("a proxy", lambda s, n: (s(Bestseller), ending("aupdate", pages=n)), [3, 4]),
    ("hidden rows", lambda s, n: (s(Review), ending("aupdate", stars=n)), [1, 2]),
    ("related manager", lambda s, n: (related(s), ending("aupdate", pages=n)), [1, 2]),
    ("a computed column", lambda s, n: (s(OrderLine), ending("aupdate", total=n)), [1, 2]),
    ("beside a computed column", lambda s, n: (s(OrderLine), ending("aupdate", quantity=n, total=3)), [1, 2]),
    ("a composite key", lambda s: (s(OrderLine), ending("aupdate", pk=(1, 2))), []),
    ("of a composite key", lambda s, n: (s(OrderLine).filter(number=1), ending("aupdate", number=n)), [77, 78]),
    ("a check", lambda s, n: (s(OrderLine), ending("aupdate", quantity=n)), [1, 0, 2]),
    ("a child", lambda s, n: (s(Gadget), ending("aupdate", voltage=n)), [1, 2]),
    ("a parent's column", lambda s, n: (s(Gadget), ending("aupdate", name=n)), ["a", "b"]),
    ("both", lambda s, n: (s(Reader).filter(screen__gt=n), ending("aupdate", name="x", screen=n, tested=None)), [6, 7]),
    ("a unique one", lambda s, n: (s(Book), ending("aupdate", isbn=n)), ["x"]),
]

DELETED: Cases = [
    ("all notes", lambda s: (s(Note), ending("adelete")), []),
    ("some notes", lambda s, t: (s(Note).filter(text__gt=t), ending("adelete")), ["note 3", "note 5", "zzz"]),
    ("no notes", lambda s: (s(Note).none(), ending("adelete")), []),
    ("notes by relation", lambda s, n: (s(Visit).filter(customer__name=n), ending("adelete")), ["Ann", "x"]),
    ("ordered and related", lambda s: (s(Visit).select_related("customer").order_by("-pk"), ending("adelete")), []),
    ("distinct", lambda s: (s(Visit).distinct(), ending("adelete")), []),
    ("annotated", lambda s, n: (s(Visit).annotate(n=Length("page")).filter(n__gt=n), ending("adelete")), [1, 5]),
    ("with __init__", lambda s: (s(Customer).filter(orders=None), ending("adelete")), []),
    ("protected", lambda s: (s(Country), ending("adelete")), []),
    ("cascades", lambda s, n: (s(Author).filter(name=n), ending("adelete")), ["Homer", "x"]),
    ("set null", lambda s: (s(Category), ending("adelete")), []),
    ("a generic relation", lambda s, n: (s(Book).filter(pk=n), ending("adelete")), [1, 2]),
    ("a proxy", lambda s: (s(Bestseller), ending("adelete")), []),
    ("a child", lambda s: (s(Reader), ending("adelete")), []),
    ("a parent", lambda s: (s(Item), ending("adelete")), []),
    ("a composite key", lambda s, n: (s(OrderLine).filter(number=n), ending("adelete")), [1, 2]),
    ("after a slice", lambda s: (s(Visit)[:2], ending("adelete")), []),
    ("after values", lambda s: (s(Visit).values("page"), ending("adelete")), []),
    ("after a union", lambda s: (s(Visit).union(s(Visit)), ending("adelete")), []),
    ("hidden rows", lambda s: (s(Review), ending("adelete")), []),
]


def line(number: int, quantity: int) -> OrderLine:
    return OrderLine(order_id=ORDER, number=number, quantity=quantity, cents=5)


CREATED: Cases = [
    (
        "a default",
        lambda s: (s(Order).filter(is_paid=True), ending("acreate", id=NEW, customer_id=1, placed=MOMENT)),
        [],
    ),
    ("a child", lambda s: (s(Gadget), ending("acreate", pk=9_999, name="x", price=1, voltage=3)), []),
    ("ordered in its book", lambda s: (s(Chapter), ending("acreate", pk=9_999, book_id=4, title="x")), []),
    (
        "a composite key",
        lambda s, n: (s(OrderLine), ending("acreate", order_id=ORDER, number=n, quantity=n, cents=5)),
        [88, 0],
    ),
    (
        "with a related manager",
        lambda s, n: (related(s), ending("acreate", pk=9_999, title="x", pages=1, price=n, author_id=2, reference=NEW)),
        [1, 2],
    ),
    ("update or create, locked", lambda s, n: (s(Tag), ending("aupdate_or_create", {"weight": 5}, name=n)), ["sea"]),
    ("bulk create of a child", lambda s: (s(Gadget), ending("abulk_create", [Gadget(name="x", price=1)])), []),
    ("bulk create", lambda s, n: (s(OrderLine), ending("abulk_create", [line(70, n), line(71, n)])), [1, 0]),
]

EVERYTHING = (
    Country, Publisher, Author, AuthorProfile, Category, Tag, Book, BookDetail, Contribution, Chapter, Review, Note,
    Item, Gadget, Reader, Customer, Visit, Order, OrderLine, Book.tags.through,
)  # fmt: skip


def named(cases: Cases) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("case", "values"), [case[1:] for case in cases], ids=[case[0] for case in cases])


@named(COUNTRIES + UPSERTS)
def test_writing_countries_is_djangos(place: Place, case: Any, values: list[Any]) -> None:
    compare(place, case, *values, tables=[Country])


@named(BOOKS + CREATED)
def test_writing_the_shop_is_djangos(shop_place: Place, case: Any, values: list[Any]) -> None:
    compare(shop_place, case, *values, tables=EVERYTHING)


@named(DELETED)
@pytest.mark.parametrize("listens", [True, False], ids=["heard", "unheard"])
def test_deleting_is_djangos(shop_place: Place, case: Any, values: list[Any], listens: bool) -> None:
    compare(shop_place, case, *values, tables=EVERYTHING, listens=listens)
