"""The hostile values, each created again for every use, because a use may consume or change it."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import types
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL, Star
from django.db.models.functions import Lower, RowNumber
from django.utils.functional import SimpleLazyObject, lazy, lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, ngettext_lazy

from tests import names
from tests.fuzz import hostile
from tests.shop.fields import Money
from tests.shop.models import Author, Book, Country, Order, OrderLine, Publisher, Tag


@dataclass(frozen=True)
class Given:
    """A value by its name, made for one side of one comparison; `make` gets what queries start from there."""

    name: str
    make: Callable[[Any], Any]

    def __repr__(self) -> str:
        return self.name


def of(value: Any, name: str = "") -> Given:
    """A value that cannot be changed or used up."""
    return Given(name or f"{type(value).__name__} {value!r}"[:60], lambda start: value)


MEGABYTE = "x" * 1_000_000

TEXTS = [
    *map(of, ["", " ", "sea", "%", "%s", "%%(x)s", "{0}", "'", '"', "\\", "a\\'b", "'; --", "$1", "?", ":x"]),
    *map(of, ["\0", "a\0b", "\ud800", "\udcff", "é", "e\u0301", "\u202e", "İ", "ß", "\uff11", "1", " 1 ", "1_0", "01"]),
    *map(of, ["nan", "inf", "1e400", "0x10", "None", "True", "f", "[]", "{}", "null", '{"a": 1}', "2020-02-30"]),
    *map(
        of, ["2020-02-29", "2020-02-29 25:00", "00:00", "P1D", "::1", "999.1.1.1", "pk", "name", "weight", "-pk", "?"]
    ),
    of(MEGABYTE, "a megabyte"),
    of(names.Code("sea"), "Code"),
    of(names.Alike("sea"), "Alike"),
    of(names.Alike("name"), "Alike name"),
    of(mark_safe("sea"), "SafeString"),
    of(hostile.Lying("sea"), "Lying"),
    of(hostile.Raising("sea"), "Raising"),
    *[of(kind.NAME, f"{kind.__name__}.NAME") for kind in (names.Choice, names.Member, names.Hiding, names.Mixed)],
    Given("gettext_lazy", lambda start: gettext_lazy("Name")),
    Given("lazystr", lambda start: lazystr("sea")),
    Given("lazy text that raises", lambda start: lazy(_fail, str)()),
    Given("lazy number", lambda start: lazy(lambda: 1, int)()),
    Given("lazy plural", lambda start: ngettext_lazy("%d day", "%d days")),
    Given("SimpleLazyObject of a text", lambda start: SimpleLazyObject(lambda: "sea")),
    Given("SimpleLazyObject of a number", lambda start: SimpleLazyObject(lambda: 1)),
    Given("SimpleLazyObject of None", lambda start: SimpleLazyObject(lambda: None)),
    Given("SimpleLazyObject of a list", lambda start: SimpleLazyObject(lambda: [1, 2])),
    Given("SimpleLazyObject of itself", lambda start: SimpleLazyObject(lambda: SimpleLazyObject(lambda: 1))),
    Given("SimpleLazyObject that raises", lambda start: SimpleLazyObject(_fail)),
]


def _fail() -> Any:
    raise LookupError("looked at")


NUMBERS = [
    *map(
        of, [0, 1, -1, True, False, 2**15, -(2**15) - 1, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64]
    ),
    of(10**400, "10**400"),
    of(10**5_000, "10**5000"),
    *map(of, [hostile.Number.ONE, hostile.Flag.ONE | hostile.Flag.TWO, hostile.Level.TWO]),
    of(hostile.LyingInt(1), "LyingInt"),
    of(hostile.AlikeInt(1), "AlikeInt"),
    *map(of, [0.0, -0.0, 1.0, 1.5, float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, 1e22]),
    of(hostile.OwnFloat(1), "OwnFloat"),
    *map(of, [1j, fractions.Fraction(1, 2), fractions.Fraction(2)]),
    *map(of, map(decimal.Decimal, ["NaN", "sNaN", "Infinity", "1E+400", "1E-400", "-0", "1", "1.10", "1.005"])),
    of(hostile.OwnDecimal("1.5"), "OwnDecimal"),
    of(Money(55)),
    of(hostile.Numeric(), "Numeric"),
]
UTC, BERLIN = datetime.UTC, ZoneInfo("Europe/Berlin")
MOMENTS = [
    *map(of, [datetime.date.min, datetime.date.max, datetime.date(2020, 2, 29)]),
    *map(of, [datetime.datetime.min, datetime.datetime.max]),  # noqa: DTZ901  # naive on purpose
    of(datetime.datetime(2021, 10, 31, 2, 30), "naive, twice"),  # noqa: DTZ001  # naive on purpose
    of(datetime.datetime(2021, 10, 31, 2, 30, fold=1), "naive, the second time"),  # noqa: DTZ001
    of(datetime.datetime(2021, 3, 28, 2, 30), "naive, never"),  # noqa: DTZ001
    of(datetime.datetime(2021, 10, 31, 2, 30, tzinfo=BERLIN, fold=1), "aware, the second time"),
    of(datetime.datetime.min.replace(tzinfo=UTC), "the first moment"),
    of(datetime.datetime.max.replace(tzinfo=UTC), "the last moment"),
    of(datetime.datetime(2020, 1, 1, tzinfo=hostile.OtherZone()), "another zone"),
    of(datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=1))), "a second off"),
    of(hostile.OwnDate(2020, 2, 29), "OwnDate"),
    of(hostile.OwnMoment(2020, 2, 29, tzinfo=UTC), "OwnMoment"),
    *map(of, [datetime.time.min, datetime.time.max, datetime.time(1, tzinfo=UTC)]),
    *map(of, [datetime.timedelta.min, datetime.timedelta.max, datetime.timedelta(0), datetime.timedelta(1, 2, 3)]),
    *map(of, [UTC, BERLIN]),
]
OTHERS = [
    of(None),
    *map(of, [uuid.UUID(int=5), uuid.UUID(int=2**128 - 1)]),
    of(hostile.OwnUUID(int=5), "OwnUUID"),
    *map(of, [b"", b"sea", b"\0", b"\xff", b"1"]),
    of(hostile.OwnBytes(b"sea"), "OwnBytes"),
    Given("bytearray", lambda start: bytearray(b"sea")),
    Given("memoryview", lambda start: memoryview(b"sea")),
    *map(of, [Ellipsis, NotImplemented, str, int, Book, Exception("x"), hostile.Plain.NAME, hostile.Plain.ONE]),
    of(object(), "object"),
    of(_fail, "function"),
    of(len, "builtin"),
    Given("Truth", lambda start: hostile.Truth()),
    Given("Anything", lambda start: hostile.Anything()),
    Given("Resolving", lambda start: hostile.Resolving()),
    Given("BadlyResolving", lambda start: hostile.BadlyResolving()),
]
LISTS = [
    *map(
        of, [(), (1,), (1, 2), (None,), ((1, 2),), ((1,), (2,)), frozenset({1}), frozenset({True}), range(0), range(3)]
    ),
    Given("[]", lambda start: []),
    Given("[1]", lambda start: [1]),
    Given("[[]]", lambda start: [[]]),
    Given("[[1]]", lambda start: [[1]]),
    Given("[None, 1]", lambda start: [None, 1]),
    Given("[1, '1', 1.0, True]", lambda start: [1, "1", 1.0, True]),
    Given("['sea', 'war']", lambda start: ["sea", "war"]),
    Given("['sea', Code]", lambda start: ["sea", names.Code("war")]),
    Given("[nan]", lambda start: [float("nan")]),
    Given("[a surrogate]", lambda start: ["\ud800"]),
    Given("[a huge number]", lambda start: [1, 2**70]),
    Given("[lazy texts]", lambda start: [lazystr("sea"), gettext_lazy("Name")]),
    Given("[lazy objects]", lambda start: [SimpleLazyObject(lambda: 1)]),
    Given("[Value]", lambda start: [Value(1)]),
    Given("[F]", lambda start: [F("pk"), 1]),
    Given("[Subquery]", lambda start: [Subquery(start(Tag).values("pk")[:1]), 1]),
    Given("[enums]", lambda start: [hostile.Number.ONE, hostile.Level.TWO, names.Choice.NAME]),
    Given("[Money]", lambda start: [Money(1), Money(55)]),
    Given("300 numbers", lambda start: list(range(300))),
    Given("3,000 numbers", lambda start: list(range(3_000))),
    Given("itself", lambda start: _in_itself()),
    Given("OwnTuple", lambda start: hostile.OwnTuple((1, 2))),
    Given("LyingList", lambda start: hostile.LyingList([1, 3])),
    Given("set", lambda start: {1, 2}),
    Given("deque", lambda start: collections.deque([1, 2])),
    Given("generator", lambda start: (number for number in (1, 2))),
    Given("generator that raises", lambda start: (1 // number for number in (1, 0))),
    Given("iter", lambda start: iter([])),
    Given("map", lambda start: map(str, [1, 2])),
    Given("dict keys", lambda start: {1: 0, 2: 0}.keys()),
    Given("{}", lambda start: {}),
    Given("{weight: 1}", lambda start: {"weight": 1}),
    Given("{a: [nan]}", lambda start: {"a": [float("nan")]}),
    Given("{1: 2}", lambda start: {1: 2}),
    Given("{None: ()}", lambda start: {None: ()}),
    Given("{Code: lazy}", lambda start: {names.Code("name"): lazystr("sea")}),
    Given("{(): 1}", lambda start: {(): 1}),
    Given("OrderedDict", lambda start: collections.OrderedDict(weight=1)),
    Given("LyingDict", lambda start: hostile.LyingDict(weight=1)),
    Given("OwnMapping", lambda start: hostile.OwnMapping()),
    Given("mapping proxy", lambda start: types.MappingProxyType({"weight": 1})),
    Given("slice", lambda start: slice(1, 2)),
]


def _in_itself() -> list[Any]:
    items: list[Any] = [1]
    items.append(items)
    return items


def _referring(name: str, start: Any) -> Any:
    return F(name)


EXPRESSIONS = [
    Given("Value(1)", lambda start: Value(1)),
    Given("Value('sea')", lambda start: Value("sea")),
    Given("Value(None)", lambda start: Value(None)),
    Given("Value(nan)", lambda start: Value(float("nan"))),
    Given("Value(Code)", lambda start: Value(names.Code("sea"))),
    Given("Value(lazy)", lambda start: Value(lazystr("sea"))),
    Given("Value(NUL)", lambda start: Value("\0")),
    Given("Value([])", lambda start: Value([])),
    Given("Value(object)", lambda start: Value(_fail)),
    Given("Value(Value)", lambda start: Value(Value(1))),
    Given("Value(1, TextField)", lambda start: Value(1, output_field=TextField())),
    Given("Value('1', IntegerField)", lambda start: Value("1", output_field=IntegerField())),
    Given("Preparing", lambda start: hostile.Preparing(1)),
    *[Given(f"F({name!r})", partial(_referring, name)) for name in ("pk", "name", "weight", "nope", "", "a b", "?")],
    Given("F(Code)", lambda start: F(names.Code("name"))),
    Given("F(1)", lambda start: F(1)),  # type: ignore[arg-type]
    Given("F + 1", lambda start: F("pk") + 1),
    Given("-F", lambda start: -F("pk")),
    Given("F[0:2]", lambda start: _sliced()),
    Given("OuterRef", lambda start: OuterRef("pk")),
    Given("Q()", lambda start: Q()),
    Given("~Q()", lambda start: ~Q()),
    Given("Q(pk=1)", lambda start: Q(pk=1)),
    Given("Q(nope=1)", lambda start: Q(nope=1)),
    Given("Q in Q", lambda start: Q(Q(), ~Q(Q(pk=1), pk=2))),
    Given("Lower", lambda start: Lower("name")),
    Given("Lower.desc()", lambda start: Lower("name").desc(nulls_last=True)),
    Given("F.asc()", lambda start: F("pk").asc()),
    Given("RawSQL", lambda start: RawSQL("1", ())),
    Given("RawSQL of a parameter", lambda start: RawSQL("%s", (1,))),
    Given("RawSQL of a sign", lambda start: RawSQL("'%%'", ())),
    Given("Func", lambda start: Func(F("name"), function="UPPER")),
    Given(
        "Func of a template",
        lambda start: Func(F("pk"), template="(%(expressions)s %% 3)", output_field=IntegerField()),
    ),
    Given("Count", lambda start: Count("pk")),
    Given("Max", lambda start: Max("pk", filter=Q(pk__gt=1), default=7)),
    Given("Star", lambda start: Star()),
    Given("Case", lambda start: Case(When(pk=1, then=Value(1)), default=Value(2))),
    Given("When", lambda start: When(pk=1, then=Value(1))),
    Given("Window", lambda start: Window(RowNumber(), order_by="pk")),
    Given("FilteredRelation", lambda start: FilteredRelation("books")),
    Given("Prefetch", lambda start: Prefetch("books")),
    Given("Prefetch with a query", lambda start: Prefetch("books", start(Book).order_by("pk")[:2])),
    Given("Exists", lambda start: Exists(start(Tag).filter(pk=1))),
    Given("Subquery", lambda start: Subquery(start(Tag).values("pk")[:1])),
    Given("Subquery of two", lambda start: Subquery(start(Tag).values("pk", "name")[:1])),
]


def _sliced() -> Any:
    name: Any = F("name")
    return name[0:2] if hasattr(name, "__getitem__") else name


# What a book gets at random otherwise.
_REFERENCE = uuid.UUID(int=2**100)


def _unsaved(model: Any, start: Any) -> Any:
    return model(reference=_REFERENCE) if model is Book else model()


def _keyed(model: Any, pk: Any, start: Any) -> Any:
    return model(pk=pk, reference=_REFERENCE) if model is Book else model(pk=pk)


QUERIES = [
    Given("rows", lambda start: start(Tag)),
    Given("rows of books", lambda start: start(Book)),
    Given("keys", lambda start: start(Tag).values("pk")),
    Given("keys, flat", lambda start: start(Tag).values_list("pk", flat=True)),
    Given("names, flat", lambda start: start(Tag).values_list("name", flat=True)),
    Given("two columns", lambda start: start(Tag).values("pk", "name")),
    Given("none", lambda start: start(Tag).none()),
    Given("sliced", lambda start: start(Tag).order_by("pk").values("pk")[:2]),
    Given("union", lambda start: start(Tag).values("pk").union(start(Book).values("pk"))),
    Given("QuerySet", lambda start: Tag.objects.filter(pk__lt=3)),
    Given("QuerySet of lists", lambda start: Tag.objects.values_list("pk", "name")),
    Given("QuerySet of names", lambda start: Tag.objects.values_list("name", flat=True)),
    Given("Query", lambda start: Tag.objects.filter(pk__lt=3).query),
    Given("manager", lambda start: Tag.objects),
    Given("RawQuerySet", lambda start: Tag.objects.raw("SELECT * FROM shop_tag")),
    *[Given(f"unsaved {model.__name__}", partial(_unsaved, model)) for model in (Tag, Book, Author)],
    *[
        Given(f"{model.__name__}(pk={pk!r})", partial(_keyed, model, pk))
        for model, pk in [(Tag, 1), (Author, 1), (Author, "x"), (Book, 1), (Publisher, 2**70), (Country, "DE")]
    ],
    Given("composite", partial(_keyed, OrderLine, (uuid.UUID(int=5), 1))),
    Given("order", partial(_keyed, Order, uuid.UUID(int=5))),
    Given("lazy author", lambda start: SimpleLazyObject(lambda: _keyed(Author, 1, start))),
    Given("authors", lambda start: [_keyed(Author, 1, start), _keyed(Author, 2, start)]),
]
VALUES = [*TEXTS, *NUMBERS, *MOMENTS, *OTHERS, *LISTS, *EXPRESSIONS, *QUERIES]

NAMES = [of(name, f"name {names.short(name)}") for name in names.NAMES]
"""Names of columns, paths and annotations, given as keywords: exact texts and subclasses."""
