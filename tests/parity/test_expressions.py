"""Annotations and aggregates: F, Case, Subquery, window functions, FilteredRelation and Django's database functions."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
    DecimalField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    Func,
    IntegerField,
    JSONField,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    RowRange,
    StdDev,
    Subquery,
    Sum,
    TextField,
    Value,
    ValueRange,
    Variance,
    When,
    Window,
)
from django.db.models import functions as fn
from django.db.models.expressions import RawSQL
from django.utils import timezone

from adj import q
from tests.parity.oracle import compare, ending
from tests.running import run
from tests.shop.models import Author, Book, Country, OrderLine, Publisher, Review, Tag

# One expression of a book for each of Django's functions that SQLite has.
EXPRESSIONS: list[tuple[str, Any, list[Any]]] = [
    ("cast", lambda: fn.Cast("pages", CharField()), []),
    ("cast to decimal", lambda: fn.Cast("rating", DecimalField(max_digits=5, decimal_places=1)), []),
    ("cast json", lambda: fn.Cast("metadata__prints", IntegerField()), []),
    ("coalesce", lambda v: fn.Coalesce("subtitle", Value(v)), ["", "none"]),
    ("collate", lambda: fn.Collate("title", "nocase"), []),
    ("greatest", lambda v: fn.Greatest("pages", "weight", Value(v)), [0, 300]),
    ("least", lambda v: fn.Least("pages", Value(v)), [0, 300]),
    ("nullif", lambda v: fn.NullIf("title", Value(v)), ["Emma", "Dawn"]),
    ("json object", lambda v: fn.JSONObject(title="title", low=fn.Lower("title"), x=Value(v)), ["a", "b"]),
    ("extract year", lambda: fn.ExtractYear("released"), []),
    ("extract iso year", lambda: fn.ExtractIsoYear("published"), []),
    ("extract quarter", lambda: fn.ExtractQuarter("released"), []),
    (
        "extract hour there",
        lambda z: fn.ExtractHour("released", tzinfo=z),
        [ZoneInfo("Asia/Tokyo"), datetime.UTC, None],
    ),
    ("extract lookup", lambda n: fn.Extract("released", n), ["week", "minute", "second", "week_day", "iso_week_day"]),
    ("extract from time", lambda: fn.ExtractMinute("reading_hour"), []),
    ("trunc", lambda k: fn.Trunc("released", k), ["year", "month", "week", "day", "hour", "nonsense"]),
    ("trunc to another field", lambda: fn.Trunc("released", "day", output_field=DateTimeField()), []),
    ("trunc there", lambda z: fn.TruncDay("released", tzinfo=z), [ZoneInfo("America/New_York"), None]),
    ("trunc date", lambda: fn.TruncDate("released"), []),
    ("trunc time", lambda: fn.TruncTime("released"), []),
    ("trunc quarter", lambda: fn.TruncQuarter("published"), []),
    ("trunc week", lambda: fn.TruncWeek("published"), []),
    ("abs", lambda: fn.Abs("weight"), []),
    ("round", lambda: fn.Round("rating", precision=1), []),
    ("mod", lambda v: fn.Mod("pages", v), [7, 5.5]),
    ("power", lambda v: fn.Power("rating", v), [2, 0.5]),
    ("sqrt", lambda: fn.Sqrt("pages"), []),
    ("ln", lambda: fn.Ln(F("pages") + 1), []),
    ("sign", lambda: fn.Sign("weight"), []),
    ("floor and ceil", lambda: fn.Ceil("rating") - fn.Floor("rating"), []),
    ("pi", lambda: fn.Pi() * F("rating"), []),
    ("chr", lambda v: fn.Chr(Value(v)), [65, 233]),
    ("concat", lambda v: fn.Concat("title", Value(v), "subtitle"), [" - ", "%s", "100%"]),
    ("concat with output", lambda v: fn.Concat("title", Value(v), "pages", output_field=TextField()), [": "]),
    ("left", lambda v: fn.Left("title", v), [1, 3, 0]),
    ("right", lambda v: fn.Right("title", v), [1, 3]),
    ("substr", lambda a, b: fn.Substr("title", a, b), [(1, 2), (2, 5), (1, 2)]),
    ("length", lambda: fn.Length("title"), []),
    ("lower", lambda: fn.Lower("title"), []),
    ("lpad", lambda n, v: fn.LPad("title", n, Value(v)), [(10, "-"), (12, "ab")]),
    ("md5", lambda: fn.MD5("title"), []),
    ("sha256", lambda: fn.SHA256("title"), []),
    ("ord", lambda: fn.Ord("title"), []),
    ("repeat", lambda n: fn.Repeat("title", n), [2, 0, None]),
    ("replace", lambda a, b: fn.Replace("title", Value(a), Value(b)), [("a", "x"), ("e", ""), ("a", "a")]),
    ("reverse", lambda: fn.Reverse("title"), []),
    ("strindex", lambda v: fn.StrIndex("title", Value(v)), ["a", "é"]),
    ("trim", lambda: fn.Trim(fn.Concat(Value(" "), "title")), []),
    ("f plus", lambda v: F("pages") + v, [1, -5, 2, 1]),
    ("f of decimals", lambda v: F("price") * v, [2, decimal.Decimal("1.19")]),
    ("f over", lambda v: F("rating") / v, [2, 4, 0.5]),
    ("f mod and pow", lambda v: F("pages") % v + F("pages") ** 2, [7, 10]),
    ("bits", lambda v: F("pages").bitand(v), [7, 16]),
    ("negation", lambda: -F("pages"), []),
    ("equal numbers", lambda a, b: (F("pages") + a) * (F("weight") + b), [(1, 1), (1, 2), (2, 2)]),
    ("dates apart", lambda: ExpressionWrapper(F("released") - F("author__created"), DurationField()), []),
    (
        "date plus",
        lambda d: ExpressionWrapper(F("released") + d, DateTimeField()),
        [datetime.timedelta(1), datetime.timedelta(2)],
    ),
    ("wrapped condition", lambda v: ExpressionWrapper(Q(pages__gt=v), BooleanField()), [96, 300, 2**70]),
    (
        "value",
        Value,
        ["x", 1, 1.5, None, True, datetime.date(2020, 1, 1), decimal.Decimal("1.5"), uuid.UUID(int=1)],
    ),
    ("value with output", lambda v: Value(v, output_field=JSONField()), [{"a": 1}, [1], "x"]),
    (
        "case",
        lambda a, b: Case(When(pages__gt=a, then=Value(b)), default=Value("?")),
        [(96, "long"), (2**70, "long"), (300, "?")],
    ),
    (
        "case of many",
        lambda a, b: Case(
            When(pages__lt=a, then=Value(1)), When(Q(pages__lt=b) | Q(weight=a), then=F("weight")), default=None
        ),
        [(96, 300), (300, 96)],
    ),
    ("case never", lambda v: Case(When(pk__in=v, then=Value(1)), default=Value(0)), [[], [1, 2], [3], []]),
    (
        "case of a list",
        lambda v: Case(When(title__in=v, then=F("pages")), output_field=IntegerField()),
        [["Emma"], ["Dawn"]],
    ),
    (
        "case over relation",
        lambda v: Case(When(author__name=v, then=Value("him")), default=F("author__pen_name")),
        ["Homer"],
    ),
    ("conditional", lambda v: Q(tags__name=v), ["sea", "war"]),
    ("func", lambda v: Func(F("title"), Value(v), function="INSTR", output_field=IntegerField()), ["a", "b"]),
    ("raw sql", lambda v: RawSQL("pages + %s", (v,)), [1, 2]),
    ("raw sql without parameters", lambda: RawSQL("pages * 2", ()), []),
    ("count", lambda: Count("tags"), []),
    ("count distinct", lambda: Count("tags__weight", distinct=True), []),
    ("count filtered", lambda v: Count("tags", filter=Q(tags__name__contains=v)), ["a", "s", ""]),
    ("sum default", lambda v: Sum("reviews__stars", default=v), [0, -1]),
    ("avg", lambda: Avg("reviews__stars"), []),
    ("min and max", lambda: Max("reviews__created") - Min("reviews__created"), []),
    ("sum of cases", lambda v: Sum(Case(When(reviews__stars__gt=v, then=1), default=0)), [1, 3]),
    ("sum arithmetic", lambda v: Sum(F("reviews__stars") * v), [2, 3]),
    ("window", lambda: Window(fn.RowNumber(), partition_by=F("author"), order_by="pk"), []),
    (
        "window of many",
        lambda v: Window(
            Sum("pages"),
            partition_by=[F("author"), F("format")],
            order_by=F("pk").desc(),
            frame=RowRange(start=v, end=0),
        ),
        [-2, -1, None],
    ),
    ("window range", lambda: Window(Avg("pages"), order_by="pages", frame=ValueRange(start=None, end=0)), []),
    ("lag", lambda n, v: Window(fn.Lag("title", offset=n, default=Value(v)), order_by="pk"), [(1, ""), (2, "x")]),
    ("nth value", lambda n: Window(fn.NthValue("title", nth=n), partition_by="format", order_by="pk"), [1, 2]),
    ("ntile", lambda n: Window(fn.Ntile(num_buckets=n), order_by="pk"), [3, 4]),
    ("rank", lambda: Window(fn.Rank(), order_by="pages"), []),
    ("cume dist", lambda: Window(fn.CumeDist(), order_by="pages"), []),
    (
        "subquery",
        lambda v: Subquery(
            Review.everything.filter(book=OuterRef("pk"), stars__gt=v).order_by("pk").values("critic")[:1]
        ),
        [0, 3],
    ),
    ("exists", lambda v: Exists(Review.everything.filter(book=OuterRef("pk"), critic=v)), ["Ada", "x"]),
    (
        "aggregated subquery",
        lambda: Subquery(
            Book.objects.filter(author=OuterRef("author")).values("author").annotate(n=Count("pk")).values("n")
        ),
        [],
    ),
    ("a model's attribute", lambda: F("author__publisher__country__name"), []),
    ("unknown", lambda: F("author__nam"), []),
    ("transform", lambda: F("title__lower"), []),
    ("json transform", lambda: F("metadata__loc__row"), []),
]

QUERIES: list[tuple[str, Any, list[Any]]] = [
    (
        "subquery of a query",
        lambda s, v: s(Book).annotate(
            x=Subquery(s(Review).filter(book=OuterRef("pk"), stars__gt=v).values("critic")[:1])
        ),
        [0, 3],
    ),
    (
        "a query alone",
        lambda s, v: s(Book).annotate(x=s(Review).filter(book=OuterRef("pk"), stars__gt=v).values("pk")[:1]),
        [0, 3],
    ),
    (
        "exists of a query",
        lambda s, v: s(Author).annotate(x=Exists(s(Book).filter(author=OuterRef("pk"), pages__gt=v))),
        [300, 2**70],
    ),
    (
        "array of subqueries",
        lambda s, v: s(Author).annotate(
            a=Exists(s(Book).filter(author=OuterRef("pk"), pages=v)),
            b=Exists(s(Book).filter(author=OuterRef("pk"), pages=96)),
        ),
        [96, 220],
    ),
    (
        "filter on subquery",
        lambda s, v: (
            s(Author)
            .annotate(
                n=Subquery(s(Book).filter(author=OuterRef("pk")).values("author").annotate(c=Count("*")).values("c"))
            )
            .filter(n__gt=v)
        ),
        [2, 5],
    ),
    (
        "filtered relation",
        lambda s, v: (
            s(Author)
            .annotate(long=FilteredRelation("books", condition=Q(books__pages__gt=v)))
            .filter(long__title__contains="a")
        ),
        [96, 300, 2**70],
    ),
    (
        "filtered relation selected",
        lambda s, v: (
            s(Author).annotate(long=FilteredRelation("books", condition=Q(books__title=v))).select_related("long")
        ),
        ["Emma", "Iliad"],
    ),
    (
        "filtered relation counted",
        lambda s, v: s(Author).annotate(
            long=FilteredRelation("books", condition=Q(books__pages__gt=v)), n=Count("long")
        ),
        [96, 300],
    ),
    (
        "filtered relation prefetched",
        lambda s: (
            s(Author).annotate(long=FilteredRelation("books", condition=Q(books__pages=96))).prefetch_related("long")
        ),
        [],
    ),
    ("annotation of annotation", lambda s, v: s(Book).annotate(n=fn.Length("title")).annotate(m=F("n") + v), [1, 2]),
    ("having", lambda s, v: s(Author).annotate(n=Count("books")).filter(n__gt=v), [3, 5, 2**70]),
    (
        "having or where",
        lambda s, v, w: s(Author).annotate(n=Count("books")).filter(Q(n__gt=v) | Q(name=w)),
        [(3, "Homer"), (5, "x")],
    ),
    ("filter then count", lambda s, v: s(Author).filter(books__pages__gt=v).annotate(n=Count("books")), [96, 300]),
    ("count then filter", lambda s, v: s(Author).annotate(n=Count("books")).filter(books__pages__gt=v), [96, 300]),
    (
        "two counts",
        lambda s: s(Author).annotate(n=Count("books", distinct=True), m=Count("books__tags", distinct=True)),
        [],
    ),
    (
        "grouped",
        lambda s, v: (
            s(Book).filter(pages__gt=v).values("format").annotate(n=Count("pk"), p=Sum("price")).order_by("format")
        ),
        [0, 300],
    ),
    (
        "grouped by expression",
        lambda s, v: (
            s(Book)
            .values(x=Case(When(pages__gt=v, then=Value("long")), default=Value("short")))
            .annotate(n=Count("pk"))
            .order_by("x")
        ),
        [96, 300],
    ),
    (
        "grouped by date",
        lambda s: s(Book).values("published__year").annotate(n=Count("pk")).order_by("published__year"),
        [],
    ),
    (
        "grouped by arithmetic",
        lambda s, v: s(Book).annotate(x=F("pages") % v).values("x").annotate(n=Count("pk")).order_by("x"),
        [7, 100],
    ),
    (
        "grouped and having",
        lambda s, v, w: (
            s(Book).values("format").annotate(n=Count("pk", filter=Q(pages__gt=v))).filter(n__gt=w).order_by("format")
        ),
        [(96, 1), (300, 5), (2**70, 0)],
    ),
    ("alias", lambda s, v: s(Book).alias(n=fn.Length("title") + v).filter(n__gt=F("weight")), [1, 2]),
    ("alias then annotate", lambda s: s(Book).alias(n=fn.Length("title")).annotate(m=F("n") * 2), []),
    ("alias in values", lambda s: s(Book).alias(n=fn.Length("title")).values("n"), []),
    ("positional", lambda s: s(Author).annotate(Count("books")), []),
    ("positional without a name", lambda s: s(Author).annotate(F("name") + 1), []),
    (
        "window filtered",
        lambda s, v: s(Book).annotate(r=Window(fn.RowNumber(), partition_by="author", order_by="pk")).filter(r__lte=v),
        [1, 2],
    ),
    *(
        (
            f"window filtered, {names} of one column",
            lambda s, v, names=names: (
                s(Book)
                .annotate(r=Window(fn.RowNumber(), partition_by="author", order_by="pk"))
                .filter(r__lte=v)
                .values_list(*names)
            ),
            [1, 2],
        )
        for names in (("author_id", "author__id"), ("author__id", "title"))
    ),
    ("expressions compared", lambda s, v: s(Book).filter(pages__gt=fn.Length("title") + v), [1, 200]),
    ("order by window", lambda s: s(Book).order_by(Window(fn.Rank(), order_by="pages"), "pk"), []),
    ("count of related default manager", lambda s: s(Publisher.counted), []),
    (
        "values of aggregate",
        lambda s, v: (
            s(Tag).values("name").annotate(n=Count("books", filter=Q(books__title__startswith=v))).order_by("name")
        ),
        ["T", "E"],
    ),
    ("composite key counted", lambda s: s(Book).annotate(n=Count("order_lines")).order_by("pk"), []),
    ("generated column", lambda s, v: s(OrderLine).annotate(x=F("total") + v), [1, 2]),
    (
        "same value everywhere",
        lambda s, v: (
            s(Book)
            .annotate(x=fn.Concat("title", Value(v)))
            .filter(title__contains=v)
            .order_by(fn.StrIndex("title", Value(v)), "pk")
        ),
        ["a", "e"],
    ),
    (
        "value in group by",
        lambda s, v: (
            s(Book).annotate(x=fn.Concat("format", Value(v))).values("x").annotate(n=Count("pk")).order_by("x")
        ),
        ["a", "b"],
    ),
    (
        "two equal values",
        lambda s, v, w: (
            s(Book)
            .annotate(x=fn.Concat("format", Value(v)), y=fn.Concat("format", Value(w)))
            .values("x", "y")
            .annotate(n=Count("pk"))
            .order_by("x")
        ),
        [("a", "a"), ("a", "b"), ("c", "c")],
    ),
]

AGGREGATES: list[tuple[str, Any, list[Any]]] = [
    ("count", lambda: {"n": Count("pk")}, []),
    (
        "several",
        lambda: {"n": Count("pk"), "p": Sum("price"), "r": Avg("rating"), "x": Max("title"), "y": Min("released")},
        [],
    ),
    ("deviation", lambda: {"s": StdDev("pages"), "v": Variance("pages", sample=True)}, []),
    (
        "filtered",
        lambda v: {"n": Count("pk", filter=Q(pages__gt=v)), "m": Sum("pages", filter=Q(author__name__contains="a"))},
        [96, 2**70, 300],
    ),
    ("distinct", lambda: {"n": Count("author", distinct=True)}, []),
    ("default", lambda v: {"n": Sum("weight", filter=Q(pk__lt=0), default=v)}, [0, 7]),
    ("arithmetic", lambda v: {"n": Sum(F("pages") * v) / Count("pk")}, [2, 3]),
    ("over relation", lambda: {"n": Count("tags"), "m": Max("reviews__stars")}, []),
    ("of an aggregate", lambda: {"n": Count("pk"), "m": F("n") + 1}, []),
    ("money", lambda: {"n": Max("cost"), "m": Sum("cost")}, []),
    ("unknown", lambda: {"n": Sum("nothing")}, []),
    ("no aggregate", lambda: {"n": F("pages")}, []),
    ("durations", lambda: {"n": Sum("reading_time"), "m": Avg("reading_time")}, []),
]


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in EXPRESSIONS], ids=[case[0] for case in EXPRESSIONS])
def test_an_expression_is_djangos_as_annotation_condition_order_and_value(make: Any, values: list[Any]) -> None:
    compare(lambda start, *given: start(Book).annotate(x=make(*given)), *values)
    compare(lambda start, *given: start(Book).alias(x=make(*given)).order_by("x", "pk").values_list("pk"), *values)
    compare(lambda start, *given: start(Book).alias(x=make(*given)).filter(x__isnull=False, pages__gt=96), *values)
    compare(lambda start, *given: start(Book).values("pk", x=make(*given)), *values)


@pytest.mark.parametrize(("build", "values"), [case[1:] for case in QUERIES], ids=[case[0] for case in QUERIES])
def test_a_query_with_expressions_is_djangos(build: Any, values: list[Any]) -> None:
    compare(build, *values)
    compare(build, *values, finish=ending("acount"))
    compare(build, *values, finish=ending("aexists"))


@pytest.mark.parametrize(("make", "values"), [case[1:] for case in AGGREGATES], ids=[case[0] for case in AGGREGATES])
def test_an_aggregate_is_djangos(make: Any, values: list[Any]) -> None:
    for given in values or [()]:
        arguments = given if isinstance(given, tuple) else (given,)
        finish = ending("aaggregate", **make(*arguments))
        compare(lambda start: start(Book), finish=finish)
        compare(lambda start, pages: start(Book).filter(pages__gt=pages), 96, 300, 2**70, finish=finish)
        compare(lambda start, count: start(Book).order_by("pk")[:count], 5, 9, 0, finish=finish)
        compare(lambda start: start(Book).distinct(), finish=finish)
        compare(lambda start: start(Book).none(), finish=finish)
        compare(lambda start: start(Book).annotate(t=Count("tags")), finish=finish)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Europe/Berlin"])
def test_the_callers_time_zone_is_djangos_also_where_threads_do_the_work(zone: str) -> None:
    with timezone.override(zone):
        compare(lambda start: start(Book).values("pk", x=fn.TruncHour("released")))
        compare(lambda start: start(Book).annotate(x=fn.TruncDay("released")).datetimes("released", "day"))
        compare(lambda start, hour: start(Book).filter(released__hour=hour), 2, 3, 9)
        compare(lambda start, moment: start(Book).filter(released__lt=moment), "2021-10-31 02:30", "2000-01-01 00:15")
        in_prefetch = Prefetch("reviews", Review.everything.annotate(x=fn.TruncHour("created")).filter(x__hour__gt=1))
        compare(lambda start: start(Book).prefetch_related(in_prefetch))
        compare(lambda start: start(Book), finish=ending("aaggregate", x=Max(fn.TruncHour("released"))))


def test_plans_of_one_time_zone_are_not_used_in_another() -> None:
    async def hours() -> list[Any]:
        answers = []
        for zone in ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"):
            with timezone.override(zone):
                query = q(Book).filter(released__isnull=False).order_by("pk").values_list(fn.ExtractHour("released"))
                answers.append((await query.run(), await query.filter(released__hour=9).acount()))
        return answers

    expected = []
    for zone in ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"):
        with timezone.override(zone):
            queryset = Book.objects.filter(released__isnull=False).order_by("pk")
            rows = list(queryset.values_list(fn.ExtractHour("released")))
            expected.append((rows, queryset.filter(released__hour=9).count()))
    assert run(hours()) == expected


def test_a_division_is_djangos() -> None:
    float_field: Any = FloatField()
    compare(lambda start, v: start(Country).annotate(x=ExpressionWrapper(F("population") / v, float_field)), 3.0, 7)
