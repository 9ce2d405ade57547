"""Conditions: every built-in lookup, transforms, and operands of every kind, each from the cache as well."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import pytest
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Length, Lower

from tests.parity.oracle import Fresh, Start, compare, ending
from tests.shop import data
from tests.shop.fields import Money
from tests.shop.models import (
    Author,
    Bestseller,
    Book,
    Category,
    Country,
    Customer,
    Depot,
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

UTC = datetime.UTC
NAIVE = datetime.datetime(2021, 10, 31, 2, 30)  # noqa: DTZ001  # naive on purpose
AWARE = datetime.datetime(2021, 10, 31, 1, 30, tzinfo=UTC)
HUGE = 2**70

# path, operands in the order in which they are asked
LOOKUPS: list[tuple[Any, str, list[Any]]] = [
    (Book, "title", ["Emma", "", "odyssey", "no such", None, 17, True, "100% Pure_Fiction"]),
    (Book, "title__exact", ["Emma", None, "Iliad", F("subtitle"), F("author__name"), "Emma"]),
    (Book, "title__iexact", ["EMMA", "emma", None, "", "STRASSE", "ノルウェイの森"]),
    (Book, "title__contains", ["a", "%", "_", "\\", "", "é", 1]),
    (Book, "title__icontains", ["THE", "%", "", "É", F("author__name"), 1]),
    (Book, "title__startswith", ["The", "", "the", "100%", F("title")]),
    (Book, "title__istartswith", ["the", "An b", ""]),
    (Book, "title__endswith", ["e", "?", ""]),
    (Book, "title__iendswith", ["E", "\\*", ""]),
    (Book, "title__regex", ["^T.*s$", ".", "e+", "["]),
    (Book, "title__iregex", ["^t", "ß"]),
    (Book, "title__in", [["Emma"], [], ["Emma", "Dawn"], ("Emma", None), {"Iliad"}, [""], ["a", "b", "c", "d"]]),
    (Book, "title__in", [["Emma", "Dawn"], ["Dawn", "Emma"], ["x", "y"], ["Emma", F("subtitle")], [None, None]]),
    (Book, "title__gt", ["M", "", "é", None]),
    (Book, "title__range", [("A", "M"), ["a", "z"], ("Z", "A")]),
    (Book, "title__lower", ["emma", "EMMA"]),
    (Book, "title__length__gt", [4, 0, "10", -1]),
    (Book, "title__folded", ["EMMA", "emma", ""]),
    (Book, "title__folded__in", [["EMMA", "DAWN"], ["emma"]]),
    (Book, "title__matches", ["Emma", "The*", "Dawn", "*", "Em*"]),
    (Book, "title__ne", ["Emma", "", None]),
    (Book, "subtitle", ["", None, "A novel", None, ""]),
    (Book, "subtitle__isnull", [True, False, True, 1, 0, "yes"]),
    (Book, "pages", [96, "96", 96.0, 96.5, 0, -1, HUGE, -HUGE, None, True, decimal.Decimal(96), "x", "", [1]]),
    (Book, "pages__gt", [96, "220", 219.5, HUGE, -1, F("weight"), F("weight") + 1, F("weight") * 2, "x"]),
    (Book, "pages__gte", [96, 219.5, -HUGE, 220.0, True]),
    (Book, "pages__lt", [96, 220.5, HUGE, -5, 0]),
    (Book, "pages__lte", [96, 220.5, HUGE, -HUGE]),
    (Book, "pages__range", [(0, 100), (100, 0), [1, HUGE], (-1, 300), (F("weight"), 500), ("1", "96")]),
    (
        Book,
        "pages__in",
        [
            [96],
            [96, 220],
            [220, 96],
            [96, 96],
            [HUGE],
            [HUGE, 96],
            [96, None],
            [None],
            [],
            {1, 2, 3},
            range(3),
            range(0),
            (96, 220, 341),
            Fresh(lambda: (number for number in (96, 400))),
            Fresh(lambda: iter([])),
            Fresh(lambda: map(int, "12")),
            {96: "x"}.keys(),
            {"a": 220}.values(),
            [F("weight"), 96],
            ["96"],
            [96.5],
            ["x"],
            frozenset({512}),
            [True],
            96,
            "96",
        ],
    ),
    (Book, "weight", [-3, 0, 32_767, 32_768, None, -32_769]),
    (Book, "weight__abs", [3, -3, 0, None]),
    (Book, "weight__abs__lt", [300, HUGE, 0]),
    (Book, "copies_sold", [2**63 - 1, 2**63, 0, -(2**63), -(2**63) - 1]),
    (Book, "copies_sold__gte", [2**62, 2**63, -(2**64)]),
    (Book, "copies_sold__in", [[2**63 - 1, 2**63], [0, 7], [2**64, 2**65]]),
    (Book, "rating", [4.0, 4, "4.75", None, float("inf"), decimal.Decimal("1.5"), 1 / 3, "x"]),
    (Book, "rating__gt", [1, 1.5, float("-inf"), "3"]),
    (Book, "rating__isnull", [True, False]),
    (Book, "price", [decimal.Decimal("1.37"), 0, "1.37", 1.37, decimal.Decimal("1E+9"), decimal.Decimal("NaN"), "x"]),
    (Book, "price__gte", [decimal.Decimal("10.005"), 10, "10.5", 12.345]),
    (Book, "price__in", [[decimal.Decimal("1.37"), 0], ["2.74", 1]]),
    (Book, "cost", [Money(55), 110, None, "165", Money(0)]),
    (Book, "cost__gt", [Money(1_000), 2_000]),
    (Book, "cost__in", [[Money(55), 110], [Money(1)]]),
    (Book, "cost__abs", [55, 110]),
    (
        Book,
        "published",
        [
            datetime.date(1960, 1, 1),
            "1960-01-01",
            None,
            datetime.datetime(1960, 1, 1, 12, tzinfo=UTC),
            "never",
            datetime.date.max,
        ],
    ),
    (Book, "published__gt", [datetime.date(1990, 1, 1), "1990-01-01", F("author__born")]),
    (Book, "published__range", [(datetime.date(1970, 1, 1), datetime.date(1980, 1, 1)), ("1960-01-01", "1961-01-01")]),
    (Book, "published__year", [1970, 1971, "1972", 1, 9999, None]),
    (Book, "published__year__gt", [1970, 1999]),
    (Book, "published__year__in", [[1970, 1971], [1960]]),
    (Book, "published__month", [1, 12, "3"]),
    (Book, "published__day__lte", [15]),
    (Book, "published__week", [1, 53]),
    (Book, "published__week_day", [1, 7]),
    (Book, "published__iso_week_day", [1, 7]),
    (Book, "published__iso_year", [1970, 1971]),
    (Book, "published__iso_year__gte", [1990]),
    (Book, "published__quarter", [1, 4]),
    (Book, "released", [AWARE, NAIVE, "2021-10-31 02:30", None, datetime.date(2021, 3, 28), data.MOMENTS[0]]),
    (Book, "released__lt", [AWARE, NAIVE, "2000-01-01"]),
    (Book, "released__range", [(data.MOMENTS[0], data.MOMENTS[4]), (NAIVE, NAIVE), (data.MOMENTS[4], data.MOMENTS[0])]),
    (Book, "released__year", [2021, 2000, 1999]),
    (Book, "released__year__lte", [2021, 1999]),
    (Book, "released__date", [datetime.date(2021, 10, 31), datetime.date(2000, 1, 1), "1999-12-31"]),
    (Book, "released__date__gt", [datetime.date(2021, 10, 31), datetime.date(1970, 1, 1)]),
    (Book, "released__time", [datetime.time(2, 30), datetime.time(0, 15)]),
    (Book, "released__time__lt", [datetime.time(2, 30)]),
    (Book, "released__hour", [2, 3, 23]),
    (Book, "released__minute__in", [[30, 15], [59]]),
    (Book, "released__second", [8, 59]),
    (Book, "released__week_day", [1, 2]),
    (Book, "reading_hour", [datetime.time(0, 0), "12:30:15", None, datetime.time(23, 59, 59, 999_999)]),
    (Book, "reading_hour__hour", [12, 0]),
    (Book, "reading_hour__gt", [datetime.time(12)]),
    (Book, "reading_time", [datetime.timedelta(0), datetime.timedelta(hours=7, microseconds=5), None]),
    (Book, "reading_time__lt", [datetime.timedelta(hours=1), datetime.timedelta(days=400)]),
    (Book, "reference", [uuid.UUID(int=2**100), str(uuid.UUID(int=7_919 + 2**100)), "x", None, 5]),
    (Book, "reference__in", [[uuid.UUID(int=2**100)], [str(uuid.UUID(int=2**100)), uuid.UUID(int=1)]]),
    (Book, "is_available", [True, False, 1, 0, "t", "False", None, "x"]),
    (Book, "is_available__in", [[True], [False], [True, False]]),
    (Book, "is_translated", [None, True, False, None, 1]),
    (Book, "is_translated__ne", [True, False]),
    (Book, "cover", [b"", b"\x00\xff\x10cover", memoryview(b""), None, bytearray(b"")]),
    (Book, "format", ["hb", Format.PAPERBACK, "zz"]),
    (Book, "format__in", [["hb", "pb"], ["eb"], []]),
    (Book, "metadata", [{}, [], "text", 17, None, {"prints": None, "lang": "fr"}, 17.5, True, Value(None)]),
    (Book, "metadata__lang", ["fr", "日本語", None, 5]),
    (Book, "metadata__loc__row", [3, "3", None]),
    (Book, "metadata__prints", [12, 0, None, 12.0]),
    (Book, "metadata__prints__gt", [0, 20]),
    (Book, "metadata__prints__isnull", [True, False]),
    (Book, "metadata__ok", [True, False, None]),
    (Book, "metadata__1", [2, "one"]),
    (Book, "metadata__awards__0", ["Hugo", "Nebula"]),
    (Book, "metadata__lang__in", [["fr", "日本語"], ["de"], []]),
    (Book, "metadata__lang__icontains", ["F", "x"]),
    (Book, "metadata__lang__startswith", ["f"]),
    (Book, "metadata__has_key", ["lang", "loc", "quote'\"key", "%"]),
    (Book, "metadata__has_keys", [["lang", "prints"], ["lang"], []]),
    (Book, "metadata__has_any_keys", [["lang", "loc"], ["x"], []]),
    (Book, "metadata__loc__has_key", ["shelf", "row"]),
    (Book, "metadata__isnull", [True, False]),
    (Book, "pk", [1, "1", None, HUGE, 48.0, "x", [1]]),
    (Book, "id__in", [[1, 2, 3], [4], [HUGE], []]),
    (Country, "pk", ["DE", "xx", None, "", 3]),
    (Country, "name__startswith", ["日", "I", "Í"]),
    (Country, "is_member", [None, True, False]),
    (Order, "pk", [uuid.UUID(int=5), str(uuid.UUID(int=104_734)), "x"]),
    (Order, "pk__in", [[uuid.UUID(int=5)], [uuid.UUID(int=5), uuid.UUID(int=104_734)]]),
    (OrderLine, "pk", [(uuid.UUID(int=104_734), 1), (uuid.UUID(int=209_463), 2), None, (1,), 5]),
    (
        OrderLine,
        "pk__in",
        [
            [(uuid.UUID(int=104_734), 1)],
            [(uuid.UUID(int=104_734), 1), (uuid.UUID(int=209_463), 2)],
            [(uuid.UUID(int=209_463), 1), (uuid.UUID(int=209_463), 2)],
            [],
        ],
    ),
    (OrderLine, "pk__gt", [(uuid.UUID(int=104_734), 1), (uuid.UUID(int=209_463), 2)]),
    (OrderLine, "total__gt", [500, 0, HUGE]),
    (OrderLine, "order__customer__name", ["Bjørk", "Ann"]),
    (Review, "stars__gte", [3, "3", 2.5]),
    (Review, "created__date", [datetime.date(2021, 10, 31)]),
    (Gadget, "price__gt", [decimal.Decimal("19.5"), 20]),
    (Reader, "name__contains", ["1", "Reader"]),
    (Reader, "favourite__title", ["The Dispossessed", "x"]),
    (Item, "gadget__reader__screen__gt", [6, 6.5]),
    (Depot, "publisher__name", ["Penguin", "Ace Books"]),
    (Depot, "publisher", ["penguin", "ace", None]),
    (Depot, "name", ["Depot 1", "Depot 2"]),
    (Note, "text__endswith", ["1", "2"]),
    (Book, "notes__text", ["note 1", "note 2"]),
    (Book, "notes__isnull", [True, False]),
    (Category, "parent__parent__name", ["Fiction", "Poetry"]),
    (Category, "parent", [None, 1, 2]),
    (Category, "children__name", ["Space", "Epic"]),
    (Bestseller, "title__startswith", ["The", "A"]),
    (Visit, "page", ["/1", "/2"]),
    (Customer, "country__name", ["Ísland"]),
]

RELATIONS: list[tuple[Any, str, list[Any]]] = [
    (Book, "author", [1, "2", 3.0, None, HUGE, "x", True, [1]]),
    (Book, "author_id", [1, "2", None, 5]),
    (Book, "author__in", [[1, 2], [3], [], ["1"], [None, 1], {1}, range(4), Fresh(lambda: iter([1, 2]))]),
    (Book, "author__pk__gt", [5, "6"]),
    (Book, "author__gt", [5, "6"]),
    (Book, "author__name", ["Jane Austen", "Homer", None]),
    (Book, "author__publisher__country__name", ["United States", "Ísland", "France"]),
    (Book, "author__publisher__country", ["US", "FR", None]),
    (Book, "author__publisher__country__population__gt", [100_000_000, HUGE, 0]),
    (Book, "author__publisher__isnull", [True, False]),
    (Book, "author__publisher__country__is_member", [None, True, False]),
    (Book, "editor", [1, None, 2]),
    (Book, "editor__isnull", [True, False]),
    (Book, "editor__name", [None, "Homer"]),
    (Book, "category__parent__name__in", [["Fiction", "Poetry"], ["Science fiction"], [None], ["Fiction", None]]),
    (Book, "tags", [1, 2, None, [1]]),
    (Book, "tags__name", ["sea", "war", "unused", None]),
    (Book, "tags__name__in", [["sea", "war"], ["unused"], [], ["love"]]),
    (Book, "tags__isnull", [True, False]),
    (Book, "contributors__name", ["Homer", "Jane Austen"]),
    (Book, "contributions__role", ["preface", "translator"]),
    (Book, "contributors__publisher__name__startswith", ["P", "A"]),
    (Book, "detail__summary__contains", ["Emma", "About"]),
    (Book, "detail", [2, 3, None]),
    (Book, "detail__isnull", [True, False]),
    (Author, "books__title", ["Emma", "Solaris"]),
    (Author, "books__tags__name", ["sea", "war"]),
    (Author, "books", [1, 7]),
    (Author, "books__in", [[1, 7], [9], []]),
    (Author, "profile__email__endswith", [".org", "x"]),
    (Author, "profile", [1, 2]),
    (Author, "profile__address", ["192.168.0.1", "::1", None, "x"]),
    (Author, "mentor__mentor__name", ["Jane Austen", "x"]),
    (Author, "pupils__born__year", [1921, 1947]),
    (Publisher, "authors__books__reviews__stars", [3, 4]),
    (Publisher, "depots__name", ["Depot 1"]),
    (Tag, "books__author__name__icontains", ["le", "JANE"]),
]

IDS = [f"{model.__name__}.{path}" for model, path, _ in [*LOOKUPS, *RELATIONS]]


@pytest.mark.parametrize(("model", "path", "operands"), [*LOOKUPS, *RELATIONS], ids=IDS)
@pytest.mark.parametrize("method", ["filter", "exclude"])
def test_a_lookup_is_djangos_for_every_operand(method: str, model: Any, path: str, operands: list[Any]) -> None:
    def build(start: Start, operand: Any) -> Any:
        return getattr(start(model), method)(**{path: operand})

    compare(build, *[(operand,) for operand in operands])


@pytest.mark.parametrize(("model", "path", "operands"), [*LOOKUPS, *RELATIONS], ids=IDS)
def test_a_lookup_is_djangos_when_the_operands_come_in_the_other_order(
    model: Any, path: str, operands: list[Any]
) -> None:
    def build(start: Start, operand: Any) -> Any:
        return start(model).filter(**{path: operand})

    compare(build, *[(operand,) for operand in reversed(operands)])


# name, function of start and values, sets of values
CONDITIONS: list[tuple[str, Any, list[Any]]] = [
    (
        "two filters",
        lambda start, a, b: start(Book).filter(pages__gt=a).filter(title__contains=b),
        [(96, "a"), (0, "")],
    ),
    ("one filter", lambda start, a, b: start(Book).filter(pages__gt=a, title__contains=b), [(96, "a"), (500, "e")]),
    ("equal values", lambda start, a, b: start(Book).filter(pages=a).filter(pages=b), [(96, 96), (96, 220), (1, 1)]),
    ("unequal values", lambda start, a, b: start(Book).filter(pages=a).filter(pages=b), [(96, 220), (96, 96), (0, 0)]),
    ("equal once prepared", lambda start, a, b: start(Book).filter(Q(pages=a) | Q(pages=b)), [(96, "96"), (96, 220)]),
    ("or", lambda start, a, b: start(Book).filter(Q(title=a) | Q(pages=b)), [("Emma", 96), (None, 0), ("x", HUGE)]),
    ("or with nothing", lambda start, a, b: start(Book).filter(Q(pages=b) | Q(title=a)), [("Emma", HUGE), ("x", 96)]),
    ("not", lambda start, a: start(Book).filter(~Q(title=a)), ["Emma", None, "Emma"]),
    ("not not", lambda start, a: start(Book).exclude(~Q(subtitle=a)), ["", None]),
    ("xor", lambda start, a, b: start(Book).filter(Q(title=a) ^ Q(pages__gt=b)), [("Emma", 96), ("Dawn", HUGE)]),
    ("xor of three", lambda start, a: start(Book).filter(Q(pages__gt=a) ^ Q(rating__gt=a) ^ Q(weight=a)), [1, 3, 0]),
    ("empty q", lambda start: start(Book).filter(Q()), []),
    ("negated empty q", lambda start: start(Book).filter(~Q()), []),
    ("empty filter", lambda start: start(Book).filter().exclude(), []),
    (
        "nested q",
        lambda start, a, b, c: start(Book).filter(Q(Q(title=a) | ~Q(author__name=b), pages__lt=c) | Q(tags__name=b)),
        [("Emma", "sea", 300), ("Dawn", "war", 10), (None, "Homer", HUGE)],
    ),
    (
        "many to many twice",
        lambda start, a, b: start(Book).filter(tags__name=a).filter(tags__name=b),
        [("sea", "war"), ("sea", "sea"), ("war", "love")],
    ),
    (
        "many to many at once",
        lambda start, a, b: start(Book).filter(tags__name=a, tags__weight=b),
        [("sea", -2), ("war", 0), ("sea", HUGE)],
    ),
    (
        "exclude over many",
        lambda start, a, b: start(Author).exclude(books__title=a, books__pages__gt=b),
        [("Emma", 96), ("Dawn", HUGE), (None, 0)],
    ),
    (
        "exclude over through",
        lambda start, a: start(Book).exclude(contributions__author__name=a),
        ["Homer", "x", None],
    ),
    (
        "exclude a list",
        lambda start, a: start(Book).exclude(category__name__in=a),
        [["Epic"], ["Epic", "Space"], [], [None, "Epic"], ["Epic", None]],
    ),
    ("complex filter dict", lambda start, a: start(Book).complex_filter({"pages": a}), [96, None, HUGE]),
    ("complex filter q", lambda start, a: start(Book).complex_filter(Q(pages=a) | Q(weight=a)), [96, 0]),
    ("pages of weight", lambda start, a: start(Book).filter(pages__gt=F("weight") + a), [0, 1, -5, 2.5]),
    ("f minus f", lambda start, a: start(Book).filter(Q(pages__lt=F("copies_sold") - F("weight") * a)), [1, 2, 0]),
    (
        "expression",
        lambda start, a: start(Book).filter(Exists(Review.objects.filter(book=OuterRef("pk"), stars=a))),
        [3, 5],
    ),
    (
        "exists of a query",
        lambda start, a: start(Book).filter(Exists(start(Review).filter(book=OuterRef("pk"), stars__gt=a))),
        [3, 5, HUGE],
    ),
    (
        "not exists",
        lambda start, a: start(Book).filter(~Exists(start(Review).filter(book=OuterRef("pk"), critic=a))),
        ["Ada", "x"],
    ),
    (
        "outer ref of outer ref",
        lambda start, a: start(Author).filter(
            Exists(
                start(Book).filter(
                    Exists(
                        start(Review).filter(book=OuterRef("pk"), stars__gt=OuterRef(OuterRef("pk")), text__contains=a)
                    ),
                    author=OuterRef("pk"),
                )
            )
        ),
        ["I", "x"],
    ),
    (
        "nested query",
        lambda start, a: start(Book).filter(author__in=start(Author).filter(name__contains=a)),
        ["a", "", "x"],
    ),
    ("nested pk", lambda start, a: start(Book).filter(author=start(Author).filter(name=a)[:1]), ["Homer", "x"]),
    (
        "nested values",
        lambda start, a, b: start(Book).filter(title__in=start(Book).filter(pages=a).values("title"), weight=b),
        [(96, 0), (220, -3)],
    ),
    (
        "nested values list",
        lambda start, a: start(Book).exclude(
            author__in=start(Author).filter(born__year=a).values_list("pk", flat=True)
        ),
        [1929, 1775],
    ),
    (
        "nested slice",
        lambda start, a, b: start(Book).filter(author__in=start(Author).order_by("name")[a:b]),
        [(0, 3), (1, 2), (2, 9), (3, 3)],
    ),
    ("nested none", lambda start: start(Book).filter(author__in=start(Author).none()), []),
    ("excluded none", lambda start: start(Book).exclude(author__in=start(Author).none()), []),
    (
        "nested twice",
        lambda start, a: start(Publisher).filter(
            authors__in=start(Author).filter(books__in=start(Book).filter(title__startswith=a))
        ),
        ["T", "E"],
    ),
    (
        "a Django queryset inside",
        lambda start, a: start(Book).filter(author__in=Author.objects.filter(name__contains=a)),
        ["a", "e"],
    ),
    (
        "gt a query",
        lambda start, a: start(Book).filter(pages__gt=start(Book).filter(title=a).values("pages")[:1]),
        ["Emma"],
    ),
    (
        "lookups on expressions",
        lambda start, a: start(Book).annotate(n=Length("title")).filter(n__gt=a),
        [5, "8", None],
    ),
    ("lowered", lambda start, a: start(Book).annotate(low=Lower("title")).filter(low=a), ["emma", "EMMA", ""]),
    (
        "generic relation",
        lambda start, a: start(Author).filter(pk__in=start(Note).filter(text=a).values("object_id")),
        ["note 6"],
    ),
    ("value on the right", lambda start, a: start(Book).filter(title=Value(a)), ["Emma", "x"]),
    ("own default filter", lambda start, a: start(Review).filter(stars=a), [3, 4]),
    ("manager without filter", lambda start, a: start(Review.everything).filter(stars=a), [3, 4]),
    ("manager with filter", lambda start, a: start(Book.in_print).filter(pages__gt=a), [96, 300]),
    (
        "queryset with filter",
        lambda start, a, b: start(Book.objects.filter(pages__gt=a)).filter(weight=b),
        [(9, 0), (99, 250)],
    ),
    (
        "queryset method",
        lambda start, a, b: start(Book.objects.published().rated_above(a)).exclude(pages=b),
        [(1, 96), (4.5, 0)],
    ),
    ("manager method", lambda start, a: start(Book.objects.long(a)), [400, 500]),
    ("counting manager", lambda start, a: start(Publisher.counted).filter(book_count__gt=a), [3, 6]),
    ("proxy", lambda start, a: start(Bestseller).filter(title__contains=a), ["a", "o"]),
]


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in CONDITIONS], ids=[case[0] for case in CONDITIONS])
def test_conditions_are_djangos(build: Any, values: list[Any]) -> None:
    compare(build, *values)


def test_instances_as_operands_are_djangos() -> None:
    authors = list(Author.objects.order_by("pk"))
    unsaved = Author(name="unsaved")
    publisher = Publisher.objects.get(slug="penguin")

    compare(
        lambda start, author: start(Book).filter(author=author),
        authors[0],
        authors[1],
        unsaved,
        None,
        publisher,
        authors[2].pk,
        authors[3],
    )
    compare(
        lambda start, several: start(Book).filter(author__in=several),
        (authors[:2],),
        (authors[2:4],),
        ([authors[0], 2],),
        ([unsaved],),
        ([],),
        ({authors[0]},),
        ([publisher],),
    )
    compare(lambda start, one: start(Depot).filter(publisher=one), publisher, "ace", Publisher.objects.get(slug="ace"))
    compare(lambda start, one: start(Depot).filter(publisher__in=[one]), publisher, "ace")
    compare(lambda start, book: start(Author).filter(books=book), *Book.objects.order_by("pk")[:3])
    compare(lambda start, book: start(Author).exclude(books=book), *Book.objects.order_by("pk")[:3])
    compare(lambda start, book: start(Tag).filter(books=book), *Bestseller.objects.all()[:2], *Book.objects.all()[:1])
    compare(lambda start, detail: start(Book).filter(detail=detail), Book.objects.get(pk=2).detail)
    compare(lambda start, gadget: start(Item).filter(gadget=gadget), *Gadget.objects.all()[:2])
    compare(lambda start, order: start(OrderLine).filter(order=order), *Order.objects.all()[:3])


def test_instances_in_expressions_are_djangos() -> None:
    author, publisher = Author.objects.order_by("pk")[0], Publisher.objects.order_by("pk")[0]
    operands = [author, Author.objects.order_by("pk")[1], publisher, Author(name="unsaved"), 1, "x"]

    def annotated(start: Start, operand: Any) -> Any:
        return start(Book).annotate(is_theirs=Case(When(author=operand, then=Value(1)), default=Value(0)))

    compare(annotated, *operands)
    compare(annotated, *operands, finish=ending("acount"))
    compare(
        lambda start, several: start(Book).alias(x=Case(When(author__in=several, then=Value(1)))).values("pk"),
        ([author],),
        ([publisher],),
        ([1],),
        (["x"],),
    )


def test_a_value_is_checked_where_the_sql_leaves_its_condition_out() -> None:
    def annotated(start: Start, operand: Any) -> Any:
        return start(Book).annotate(x=Case(When(pages=operand, then=Value(1)), default=Value(0)))

    compare(annotated, 96, 220, "x", [1], datetime.date(2020, 2, 29), 96, finish=ending("acount"))
    compare(lambda start, operand: annotated(start, operand).values("title"), 96, "x", finish=ending("aexists"))


def test_an_iterator_is_read_once_although_a_query_runs_often() -> None:
    compare(lambda start, numbers: start(Book).filter(Q(pages__in=numbers) | Q(weight=0)), Fresh(lambda: iter([96, 0])))
    compare(lambda start, numbers: start(Book).filter(~Q(pages__in=numbers)), *[Fresh(lambda: iter([96, 0]))] * 2)
