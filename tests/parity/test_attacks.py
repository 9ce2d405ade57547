"""Attacks on plans: queries that look alike asked in turn, and code of a project that reads what no key can know.

Each is of a kind that has once given a wrong row; the plan cache is emptied before the first question only.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.postgres import search
from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVector
from django.db import models
from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    Func,
    IntegerField,
    JSONField,
    Max,
    OuterRef,
    Q,
    RowRange,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models import functions as fn
from django.db.models.expressions import OrderBy, RawSQL
from django.db.models.fields.json import KT, HasKey, KeyTextTransform, KeyTransform
from django.db.models.functions import window
from django.test.utils import register_lookup
from django.utils.functional import lazy
from django.utils.safestring import mark_safe

import adj
from tests.names import Choice
from tests.parity.oracle import Session, ending
from tests.shop.models import Author, Book, Order, Review, Tag

if TYPE_CHECKING:  # generic for the checkers only
    TextColumn = models.TextField[Any, Any]
    Lookup = models.Lookup[Any]
    Exact = models.lookups.Exact[Any]
    GreaterThan = models.lookups.GreaterThan[Any]
else:
    TextColumn, Lookup = models.TextField, models.Lookup
    Exact, GreaterThan = models.lookups.Exact, models.lookups.GreaterThan

Ask = Callable[[Any], Any]
UTC, BERLIN, LONDON = datetime.UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")


def books(start: Any) -> Any:
    """Books in one order."""
    return start(Book).order_by("pk")


def shown(*expressions: Any) -> list[Ask]:
    """Queries that show one of the expressions each."""
    return each(lambda expression, start: books(start).annotate(x=expression), *expressions)


def each(build: Callable[[Any, Any], Any], *values: Any) -> list[Ask]:
    """A query for each of the values."""
    return [partial(build, value) for value in values]


def sums(**frame: Any) -> Any:
    """A running sum."""
    return Window(Sum("pages"), order_by="pk", frame=RowRange(**frame))


# A text that is computed where it is read.
lazily: Any = lazy(str, str)


# -- queries that look alike -------------------------------------------------------------------------------------------

_FIRST = Book.objects.filter(author=OuterRef("author")).order_by("pk").values("title")
ALIKE: dict[str, list[Ask]] = {
    "numbers": shown(Value(1), Value(True), Value(1.0), Value(decimal.Decimal(1)), Value(decimal.Decimal("1.00"))),
    "zeros": shown(Value(0.0), Value(-0.0), Value(0), Value(False), Value(decimal.Decimal("-0"))),
    "texts": shown(
        Value("name"), Value(mark_safe("name")), Value(Choice.NAME), Value(lazily("name"), output_field=CharField())
    ),
    "texts that are compared": each(
        lambda text, start: books(start).filter(Q(title=text) | Q(title__in=["x", text])),
        *("Emma", mark_safe("Emma"), lazily("Emma"), "name", Choice.NAME, lazily("name")),
    ),
    "types of a value": shown(
        Value(1, output_field=IntegerField()), Value(1, output_field=TextField()), Value(1, output_field=JSONField())
    ),
    "moments": shown(
        *[Value(datetime.datetime(2021, 1, 1, 12, tzinfo=UTC).astimezone(zone)) for zone in (UTC, BERLIN, LONDON)]
    ),
    "places of a decimal": shown(
        *[fn.Cast("rating", DecimalField(max_digits=9, decimal_places=places)) for places in (1, 2, 0)]
    ),
    "lengths of a cast": shown(*[fn.Cast("title", CharField(max_length=length)) for length in (5, 6)]),
    "collations": shown(fn.Collate("title", "nocase"), fn.Collate("title", "binary"), F("title")),
    "functions": shown(*[Func("title", function=name) for name in ("lower", "upper", "LOWER")]),
    "templates": shown(
        *[Func("pages", template=text, output_field=IntegerField()) for text in ("(%(expressions)s)", "(1)", "(2)")]
    ),
    "extras": shown(
        *[Func("pages", function="ROUND", template="%(function)s(%(expressions)s, %(n)s)", n=n) for n in ("1", "2")]
    ),
    "nulls": [
        lambda start: start(Book).order_by(F("rating").asc(nulls_first=True), "pk"),
        lambda start: start(Book).order_by(F("rating").asc(nulls_last=True), "pk"),
        lambda start: start(Book).order_by(F("rating").asc(), "pk"),
        lambda start: start(Book).order_by(F("rating").desc(nulls_last=True), "pk"),
    ],
    "frames": shown(sums(start=-1, end=0), sums(start=-2, end=0), sums(start=0, end=1), sums(start=None, end=0)),
    "offsets": shown(
        *[Window(fn.Lag("title", offset), order_by="pk") for offset in (1, 2, 3)],
        Window(fn.Lead("title", 1), order_by="pk"),
        Window(fn.Lag("title", 1, default=Value("x")), order_by="pk"),
    ),
    "numbers of rows": shown(*[Window(window.NthValue("title", n), order_by="pk") for n in (1, 2, 3)]),
    "tiles": shown(*[Window(fn.Ntile(n), order_by="pk") for n in (1, 2, 3)]),
    "zones of a truncation": shown(*[fn.TruncDay("released", tzinfo=zone) for zone in (UTC, BERLIN, LONDON)]),
    "zones of a part": shown(*[fn.ExtractHour("released", tzinfo=zone) for zone in (UTC, BERLIN, LONDON)]),
    "kinds of a truncation": shown(*[fn.Trunc("released", kind) for kind in ("day", "month", "hour")]),
    "types of a truncation": shown(
        fn.Trunc("released", "day", output_field=models.DateField()), fn.Trunc("released", "day")
    ),
    "precisions": shown(*[fn.Round("rating", precision=places) for places in (0, 1, 2)]),
    "positions": shown(*[fn.Substr("title", position, length) for position, length in ((1, 2), (2, 1), (1, None))]),
    "paddings": shown(*[fn.LPad("title", 9, Value(fill)) for fill in ("x", "y")], fn.RPad("title", 9, Value("x"))),
    "keys of JSON": shown(KeyTransform("lang", "metadata"), KeyTextTransform("lang", "metadata"), KT("metadata__lang")),
    "items of JSON": shown(KT("metadata__1"), KT("metadata__0"), KT("metadata__one")),
    "values of JSON": [
        lambda start: books(start).filter(metadata=None),
        lambda start: books(start).filter(metadata=Value(None, JSONField())),
        lambda start: books(start).filter(metadata__lang=None),
        lambda start: books(start).filter(metadata__lang__isnull=True),
        lambda start: books(start).filter(metadata__isnull=True),
        lambda start: books(start).filter(metadata="null"),
    ],
    "conditions together and apart": [
        lambda start: start(Author).filter(books__pages__gt=300, books__rating__gt=2).order_by("pk"),
        lambda start: start(Author).filter(books__pages__gt=300).filter(books__rating__gt=2).order_by("pk"),
        lambda start: start(Author).filter(Q(books__pages__gt=300) & Q(books__rating__gt=2)).order_by("pk"),
        lambda start: start(Author).filter(Q(books__pages__gt=300) | Q(books__rating__gt=2)).order_by("pk"),
    ],
    "aggregates": [
        lambda start: start(Author).annotate(x=Count("books")).order_by("pk"),
        lambda start: start(Author).annotate(x=Count("books", distinct=True)).order_by("pk"),
        lambda start: start(Author).annotate(x=Count("books", filter=Q(books__pages__gt=300))).order_by("pk"),
        lambda start: start(Author).annotate(x=Max("books")).order_by("pk"),
        lambda start: start(Author).annotate(x=Avg("books__pages", default=0)).order_by("pk"),
        lambda start: start(Author).annotate(x=Avg("books__pages", default=1)).order_by("pk"),
        lambda start: start(Author).annotate(x=Avg("books__pages", output_field=FloatField())).order_by("pk"),
    ],
    "subqueries": shown(
        Subquery(_FIRST[:1]),
        Subquery(_FIRST[1:2]),
        Subquery(_FIRST.reverse()[:1]),
        Subquery(_FIRST.values("isbn")[:1]),
        Exists(_FIRST),
        ~Exists(_FIRST),
        Exists(_FIRST.none()),
    ),
    "whens in order": shown(
        Case(When(pages__gt=100, then=Value("a")), When(pages__gt=300, then=Value("b")), default=Value("c")),
        Case(When(pages__gt=300, then=Value("b")), When(pages__gt=100, then=Value("a")), default=Value("c")),
        Case(When(pages__gt=100, then=Value("a")), When(pages__gt=300, then=Value("b"))),
        Case(When(~Q(pages__gt=100), then=Value("a")), When(pages__gt=300, then=Value("b")), default=Value("c")),
    ),
    "names in order": [
        lambda start: books(start).values("title", "isbn"),
        lambda start: books(start).values("isbn", "title"),
        lambda start: books(start).values_list("isbn", "title"),
        lambda start: books(start).values_list("title", "isbn", named=True),
        lambda start: books(start).annotate(a=F("title"), b=F("isbn")).values_list("a", "b"),
        lambda start: books(start).annotate(b=F("isbn"), a=F("title")).values_list("a", "b"),
        lambda start: books(start).annotate(b=F("title"), a=F("isbn")).values_list("a", "b"),
    ],
    "alias and annotation": [
        lambda start: books(start).alias(x=F("pages")).filter(x__gt=300),
        lambda start: books(start).annotate(x=F("pages")).filter(x__gt=300),
        lambda start: books(start).annotate(x=F("pages")).values("pk").filter(x__gt=300),
    ],
    "combinations": [
        lambda start: start(Tag).filter(pk__lt=3).union(start(Tag).filter(pk__lt=4)).order_by("pk"),
        lambda start: start(Tag).filter(pk__lt=3).union(start(Tag).filter(pk__lt=4), all=True).order_by("pk"),
        lambda start: start(Tag).filter(pk__lt=3).intersection(start(Tag).filter(pk__lt=4)).order_by("pk"),
        lambda start: start(Tag).filter(pk__lt=5).difference(start(Tag).filter(pk__lt=4)).order_by("pk"),
        lambda start: start(Tag).filter(pk__lt=5).difference(start(Tag).none()).order_by("pk"),
        lambda start: (start(Tag).filter(pk__lt=3) & start(Tag).filter(pk__lt=2)).order_by("pk"),
        lambda start: (start(Tag).filter(pk__lt=3) ^ start(Tag).filter(pk__lt=2)).order_by("pk"),
    ],
    "what is empty": [
        lambda start: books(start).filter(pk__in=[]),
        lambda start: books(start).filter(pk__in=[1]),
        lambda start: books(start).exclude(pk__in=[]),
        lambda start: books(start).filter(pk__in=[None]),
        lambda start: books(start).exclude(pk__in=[None, 1]),
        lambda start: books(start).filter(Q(pk__in=[]) | Q(pk=1)),
        lambda start: books(start).filter(~Q(pk__in=[]), pk__lt=3),
        lambda start: books(start).filter(pk__in=Book.objects.none()),
        lambda start: books(start).filter(pages__gt=2**70),
        lambda start: books(start).filter(pages__lt=2**70, pk__lt=3),
        lambda start: books(start).filter(pages=2**70),
        lambda start: books(start).filter(pages__in=[2**70, 96]),
    ],
    "filtered relations": each(
        lambda of, start: (
            start(Author)
            .annotate(x=FilteredRelation("books", condition=Q(books__pages__gt=of[0])))
            .filter(**{of[1]: False})
            .order_by("pk", "x__pk")
        ),
        (300, "x__isnull"),
        (500, "x__isnull"),
        (300, "x__author__isnull"),
    ),
    "wrappers": shown(
        ExpressionWrapper(Q(pages__gt=300), output_field=models.BooleanField()),
        ExpressionWrapper(Q(pages__gt=300), output_field=IntegerField()),
        ExpressionWrapper(F("pages") * 2, output_field=FloatField()),
        ExpressionWrapper(F("pages") * 2, output_field=IntegerField()),
    ),
    "raw expressions": shown(
        RawSQL("1", ()), RawSQL("2", ()), RawSQL("%s", (1,)), RawSQL("%s", (2,)), RawSQL("%s", ("2",))
    ),
    "ends of a slice": each(
        lambda k, start: books(start)[k], slice(1, 2), slice(2), slice(1, None), slice(0, 0), slice(None)
    ),
    "slices of nested queries": each(
        lambda k, start: books(start).filter(pk__in=books(start).values("pk")[k]),
        *(slice(1, 2), slice(1, 3), slice(2), slice(1, None), slice(0, 0)),
    ),
}


def ask_in_turn(alike: list[Ask], alias: str = "default") -> None:
    """Run each query after each of the others, all from one cache."""
    with Session(alias) as session:
        adj.plan_cache.clear()
        for number, ask in enumerate([*alike, *reversed(alike), *alike]):
            session.compare_once(ask, (), is_first=number < len(alike))


@pytest.mark.parametrize("kind", ALIKE)
def test_queries_that_look_alike_keep_apart(kind: str) -> None:
    ask_in_turn(ALIKE[kind])


_NAME = SearchVector("title")
# Django has it from 6.0 on.
Lexeme: Any = getattr(search, "Lexeme", None)


def lexemes() -> list[Ask]:
    """Searches by lexemes, which are written into one parameter."""
    pairs = [(Lexeme(one), Lexeme(other)) for one, other in (("dark", "left"), ("emma", "sea"), ("z", "dark"))]
    return [
        *each(
            lambda query, start: books(start).annotate(v=_NAME).filter(v=query),
            *[SearchQuery(one | other) for one, other in pairs],
            *[SearchQuery(one & ~other) for one, other in pairs],
            *[SearchQuery(Lexeme(text, prefix=True, weight="A")) for text in ("dark", "emma")],
            *[one | other for one, other in pairs],
        ),
        *each(lambda query, start: books(start).filter(title__search=query), *[one | other for one, other in pairs]),
    ]


ON_POSTGRESQL: dict[str, list[Ask]] = {
    "search": each(
        lambda query, start: books(start).annotate(v=_NAME).filter(v=query),
        *(
            SearchQuery("dark"),
            SearchQuery("dark", config="english"),
            SearchQuery("dark | sea", search_type="raw"),
            SearchQuery("dark") & SearchQuery("left"),
            SearchQuery("dark") | SearchQuery("left"),
            ~SearchQuery("dark"),
            ~(SearchQuery("dark") | SearchQuery("left")),
        ),
    ),
    "values of a search": each(
        lambda value, start: books(start).filter(title__search=value), *("t", 1, "dark", 2, 1.5, "1", True)
    ),
    "keys that JSON has": [
        *each(lambda key, start: books(start).filter(metadata__has_key=Value(key)), "prints", "loc", "x"),
        *each(lambda key, start: books(start).filter(HasKey(F("metadata"), Value(key))), "prints", "loc", "x"),
        *each(lambda key, start: books(start).exclude(metadata__has_key=key), "prints", "loc", "x"),
    ],
    **({"lexemes": lexemes()} if Lexeme is not None else {}),
    "ranks": shown(
        *[
            SearchRank(SearchVector("title", weight=weight), SearchQuery("dark"), weights=weights)
            for weight, weights in (
                ("A", [0.1, 0.2, 0.3, 0.4]),
                ("B", [0.1, 0.2, 0.3, 0.4]),
                ("A", [0.4, 0.3, 0.2, 0.1]),
            )
        ],
        *[SearchRank(_NAME, SearchQuery("dark"), normalization=Value(number)) for number in (0, 1, 2)],
        SearchRank(_NAME, SearchQuery("dark"), cover_density=True),
    ),
    # Django asks the connection to quote the options, so that `sql()` cannot tell it on an event loop.
    "headlines": each(
        lambda options, start: (
            books(start).annotate(x=SearchHeadline("title", SearchQuery("dark"), **options)),
            ending("async for"),
        ),
        *({"start_sel": "<"}, {"start_sel": "["}, {"start_sel": "%"}, {"max_words": 3, "min_words": 1}),
    ),
    "arrays": [
        lambda start: start(Author).annotate(x=ArrayAgg("books__pk")).order_by("pk"),
        lambda start: start(Author).annotate(x=ArrayAgg("books__pk", distinct=True)).order_by("pk"),
        lambda start: start(Author).annotate(x=ArrayAgg("books__pk", default=Value([]))).order_by("pk"),
        lambda start: start(Author).annotate(x=ArrayAgg("books__pk", filter=Q(books__pages__gt=300))).order_by("pk"),
    ],
    "distinct columns": [
        lambda start: start(Book).order_by("author", "pk").distinct("author"),
        lambda start: start(Book).order_by("author", "pk").distinct("author", "pk"),
        lambda start: start(Book).order_by("author", "pk").distinct(),
    ],
}


@pytest.mark.parametrize("kind", ON_POSTGRESQL)
def test_queries_that_look_alike_keep_apart_on_postgresql(postgres: str, kind: str) -> None:
    ask_in_turn(ON_POSTGRESQL[kind], postgres)


# -- code of the project that reads its context ------------------------------------------------------------------------

NOW: ContextVar[str] = ContextVar("now", default="none")


@contextmanager
def now(text: str) -> Generator[None]:
    """What the code of the project reads."""
    token = NOW.set(text)
    try:
        yield
    finally:
        NOW.reset(token)


class OnSQLite(Func):
    """Reads the context in the method of one vendor only."""

    function = "LOWER"
    output_field: Any = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Now, in the text."""
        return f"'{NOW.get()}'", []


class InTemplate(Func):
    """Reads the context in a property that Django takes for an attribute."""

    output_field: Any = TextField()

    # Any: of the stubs it is an attribute.
    template: Any = property(lambda self: f"'{NOW.get()}'")


class InArguments(Func):
    """Reads the context where its arguments are asked for."""

    function = "LOWER"
    output_field: Any = TextField()

    def get_source_expressions(self) -> list[Any]:
        """Now, as an argument."""
        return [Value(NOW.get())]


class InValue(Value):
    """A value that is looked up when it is read."""

    @property
    def value(self) -> Any:
        """Now."""
        return NOW.get()

    @value.setter
    def value(self, value: Any) -> None:
        pass


class ResolvedValue(Value):
    """A value that is another one when the query is built."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Now."""
        return Value(NOW.get()).resolve_expression(*args, **kwargs)


class OfColumn(F):
    """Refers to another column by the context."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """The column of now."""
        return F("title" if NOW.get() == "a" else "isbn").resolve_expression(*args, **kwargs)


class Sorted(OrderBy):
    """Sorts up or down by the context."""

    def as_sql(self, compiler: Any, connection: Any, template: Any = None, **context: Any) -> Any:
        """Up or down."""
        self.descending = NOW.get() == "a"
        return super().as_sql(compiler, connection, template, **context)


class Conditions(Q):
    """A condition that says another thing by the context."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Now, as a condition."""
        return Q(title__startswith="T" if NOW.get() == "a" else "E").resolve_expression(*args, **kwargs)


class Prepared(TextColumn):
    """A field whose values depend on the context."""

    def get_prep_value(self, value: Any) -> Any:
        """The value with now."""
        return f"{super().get_prep_value(value)} {NOW.get()}"


class Read(TextColumn):
    """A field whose rows depend on the context."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The value with now."""
        return f"{value} {NOW.get()}"


class CastTo(TextColumn):
    """A field whose type in the database depends on the context."""

    def cast_db_type(self, connection: Any) -> str:
        """A type."""
        return "text" if NOW.get() == "a" else "integer"

    db_type = cast_db_type


class Placed(TextColumn):
    """A field that writes SQL around its values by the context."""

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """Now, in the text."""
        return f"(%s || '{NOW.get()}')"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        """The same, as Django has it from 6.1 on."""
        return self.get_placeholder(value, compiler, connection), (value,)


class Around(TextColumn):
    """A field that writes SQL around its column by the context."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """Now, in the text."""
        return f"({sql} || '{NOW.get()}')", params


class PreparedLookup(Lookup):
    """Reads the context when it prepares its value."""

    lookup_name = "prepared"

    def get_prep_lookup(self) -> Any:
        """The value, or now."""
        return NOW.get() if self.rhs == "now" else self.rhs

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """`=`."""
        left, parameters = self.process_lhs(compiler, connection)
        right, more = self.process_rhs(compiler, connection)
        return f"{left} > {right}", [*parameters, *more]


class ResolvedLookup(GreaterThan):
    """A lookup that is another one when the query is built."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Against now."""
        return GreaterThan(F("title"), NOW.get()).resolve_expression(*args, **kwargs)


class LeftLookup(PreparedLookup):
    """Reads the context where it writes its left side."""

    lookup_name = "left"

    def get_prep_lookup(self) -> Any:
        """The value."""
        return self.rhs

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        """The left side, with now."""
        sql, parameters = super().process_lhs(compiler, connection, lhs)
        return f"({sql} || %s)", [*parameters, NOW.get()]


class ExactLike(Exact):
    """A subclass of a Django class that reads the context in its right side."""

    lookup_name = "like_exact"

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        """An operator by the context."""
        return f"> {rhs}" if NOW.get() == "a" else f"< {rhs}"


class SumOf(models.Aggregate):
    """An aggregate of the project."""

    function = "SUM"

    def as_sql(self, *args: Any, **context: Any) -> Any:
        """Sum or maximum by the context."""
        return super().as_sql(*args, **{**context, "function": "MAX" if NOW.get() == "a" else "SUM"})


BY_CONTEXT: dict[str, Ask] = {
    "a vendor's method": lambda start: books(start).annotate(x=OnSQLite("title")),
    "a property": lambda start: books(start).annotate(x=InTemplate()),
    "arguments": lambda start: books(start).annotate(x=InArguments("title")),
    "arguments in a condition": lambda start: books(start).filter(title__gt=InArguments("title")),
    "a value": lambda start: books(start).annotate(x=InValue("x", output_field=TextField())),
    "a value in a function": lambda start: books(start).annotate(x=fn.Concat("title", InValue("x"), Value("y"))),
    "a reference": lambda start: books(start).annotate(x=OfColumn("title")),
    "a reference in a condition": lambda start: books(start).filter(title__gte=OfColumn("title")),
    "an order": lambda start: start(Book).order_by(Sorted(F("title")), "pk"),
    "a condition": lambda start: books(start).filter(Conditions(pk=1)),
    "a condition in a When": lambda start: books(start).annotate(x=Case(When(Conditions(pk=1), then=Value(1)))),
    "a condition in an aggregate": lambda start: start(Book).annotate(x=Count("tags", filter=Conditions(pk=1))),
    "values of a field": lambda start: books(start).annotate(x=Value("x", output_field=Prepared())),
    "values of a field, compared": lambda start: (
        books(start).annotate(x=fn.Cast("title", Prepared())).filter(x__gt="The")
    ),
    "values of a field, listed": lambda start: (
        books(start).annotate(x=fn.Cast("title", Prepared())).exclude(x__in=["The", "Emma"])
    ),
    "rows of a field": lambda start: books(start).annotate(x=fn.Cast("title", Read())),
    "rows of a field, tuples": lambda start: books(start).annotate(x=fn.Cast("title", Read())).values_list("x"),
    "the type of a field": lambda start: books(start).annotate(x=fn.Cast("isbn", CastTo())),
    "a field around its values": lambda start: books(start).annotate(x=Value("x", output_field=Placed())),
    "a field around a value in a function": lambda start: books(start).annotate(
        x=fn.Concat("title", Value("x", output_field=Placed()), output_field=TextField())
    ),
    "a resolved value": lambda start: books(start).annotate(x=ResolvedValue("x")),
    "a resolved value in a condition": lambda start: books(start).filter(title__gt=ResolvedValue("x")),
    "a resolved lookup": lambda start: books(start).filter(ResolvedLookup(F("title"), "The")),
    "a resolved lookup in a When": lambda start: books(start).annotate(
        x=Case(When(ResolvedLookup(F("title"), "The"), then=Value(1)), default=Value(0))
    ),
    "a field around its column": lambda start: books(start).annotate(x=fn.Cast("title", Around())),
    "a prepared lookup": lambda start: books(start).filter(title__prepared="now"),
    "a prepared lookup in a When": lambda start: books(start).annotate(
        x=Case(When(title__prepared="now", then=Value(1)), default=Value(0))
    ),
    "a left side": lambda start: books(start).filter(title__left="The"),
    "a left side, negated": lambda start: start(Author).exclude(books__title__left="The"),
    "an operator": lambda start: books(start).filter(title__like_exact="The"),
    "an aggregate": lambda start: start(Author).annotate(x=SumOf("books__pages")),
    "a condition on an aggregate": lambda start: start(Author).annotate(x=SumOf("books__pages")).filter(x__gt=900),
    "a window": lambda start: books(start).annotate(x=Window(SumOf("pages"), partition_by="author")),
    "nested": lambda start: start(Author).filter(books__in=start(Book).filter(title__prepared="now")),
    "in a union": lambda start: start(Tag).union(start(Tag).filter(name__prepared="now")).order_by("pk"),
    "in a FilteredRelation": lambda start: (
        start(Author)
        .annotate(x=FilteredRelation("books", condition=Q(books__title__prepared="now")))
        .filter(x__pk__gt=0)
    ),
}


@pytest.fixture
def _lookups() -> Iterator[None]:
    with (
        register_lookup(CharField, PreparedLookup),
        register_lookup(CharField, LeftLookup),
        register_lookup(CharField, ExactLike),
    ):
        yield


@pytest.mark.usefixtures("_lookups")
@pytest.mark.parametrize("place", BY_CONTEXT)
def test_code_of_the_project_reads_the_context_of_its_run(place: str) -> None:
    ask = BY_CONTEXT[place]
    with Session() as session:
        adj.plan_cache.clear()
        for number, text in enumerate(["a", "b", "a", "The", "b", "a"]):
            with now(text):
                session.compare_once(lambda start: ask(start).order_by("pk"), (), is_first=not number)


@pytest.mark.usefixtures("_lookups")
@pytest.mark.parametrize("place", BY_CONTEXT)
def test_code_of_the_project_reads_the_context_of_the_run_of_one_query(place: str) -> None:
    """The query object is the same one: what the first run has read must not stay with it."""
    query = BY_CONTEXT[place](lambda model: adj.q(model)).order_by("pk")
    for text in ["a", "b", "a"]:
        with now(text):
            django = BY_CONTEXT[place](lambda model: model._default_manager.all()).order_by("pk")
            sql, parameters = django.query.get_compiler("default").as_sql()
            assert query.sql() == (sql, tuple(parameters))


# -- related rows ------------------------------------------------------------------------------------------------------


def _of(model: Any, pk: int) -> Any:
    return model(pk=pk)


RELATED: dict[str, list[Ask]] = {
    "conditions of many-to-many managers": each(
        lambda of, start: start(Book(pk=of[0]).contributors).filter(contributions__role=of[1]).order_by("pk"),
        *[(pk, role) for pk in (1, 2, 3) for role in ("author", "translator")],
    ),
    "reverse foreign keys": each(
        lambda pk, start: start(_of(Author, pk).books).exclude(pages__lt=300).order_by("pk"), 1, 2, 3
    ),
    "generic relations": each(
        lambda pk, start: start(_of(Book, pk).notes).filter(text__gt="A").order_by("pk"), 1, 2, 3
    ),
    "composite keys beside columns": [
        lambda start: start(Order).annotate(x=F("lines__pk"), y=F("is_paid")).select_related("customer__country"),
        lambda start: start(Order).annotate(y=F("is_paid"), x=F("lines__pk")).select_related("customer__country"),
        lambda start: start(Order).annotate(x=F("lines__pk"), z=F("lines__pk"), y=F("customer__name")),
        lambda start: start(Order).values("lines__pk", "is_paid", "customer__name"),
        lambda start: start(Order).values_list("is_paid", "lines__pk", "customer__name"),
    ],
    "a model ordered by its relation": [
        lambda start: start(Review.everything),
        lambda start: start(Review.everything).reverse(),
        lambda start: start(Review),
        lambda start: start(Review.everything).order_by("-book"),
    ],
}


@pytest.mark.parametrize("kind", RELATED)
def test_rows_of_relations_keep_apart(kind: str) -> None:
    with Session() as session:
        adj.plan_cache.clear()
        for number, ask in enumerate([*RELATED[kind], *RELATED[kind]]):
            session.compare_once(ask, (), is_first=not number, in_any_order=kind.startswith("composite"))
