"""The places of a query that take a value or a name, each with two values that are usual there."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    JSONField,
    Max,
    Model,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models import functions as fn
from django.db.models.expressions import RawSQL

from tests.fuzz.values import Given, of
from tests.parity.oracle import ending
from tests.shop.data import MOMENTS
from tests.shop.fields import Money
from tests.shop.models import (
    Author,
    AuthorProfile,
    Book,
    Country,
    Depot,
    Order,
    OrderLine,
    Shelf,
    Tag,
)

Step = Callable[[Any, Any, Any], Any]
"""From a query, what queries start from, and a value, to the query with it: or to a query and its ending."""


@dataclass(frozen=True)
class Place:
    """A place of a query of a model; `tables` are those that its ending writes."""

    name: str
    model: type[Model]
    usual: tuple[Given, ...]
    step: Step
    tables: tuple[type[Model], ...] = ()
    takes_names: bool = False
    needs: str = ""

    def __repr__(self) -> str:
        return self.name

    def build(self, start: Any, given: Given) -> Any:
        """The query with the value."""
        return self.step(start(self.model), start, given.make(start))


def _usual(*values: Any) -> tuple[Given, ...]:
    return tuple(value if isinstance(value, Given) else of(value) for value in values)


# -- conditions --------------------------------------------------------------------------------------------------------

_COLUMNS: dict[str, tuple[type[Model], str, tuple[Any, Any]]] = {
    "number": (Tag, "weight", (1, 2)),
    "text": (Tag, "name", ("sea", "war")),
    "key": (Tag, "pk", (1, 2)),
    "text key": (Country, "pk", ("DE", "FR")),
    "large number": (Book, "copies_sold", (7, 1_200)),
    "float": (Book, "rating", (1.5, 4.0)),
    "decimal": (Book, "price", (decimal.Decimal("1.37"), decimal.Decimal("2.74"))),
    "money": (Book, "cost", (Money(55), Money(110))),
    "date": (Book, "published", (datetime.date(1960, 1, 1), datetime.date(1963, 4, 4))),
    "moment": (Book, "released", (MOMENTS[0], MOMENTS[1])),
    "time": (Book, "reading_hour", (datetime.time(0), datetime.time(12, 30, 15))),
    "duration": (Book, "reading_time", (datetime.timedelta(0), datetime.timedelta(hours=7, microseconds=5))),
    "uuid": (Book, "reference", (uuid.UUID(int=2**100), uuid.UUID(int=5))),
    "truth": (Book, "is_translated", (True, True)),
    "bytes": (Book, "cover", (b"", b"\x00\xff\x10cover")),
    "choice": (Book, "format", ("hb", "pb")),
    "JSON": (Book, "metadata", ("text", "other")),
    "address": (AuthorProfile, "address", ("::1", "192.168.0.1")),
    "foreign key": (Book, "author", (1, 2)),
    "column of a foreign key": (Book, "author_id", (1, 2)),
    "foreign key of a text": (Depot, "publisher", ("ace", "penguin")),
    "reverse foreign key": (Author, "books", (1, 2)),
    "many-to-many": (Book, "tags", (1, 2)),
    "generic relation": (Book, "notes", (1, 2)),
    "path": (Book, "author__publisher__country__population", (68_000_000, 5)),
    "text on a path": (Book, "tags__name", ("sea", "war")),
    "composite key": (OrderLine, "pk", ((uuid.UUID(int=5), 1), (uuid.UUID(int=6), 2))),
    "relation to a composite key": (Order, "lines", ((uuid.UUID(int=5), 1), (uuid.UUID(int=6), 2))),
    "value in JSON": (Book, "metadata__lang", ("fr", "en")),
    "item in JSON": (Book, "metadata__1", (2, 3)),
}
_LOOKUPS: dict[str, tuple[type[Model], str, tuple[Any, Any]]] = {
    "in, numbers": (Tag, "weight__in", ((1, 2), (3, 4, 5))),
    "in, texts": (Tag, "name__in", (("sea", "war"), ("love",))),
    "in, keys": (Book, "author__in", ((1, 2), (3, 4, 5))),
    "in, many": (Book, "tags__in", ((1, 2), (3, 4, 5))),
    "in, decimals": (Book, "price__in", ((1, decimal.Decimal("1.37")), (2,))),
    "in, moments": (Book, "released__in", ((MOMENTS[0],), (MOMENTS[1], MOMENTS[2]))),
    "in, uuids": (Book, "reference__in", ((uuid.UUID(int=5),), (uuid.UUID(int=6),))),
    "in, truths": (Book, "is_translated__in", ((True,), (True,))),
    "in, JSON": (Book, "metadata__lang__in", (("fr",), ("en", "de"))),
    "in, composite keys": (OrderLine, "pk__in", (((uuid.UUID(int=5), 1),), ((uuid.UUID(int=6), 2),))),
    "range": (Tag, "weight__range", ((1, 2), (2, 3))),
    "range of texts": (Tag, "name__range", (("a", "m"), ("m", "z"))),
    "range of dates": (Book, "published__range", ((datetime.date.min, datetime.date(1970, 1, 1)), (None, None))),
    "isnull": (Book, "rating__isnull", (True, True)),
    "gt": (Tag, "weight__gt", (1, 2)),
    "lte of a float": (Book, "rating__lte", (1.5, 4.0)),
    "gte of a text": (Tag, "name__gte", ("sea", "war")),
    "lt of a large number": (Book, "copies_sold__lt", (7, 1_200)),
    "contains": (Tag, "name__contains", ("a", "e")),
    "icontains": (Tag, "name__icontains", ("a", "e")),
    "startswith": (Tag, "name__startswith", ("a", "s")),
    "iendswith": (Tag, "name__iendswith", ("a", "r")),
    "contains in a number": (Tag, "weight__contains", ("1", "2")),
    "iexact": (Tag, "name__iexact", ("SEA", "WAR")),
    "regex": (Tag, "name__regex", ("s.a", "w")),
    "iregex": (Tag, "name__iregex", ("S.A", "W")),
    "year": (Book, "published__year", (1960, 1970)),
    "year__in": (Book, "released__year__in", ((2021,), (2000, 2024))),
    "date": (Book, "released__date", (datetime.date(2021, 10, 31), datetime.date(2000, 1, 1))),
    "time of a moment": (Book, "released__time", (datetime.time(0), datetime.time(12, 30))),
    "hour": (Book, "released__hour__gt", (1, 2)),
    "week_day": (Book, "published__week_day", (1, 2)),
    "has_key": (Book, "metadata__has_key", ("lang", "prints")),
    "has_keys": (Book, "metadata__has_keys", (("lang",), ("prints", "lang"))),
    "has_any_keys": (Book, "metadata__has_any_keys", (("lang",), ("prints", "lang"))),
    "JSON, gt": (Book, "metadata__prints__gt", (1, 2)),
    "JSON, iexact": (Book, "metadata__lang__iexact", ("FR", "DE")),
    "JSON, icontains": (Book, "metadata__lang__icontains", ("F", "E")),
    "lower": (Tag, "name__lower", ("sea", "war")),
    "length": (Tag, "name__length", (3, 4)),
    "own lookup": (Tag, "weight__ne", (1, 2)),
    "own lookup of a text": (Tag, "name__matches", ("sea", "war")),
    "own transform": (Tag, "weight__abs", (1, 2)),
    "own transform on both sides": (Tag, "name__folded", ("SEA", "WAR")),
    "own transform, in": (Tag, "name__folded__in", (("SEA",), ("WAR", "LOVE"))),
}
_ON_POSTGRESQL: dict[str, tuple[type[Model], str, tuple[Any, Any]]] = {
    "array": (Shelf, "numbers", ([1, 2], [3])),
    "array of texts": (Shelf, "labels", (["a"], ["b"])),
    "array, contains": (Shelf, "numbers__contains", ([1], [2, 3])),
    "array, overlap": (Shelf, "labels__overlap", (["a"], ["b"])),
    "array, item": (Shelf, "numbers__0", (1, 2)),
    "array, length": (Shelf, "numbers__len", (1, 2)),
    "JSON, contains": (Book, "metadata__contains", ({"lang": "fr"}, {"prints": 12})),
    "JSON, contained_by": (Book, "metadata__contained_by", ({"lang": "fr"}, {"prints": 12})),
}


def _filtered(path: str, query: Any, start: Any, value: Any) -> Any:
    return query.filter(**{path: value}).order_by("pk")


def _updated(path: str, query: Any, start: Any, value: Any) -> Any:
    return query.filter(pk=1), ending("aupdate", **{path: value})


def _filters(table: dict[str, tuple[type[Model], str, tuple[Any, Any]]], needs: str = "") -> list[Place]:
    return [
        Place(name, model, _usual(*usual), partial(_filtered, path), needs=needs)
        for name, (model, path, usual) in table.items()
    ]


NUMBERS, TEXTS, KEYS = _usual(1, 2), _usual("sea", "war"), _usual((1, 2), (3, 4, 5))


def _tag(name: str, usual: tuple[Given, ...], step: Step, **options: Any) -> Place:
    return Place(name, Tag, usual, step, **options)


def _book(name: str, usual: tuple[Given, ...], step: Step, **options: Any) -> Place:
    return Place(name, Book, usual, step, **options)


def _flag(condition: Any) -> Any:
    return Case(When(condition, then=Value("yes")), default=Value("no"), output_field=CharField())


CONDITIONS = [
    *_filters(_COLUMNS),
    *_filters(_LOOKUPS),
    *_filters(_ON_POSTGRESQL, needs="postgresql"),
    _tag(
        "argument of filter",
        _usual(Given("Q", lambda s: Q(pk=1)), Given("Q", lambda s: Q(pk=2))),
        lambda x, s, v: x.filter(v).order_by("pk"),
    ),
    _tag(
        "argument of exclude",
        _usual(Given("Q", lambda s: Q(pk=1)), Given("Q", lambda s: Q(pk=2))),
        lambda x, s, v: x.exclude(v).order_by("pk"),
    ),
    _tag("exclude", NUMBERS, lambda x, s, v: x.exclude(weight=v).order_by("pk")),
    _tag("exclude in", KEYS, lambda x, s, v: x.exclude(weight__in=v).order_by("pk")),
    _book("exclude of a relation", TEXTS, lambda x, s, v: x.exclude(tags__name=v).order_by("pk")),
    _book("exclude of a foreign key", NUMBERS, lambda x, s, v: x.exclude(author=v).order_by("pk")),
    _book("exclude of a nullable column", _usual(1.5, 4.0), lambda x, s, v: x.exclude(rating=v).order_by("pk")),
    _tag("Q", NUMBERS, lambda x, s, v: x.filter(Q(weight=v) | Q(pk=3)).order_by("pk")),
    _tag("Q of a pair", TEXTS, lambda x, s, v: x.filter(~Q(("name", v))).order_by("pk")),
    _tag("pair", TEXTS, lambda x, s, v: x.filter(("name", v)).order_by("pk")),
    _tag("XOR", NUMBERS, lambda x, s, v: x.filter(Q(weight=v) ^ Q(weight__gt=v)).order_by("pk")),
    _tag(
        "one value twice",
        NUMBERS,
        lambda x, s, v: x.filter(weight=v).filter(pk__gte=v).exclude(weight=v).order_by("pk"),
    ),
    _tag(
        "complex_filter",
        _usual(Given("Q", lambda s: Q(pk=1)), Given("Q", lambda s: Q(pk=2))),
        lambda x, s, v: x.complex_filter(v),
    ),
    _tag("complex_filter, value", NUMBERS, lambda x, s, v: x.complex_filter({"weight": v})),
    _tag(
        "annotation in a condition", NUMBERS, lambda x, s, v: x.annotate(y=F("weight") * 2).filter(y=v).order_by("pk")
    ),
    _tag("count in a condition", NUMBERS, lambda x, s, v: x.annotate(y=Count("books")).filter(y__gt=v).order_by("pk")),
    _tag("nested", NUMBERS, lambda x, s, v: x.filter(pk__in=s(Tag).filter(weight=v)).order_by("pk")),
    _tag(
        "Exists",
        NUMBERS,
        lambda x, s, v: x.filter(Exists(s(Book).filter(tags=OuterRef("pk"), pages__gt=v))).order_by("pk"),
    ),
    _tag(
        "argument of Exists",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: x.filter(Exists(v)).order_by("pk"),
    ),
]

# -- expressions -------------------------------------------------------------------------------------------------------

_ONE, _TWO = Given("Value(1)", lambda start: Value(1)), Given("Value(2)", lambda start: Value(2))
EXPRESSION = (_ONE, _TWO)
EXPRESSIONS = [
    _tag("annotate", EXPRESSION, lambda x, s, v: x.annotate(y=v).order_by("pk")),
    _tag(
        "argument of annotate",
        _usual(Given("Count", lambda s: Count("books"))),
        lambda x, s, v: x.annotate(v).order_by("pk"),
    ),
    _tag("alias", EXPRESSION, lambda x, s, v: x.alias(y=v).filter(y=1).order_by("pk")),
    _tag("annotate, then filter", EXPRESSION, lambda x, s, v: x.annotate(y=v).filter(y__gte=1).order_by("pk")),
    _tag("Value", TEXTS, lambda x, s, v: x.annotate(y=Value(v)).order_by("pk")),
    _tag(
        "Value of a number", NUMBERS, lambda x, s, v: x.annotate(y=Value(v, output_field=IntegerField())).order_by("pk")
    ),
    _tag("Value of a text", TEXTS, lambda x, s, v: x.annotate(y=Value(v, output_field=CharField())).order_by("pk")),
    _tag("Value of JSON", TEXTS, lambda x, s, v: x.annotate(y=Value(v, output_field=JSONField())).order_by("pk")),
    _tag(
        "Concat",
        TEXTS,
        lambda x, s, v: x.annotate(y=fn.Concat("name", Value(v), output_field=CharField())).order_by("pk"),
    ),
    _tag(
        "Coalesce",
        TEXTS,
        lambda x, s, v: x.annotate(y=fn.Coalesce("name", Value(v), output_field=CharField())).order_by("pk"),
    ),
    _tag("argument of a function", _usual("name", "name"), lambda x, s, v: x.annotate(y=fn.Lower(v)).order_by("pk")),
    _tag("Substr", NUMBERS, lambda x, s, v: x.annotate(y=fn.Substr("name", v)).order_by("pk")),
    _tag("Left", NUMBERS, lambda x, s, v: x.annotate(y=fn.Left("name", v)).order_by("pk")),
    _tag("LPad", TEXTS, lambda x, s, v: x.annotate(y=fn.LPad("name", 9, Value(v))).order_by("pk")),
    _tag("Replace", TEXTS, lambda x, s, v: x.annotate(y=fn.Replace("name", Value("a"), Value(v))).order_by("pk")),
    _tag("StrIndex", TEXTS, lambda x, s, v: x.annotate(y=fn.StrIndex("name", Value(v))).order_by("pk")),
    _tag("Round", NUMBERS, lambda x, s, v: x.annotate(y=fn.Round("weight", v)).order_by("pk")),
    _tag("Greatest", NUMBERS, lambda x, s, v: x.annotate(y=fn.Greatest("weight", Value(v))).order_by("pk")),
    _tag("plus", NUMBERS, lambda x, s, v: x.annotate(y=F("weight") + v).order_by("pk")),
    _tag("times, from the right", NUMBERS, lambda x, s, v: x.annotate(y=v * F("weight")).order_by("pk")),
    _tag("modulo", NUMBERS, lambda x, s, v: x.annotate(y=F("weight") % v).order_by("pk")),
    _book(
        "moment plus",
        _usual(datetime.timedelta(1), datetime.timedelta(2)),
        lambda x, s, v: x.annotate(y=F("released") + v).order_by("pk"),
    ),
    _tag("bitand", NUMBERS, lambda x, s, v: x.annotate(y=F("weight").bitand(v)).order_by("pk")),
    _tag(
        "argument of When",
        _usual(Given("Q", lambda s: Q(pk=1)), Given("Q", lambda s: Q(pk=2))),
        lambda x, s, v: x.annotate(y=_flag(v)).order_by("pk"),
    ),
    _tag("When", NUMBERS, lambda x, s, v: x.annotate(y=_flag(Q(weight=v))).order_by("pk")),
    _tag("When in", KEYS, lambda x, s, v: x.annotate(y=_flag(Q(weight__in=v))).order_by("pk")),
    _tag("then", EXPRESSION, lambda x, s, v: x.annotate(y=Case(When(pk=1, then=v), default=Value(3))).order_by("pk")),
    _tag(
        "default", EXPRESSION, lambda x, s, v: x.annotate(y=Case(When(pk=1, then=Value(3)), default=v)).order_by("pk")
    ),
    _tag(
        "filter of an aggregate",
        NUMBERS,
        lambda x, s, v: x.annotate(y=Count("books", filter=Q(books__pages=v))).order_by("pk"),
    ),
    _tag(
        "default of an aggregate", NUMBERS, lambda x, s, v: x.annotate(y=Sum("books__pages", default=v)).order_by("pk")
    ),
    _tag(
        "argument of F", _usual("name", "weight"), lambda x, s, v: x.annotate(y=F(v)).order_by("pk"), takes_names=True
    ),
    _tag(
        "argument of Subquery",
        _usual(
            Given("rows", lambda s: s(Tag).filter(pk=1).values("name")),
            Given("rows", lambda s: s(Tag).filter(pk=9).values("name")),
        ),
        lambda x, s, v: x.annotate(y=Subquery(v)).order_by("pk"),
    ),
    _tag(
        "argument of OuterRef",
        _usual("pk", "pk"),
        lambda x, s, v: x.annotate(y=Exists(s(Book).filter(tags=OuterRef(v)))).order_by("pk"),
        takes_names=True,
    ),
    _tag(
        "partition of a window",
        _usual("weight", "name"),
        lambda x, s, v: x.annotate(y=Window(fn.RowNumber(), partition_by=v, order_by="pk")).order_by("pk"),
        takes_names=True,
    ),
    _tag(
        "order of a window",
        _usual("weight", "name"),
        lambda x, s, v: x.annotate(y=Window(fn.RowNumber(), order_by=v)).order_by("pk"),
    ),
    _tag("Lag", NUMBERS, lambda x, s, v: x.annotate(y=Window(fn.Lag("weight", v), order_by="pk")).order_by("pk")),
    _tag("Ntile", NUMBERS, lambda x, s, v: x.annotate(y=Window(fn.Ntile(v), order_by="pk")).order_by("pk")),
    _tag("parameter of RawSQL", NUMBERS, lambda x, s, v: x.annotate(y=RawSQL("%s", (v,))).order_by("pk")),
    _tag("parameters of RawSQL", _usual((1,), (2,)), lambda x, s, v: x.annotate(y=RawSQL("%s", v)).order_by("pk")),
    _tag(
        "argument of Func",
        _usual("name", "name"),
        lambda x, s, v: x.annotate(y=Func(v, function="LENGTH", output_field=IntegerField())).order_by("pk"),
    ),
    _tag("Cast", TEXTS, lambda x, s, v: x.annotate(y=fn.Cast(Value(v), CharField(max_length=5))).order_by("pk")),
    _book(
        "condition of a FilteredRelation",
        TEXTS,
        lambda x, s, v: (
            x.annotate(y=FilteredRelation("tags", condition=Q(tags__name=v))).filter(y__isnull=False).order_by("pk")
        ),
    ),
    _book(
        "relation of a FilteredRelation",
        _usual("tags", "tags"),
        lambda x, s, v: x.annotate(y=FilteredRelation(v)).filter(y__isnull=False).order_by("pk"),
        takes_names=True,
    ),
    _book(
        "zone of Trunc",
        _usual(datetime.UTC, datetime.UTC),
        lambda x, s, v: x.annotate(y=fn.TruncDay("released", tzinfo=v)).order_by("pk"),
    ),
    _book("kind of Trunc", _usual("day", "year"), lambda x, s, v: x.annotate(y=fn.Trunc("released", v)).order_by("pk")),
    _book("path in JSON", _usual("lang", "prints"), lambda x, s, v: x.annotate(y=F(f"metadata__{v}")).order_by("pk")),
    _tag(
        "array",
        _usual([1], [2, 3]),
        lambda x, s, v: x.annotate(y=Value(v, output_field=ArrayField(IntegerField()))).order_by("pk"),
        needs="postgresql",
    ),
]

# -- what makes the rows ----------------------------------------------------------------------------------------------

SHAPES = [
    _tag("values", _usual("name", "weight"), lambda x, s, v: x.order_by("pk").values(v), takes_names=True),
    _tag(
        "values, second", _usual("name", "weight"), lambda x, s, v: x.order_by("pk").values("pk", v), takes_names=True
    ),
    _tag("values of an expression", EXPRESSION, lambda x, s, v: x.order_by("pk").values("pk", y=v)),
    _tag(
        "values_list", _usual("name", "weight"), lambda x, s, v: x.order_by("pk").values_list("pk", v), takes_names=True
    ),
    _tag(
        "values_list, flat",
        _usual("name", "weight"),
        lambda x, s, v: x.order_by("pk").values_list(v, flat=True),
        takes_names=True,
    ),
    _tag(
        "values_list, named",
        _usual("name", "weight"),
        lambda x, s, v: x.order_by("pk").values_list("pk", v, named=True),
        takes_names=True,
    ),
    _tag("flat=", _usual(True, True), lambda x, s, v: x.order_by("pk").values_list("name", flat=v)),
    _tag("named=", _usual(True, True), lambda x, s, v: x.order_by("pk").values_list("name", named=v)),
    _tag("order_by", _usual("name", "weight"), lambda x, s, v: x.order_by(v, "pk"), takes_names=True),
    _tag("order_by, second", _usual("name", "-weight"), lambda x, s, v: x.order_by("weight", v, "pk")),
    _book("order_by over a relation", _usual("author", "category__parent"), lambda x, s, v: x.order_by(v, "pk")),
    _tag(
        "order by an expression",
        TEXTS,
        lambda x, s, v: x.order_by(fn.Concat("name", Value(v), output_field=CharField()).desc(), "pk"),
    ),
    _tag("only", _usual("name", "weight"), lambda x, s, v: x.order_by("pk").only(v), takes_names=True),
    _tag("defer", _usual("name", "weight"), lambda x, s, v: x.order_by("pk").defer(v), takes_names=True),
    _book(
        "only over a relation",
        _usual("author__name", "author__born"),
        lambda x, s, v: x.order_by("pk").select_related("author").only(v),
    ),
    _book(
        "select_related",
        _usual("author", "category"),
        lambda x, s, v: x.order_by("pk").select_related(v),
        takes_names=True,
    ),
    _book(
        "prefetch_related",
        _usual("tags", "notes"),
        lambda x, s, v: x.filter(pk__lt=5).order_by("pk").prefetch_related(v),
        takes_names=True,
    ),
    _book(
        "argument of Prefetch",
        _usual("tags", "tags"),
        lambda x, s, v: x.filter(pk__lt=5).order_by("pk").prefetch_related(Prefetch(v)),
        takes_names=True,
    ),
    _book(
        "query of a Prefetch",
        _usual(Given("tags", lambda s: s(Tag).order_by("pk")), Given("tags", lambda s: s(Tag).order_by("pk"))),
        lambda x, s, v: x.filter(pk__lt=5).order_by("pk").prefetch_related(Prefetch("tags", v)),
    ),
    _book(
        "value in a Prefetch",
        TEXTS,
        lambda x, s, v: (
            x.filter(pk__lt=9).order_by("pk").prefetch_related(Prefetch("tags", s(Tag).filter(name=v).order_by("pk")))
        ),
    ),
    _book(
        "to_attr",
        _usual("some", "others"),
        lambda x, s, v: (
            x.filter(pk__lt=5).order_by("pk").prefetch_related(Prefetch("tags", s(Tag).order_by("pk"), to_attr=v))
        ),
        takes_names=True,
    ),
    _tag("distinct", _usual("name", "weight"), lambda x, s, v: x.order_by(v).distinct(v), needs="postgresql"),
    _tag("argument of distinct", _usual("name", "weight"), lambda x, s, v: x.order_by().distinct(v)),
    _tag("slice, stop", _usual(2, 3), lambda x, s, v: x.order_by("pk")[:v]),
    _tag("slice, start", _usual(2, 3), lambda x, s, v: x.order_by("pk")[v:]),
    _tag("slice, both", _usual(2, 3), lambda x, s, v: x.order_by("pk")[v:v]),
    _tag("slice of a slice", _usual(2, 3), lambda x, s, v: x.order_by("pk")[1:8][:v]),
    _tag(
        "slice in a nested query",
        _usual(2, 3),
        lambda x, s, v: x.filter(pk__in=s(Tag).order_by("pk").values("pk")[:v]).order_by("pk"),
    ),
    _tag("index", _usual(2, 3), lambda x, s, v: (x.order_by("pk"), ending("[]", v))),
    _book("dates, field", _usual("published", "published"), lambda x, s, v: x.dates(v, "year"), takes_names=True),
    _book("dates, kind", _usual("year", "month"), lambda x, s, v: x.dates("published", v)),
    _book("dates, order", _usual("ASC", "DESC"), lambda x, s, v: x.dates("published", "year", v)),
    _book("datetimes, field", _usual("released", "released"), lambda x, s, v: x.datetimes(v, "day"), takes_names=True),
    _book("datetimes, kind", _usual("year", "hour"), lambda x, s, v: x.datetimes("released", v)),
    _book("datetimes, zone", _usual(datetime.UTC, None), lambda x, s, v: x.datetimes("released", "day", tzinfo=v)),
    _tag("extra, where", _usual("1=1", "id > 2"), lambda x, s, v: x.order_by("pk").extra(where=[v])),
    _tag("extra, params", NUMBERS, lambda x, s, v: x.order_by("pk").extra(where=["id > %s"], params=[v])),
    _tag("extra, select", _usual("1", "2"), lambda x, s, v: x.order_by("pk").extra(select={"y": v})),
    _tag(
        "extra, select_params", NUMBERS, lambda x, s, v: x.order_by("pk").extra(select={"y": "%s"}, select_params=[v])
    ),
    _tag(
        "extra, tables", _usual("shop_country", "shop_country"), lambda x, s, v: x.order_by("pk").extra(tables=[v])[:3]
    ),
    _tag("extra, order_by", _usual("name", "weight"), lambda x, s, v: x.extra(order_by=[v, "id"])),
    _tag(
        "union",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: x.filter(pk=2).union(v).order_by("id"),
    ),
    _tag(
        "union, all",
        _usual(True, True),
        lambda x, s, v: x.filter(pk=2).union(s(Tag).filter(pk=2), all=v).order_by("id"),
    ),
    _tag("value in a union", TEXTS, lambda x, s, v: x.filter(pk=2).union(s(Tag).filter(name=v)).order_by("id")),
    _tag(
        "intersection",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: x.intersection(v).order_by("id"),
    ),
    _tag(
        "difference",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: x.difference(v).order_by("id"),
    ),
    _tag(
        "&",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: (x & v).order_by("pk"),
    ),
    _tag(
        "|",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: (x.filter(pk=2) | v).order_by("pk"),
    ),
    _tag(
        "^",
        _usual(Given("rows", lambda s: s(Tag).filter(pk=1)), Given("rows", lambda s: s(Tag).filter(pk=9))),
        lambda x, s, v: (x.filter(pk=2) ^ v).order_by("pk"),
    ),
    _tag("value beside |", TEXTS, lambda x, s, v: (x.filter(pk=2) | s(Tag).filter(name=v)).order_by("pk")),
    _tag(
        "of",
        _usual("self", "self"),
        lambda x, s, v: (x.order_by("pk").select_for_update(of=(v,)), ending("afirst")),
        tables=(Tag,),
        takes_names=True,
    ),
    _tag(
        "raw, parameter",
        NUMBERS,
        lambda x, s, v: (x.raw("SELECT * FROM shop_tag WHERE id > %s ORDER BY id", [v]), ending("async for")),
    ),
    _tag(
        "raw, parameters",
        _usual([1], [2]),
        lambda x, s, v: (x.raw("SELECT * FROM shop_tag WHERE id > %s ORDER BY id", v), ending("async for")),
    ),
    _tag(
        "raw, translations",
        _usual({}, {"slug": "name"}),
        lambda x, s, v: (x.raw("SELECT * FROM shop_tag ORDER BY id", translations=v), ending("async for")),
    ),
]

# -- names as keywords ------------------------------------------------------------------------------------------------

KEYWORDS = [
    _tag("keyword of filter", _usual("weight", "pk"), lambda x, s, v: x.filter(**{v: 1}).order_by("pk")),
    _tag("keyword of exclude", _usual("weight", "pk"), lambda x, s, v: x.exclude(**{v: 1}).order_by("pk")),
    _tag("keyword of Q", _usual("weight", "pk"), lambda x, s, v: x.filter(Q(**{v: 1}) | Q(pk=2)).order_by("pk")),
    _tag("pair of Q", _usual("weight", "pk"), lambda x, s, v: x.filter(Q((v, 1))).order_by("pk")),
    _tag("lookup", _usual("exact", "gt"), lambda x, s, v: x.filter(**{f"weight__{v}": 1}).order_by("pk")),
    _tag("path", _usual("pages", "author"), lambda x, s, v: x.filter(**{f"books__{v}": 1}).order_by("pk")),
    _book("key in JSON", _usual("lang", "prints"), lambda x, s, v: x.filter(**{f"metadata__{v}": 1}).order_by("pk")),
    _tag("keyword of complex_filter", _usual("weight", "pk"), lambda x, s, v: x.complex_filter({v: 1}).order_by("pk")),
    _tag(
        "keyword of When",
        _usual("weight", "pk"),
        lambda x, s, v: x.annotate(y=Case(When(**{v: 1}, then=Value(1)))).order_by("pk"),
    ),
    _tag("keyword of annotate", _usual("y", "z"), lambda x, s, v: x.annotate(**{v: F("weight")}).order_by("pk")),
    _tag(
        "keyword of alias",
        _usual("y", "z"),
        lambda x, s, v: x.alias(**{v: F("weight")}).annotate(w=F(v)).order_by("pk"),
    ),
    _tag("keyword of values", _usual("y", "z"), lambda x, s, v: x.order_by("pk").values("name", **{v: F("weight")})),
    _tag("keyword of aget", _usual("pk", "id"), lambda x, s, v: (x, ending("aget", **{v: 1}))),
    _tag("keyword of aaggregate", _usual("y", "z"), lambda x, s, v: (x, ending("aaggregate", **{v: Max("weight")}))),
    _tag("key of extra", _usual("y", "z"), lambda x, s, v: x.extra(select={v: "1"}).order_by("pk")),
    _book(
        "annotation in a Prefetch",
        _usual("y", "z"),
        lambda x, s, v: (
            x.filter(pk__lt=5)
            .order_by("pk")
            .prefetch_related(Prefetch("tags", s(Tag).annotate(**{v: F("weight")}).order_by("pk")))
        ),
    ),
    _book(
        "keyword of a FilteredRelation",
        _usual("y", "z"),
        lambda x, s, v: x.filter(pk__lt=5).annotate(**{v: FilteredRelation("tags")}).order_by("pk"),
    ),
    _tag(
        "keyword of aupdate",
        _usual("weight", "weight"),
        lambda x, s, v: (x.filter(pk=1), ending("aupdate", **{v: 1})),
        tables=(Tag,),
    ),
    Place(
        "keyword of acreate",
        Country,
        _usual("name", "name"),
        lambda x, s, v: (x, ending("acreate", **{"code": "Q1", v: "Q2"})),
        (Country,),
    ),
    Place(
        "keyword of aget_or_create",
        Country,
        _usual("name", "name"),
        lambda x, s, v: (x, ending("aget_or_create", **{"code": "Q1", v: "Q2"})),
        (Country,),
    ),
    _tag(
        "key of defaults",
        _usual("weight", "weight"),
        lambda x, s, v: (x, ending("aupdate_or_create", {v: 1}, name="sea")),
        tables=(Tag,),
    ),
]

# -- endings ----------------------------------------------------------------------------------------------------------


ENDINGS = [
    _tag("aget", NUMBERS, lambda x, s, v: (x, ending("aget", pk=v))),
    _tag(
        "argument of aget",
        _usual(Given("Q", lambda s: Q(pk=1)), Given("Q", lambda s: Q(pk=2))),
        lambda x, s, v: (x, ending("aget", v)),
    ),
    _tag(
        "aaggregate",
        _usual(Given("Max", lambda s: Max("weight")), Given("Max", lambda s: Max("pk"))),
        lambda x, s, v: (x, ending("aaggregate", y=v)),
    ),
    _tag(
        "argument of aaggregate",
        _usual(Given("Max", lambda s: Max("weight")), Given("Max", lambda s: Max("pk"))),
        lambda x, s, v: (x, ending("aaggregate", v)),
    ),
    _tag(
        "value in an aggregate",
        NUMBERS,
        lambda x, s, v: (x, ending("aaggregate", y=Sum(F("weight") + v, filter=Q(pk__gt=v), default=v))),
    ),
    _tag("ain_bulk", _usual((1, 2), (3, 4)), lambda x, s, v: (x, ending("ain_bulk", v))),
    _tag(
        "ain_bulk of texts",
        _usual(("sea",), ("war", "love")),
        lambda x, s, v: (x, ending("ain_bulk", v, field_name="name")),
    ),
    _tag(
        "field of ain_bulk",
        _usual("name", "pk"),
        lambda x, s, v: (x, ending("ain_bulk", field_name=v)),
        takes_names=True,
    ),
    Place(
        "ain_bulk of composite keys",
        OrderLine,
        _usual(((uuid.UUID(int=5), 1),)),
        lambda x, s, v: (x, ending("ain_bulk", v)),
    ),
    _tag("aearliest", _usual("name", "weight"), lambda x, s, v: (x, ending("aearliest", v, "pk")), takes_names=True),
    _tag("alatest", _usual("name", "-weight"), lambda x, s, v: (x, ending("alatest", v, "pk")), takes_names=True),
    _tag(
        "acontains",
        _usual(Given("Tag", lambda s: Tag(pk=1)), Given("Tag", lambda s: Tag(pk=2))),
        lambda x, s, v: (x, ending("acontains", v)),
    ),
    _tag("aiterator", _usual(2, 3), lambda x, s, v: (x.order_by("pk"), ending("aiterator", v))),
    _tag("counted", NUMBERS, lambda x, s, v: (x.filter(weight__lte=v), ending("acount"))),
    _tag("exists", TEXTS, lambda x, s, v: (x.filter(name=v), ending("aexists"))),
    _tag("first", TEXTS, lambda x, s, v: (x.filter(name__lte=v), ending("afirst"))),
    _tag("last", TEXTS, lambda x, s, v: (x.filter(name__lte=v), ending("alast"))),
    _tag("streamed", TEXTS, lambda x, s, v: (x.filter(name__gt=v).order_by("pk"), ending("aiterator"))),
    _tag("counted slice", NUMBERS, lambda x, s, v: (x.order_by("pk")[:v], ending("acount"))),
]

WRITES = [
    _tag("aupdate of a number", NUMBERS, lambda x, s, v: (x.filter(pk=1), ending("aupdate", weight=v)), tables=(Tag,)),
    _tag("aupdate of a text", TEXTS, lambda x, s, v: (x.filter(pk=3), ending("aupdate", name=v)), tables=(Tag,)),
    _tag(
        "aupdate of a value",
        NUMBERS,
        lambda x, s, v: (x.filter(pk=1), ending("aupdate", weight=Value(v))),
        tables=(Tag,),
    ),
    _tag(
        "aupdate by arithmetic",
        NUMBERS,
        lambda x, s, v: (x.filter(pk=1), ending("aupdate", weight=F("weight") + v)),
        tables=(Tag,),
    ),
    _tag("aupdate where", NUMBERS, lambda x, s, v: (x.filter(pk=v), ending("aupdate", weight=5)), tables=(Tag,)),
    _tag("aupdate where in", KEYS, lambda x, s, v: (x.filter(pk__in=v), ending("aupdate", weight=5)), tables=(Tag,)),
    *[
        _book(
            f"aupdate of a {name}",
            _usual(*usual),
            partial(_updated, path),
            tables=(Book,),
        )
        for name, (model, path, usual) in _COLUMNS.items()
        if model is Book and "__" not in path
    ],
    _tag("adelete where", TEXTS, lambda x, s, v: (x.filter(name=v), ending("adelete")), tables=(Tag,)),
    _tag("adelete where not", TEXTS, lambda x, s, v: (x.exclude(name=v), ending("adelete")), tables=(Tag,)),
    Place(
        "acreate",
        Country,
        _usual("new", "newer"),
        lambda x, s, v: (x, ending("acreate", code="Q1", name=v)),
        (Country,),
    ),
    Place(
        "acreate of a number",
        Country,
        NUMBERS,
        lambda x, s, v: (x, ending("acreate", code="Q1", population=v)),
        (Country,),
    ),
    Place(
        "acreate with a key",
        Country,
        _usual("Q1", "Q2"),
        lambda x, s, v: (x, ending("acreate", name="new", pk=v)),
        (Country,),
    ),
    Place(
        "aget_or_create", Country, _usual("Q1", "DE"), lambda x, s, v: (x, ending("aget_or_create", code=v)), (Country,)
    ),
    Place(
        "defaults",
        Country,
        _usual({"name": "a"}, {"name": "b"}),
        lambda x, s, v: (x, ending("aget_or_create", v, code="Q1")),
        (Country,),
    ),
    _tag(
        "value of defaults",
        NUMBERS,
        lambda x, s, v: (x, ending("aupdate_or_create", {"weight": v}, name="sea")),
        tables=(Tag,),
    ),
    Place(
        "create_defaults",
        Country,
        _usual({"name": "a"}, {"name": "b"}),
        lambda x, s, v: (x, ending("aupdate_or_create", {}, v, code="Q1")),
        (Country,),
    ),
    Place(
        "abulk_create",
        Country,
        _usual(Given("countries", lambda s: [Country(code="Q1")])),
        lambda x, s, v: (x, ending("abulk_create", v)),
        (Country,),
    ),
    Place(
        "abulk_create of a value",
        Country,
        _usual("new", "newer"),
        lambda x, s, v: (x, ending("abulk_create", [Country(code="Q1", name=v)])),
        (Country,),
    ),
    Place(
        "batch_size",
        Country,
        _usual(1, 2),
        lambda x, s, v: (x, ending("abulk_create", [Country(code="Q1"), Country(code="Q2")], v)),
        (Country,),
    ),
    Place(
        "update_fields",
        Country,
        _usual(("name",), ("population",)),
        lambda x, s, v: (
            x,
            ending(
                "abulk_create",
                [Country(code="DE", name="x")],
                update_conflicts=True,
                update_fields=v,
                unique_fields=["code"],
            ),
        ),
        (Country,),
    ),
    Place(
        "unique_fields",
        Country,
        _usual(("code",), ("pk",)),
        lambda x, s, v: (
            x,
            ending(
                "abulk_create",
                [Country(code="DE", name="x")],
                update_conflicts=True,
                update_fields=["name"],
                unique_fields=v,
            ),
        ),
        (Country,),
    ),
    _tag(
        "abulk_update",
        _usual(
            Given("[Tag]", lambda s: [Tag(pk=1, name="classic", weight=3)]),
            Given("[Tag]", lambda s: [Tag(pk=2, name="space", weight=3)]),
        ),
        lambda x, s, v: (x, ending("abulk_update", v, ["weight"])),
        tables=(Tag,),
    ),
    _tag(
        "abulk_update of a value",
        NUMBERS,
        lambda x, s, v: (x, ending("abulk_update", [Tag(pk=1, weight=v)], ["weight"])),
        tables=(Tag,),
    ),
    _tag(
        "fields of abulk_update",
        _usual(["weight"], ["weight"]),
        lambda x, s, v: (x, ending("abulk_update", [Tag(pk=1, name="new", weight=3)], v)),
        tables=(Tag,),
    ),
]

READS = [*CONDITIONS, *EXPRESSIONS, *SHAPES, *ENDINGS]
PLACES = [*READS, *KEYWORDS, *WRITES]
