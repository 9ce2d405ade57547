"""Queries of every kind, each a function of its values: called again, it gives the same structure with other values."""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    DateTimeField,
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
    OrderBy,
    OuterRef,
    Q,
    RowRange,
    Subquery,
    Sum,
    TextField,
    Value,
    ValueRange,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KT
from django.db.models.functions import (
    Abs,
    Cast,
    Chr,
    Coalesce,
    Collate,
    Concat,
    DenseRank,
    ExtractYear,
    FirstValue,
    Greatest,
    JSONObject,
    Lag,
    Least,
    Left,
    Length,
    Lower,
    LPad,
    Mod,
    Now,
    NthValue,
    Ntile,
    NullIf,
    Power,
    Rank,
    Repeat,
    Replace,
    Round,
    RowNumber,
    StrIndex,
    Substr,
    TruncDate,
    TruncMonth,
    TruncYear,
    Upper,
)
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IContains, In, IsNull

from adj import q as start
from tests.shop.fields import Money
from tests.shop.models import (
    Author,
    Book,
    Category,
    Country,
    Depot,
    Gadget,
    Item,
    Order,
    OrderLine,
    Publisher,
    Review,
    Tag,
)
from tests.unit.asking import AnyQuery

# Django's stubs know neither that a query is taken for a QuerySet nor the managers of relations.
q: Any = start


class Values:
    """Values of every type, none twice."""

    def __init__(self, start: int = 0) -> None:
        self.numbers = itertools.count(start + 1)

    def number(self) -> int:
        return next(self.numbers)

    def text(self) -> str:
        return f"text {next(self.numbers)}"

    def texts(self, count: int = 2) -> list[str]:
        return [self.text() for _ in range(count)]

    def real(self) -> float:
        return next(self.numbers) + 0.5

    def price(self) -> decimal.Decimal:
        return decimal.Decimal(next(self.numbers)) + decimal.Decimal("0.25")

    def date(self) -> datetime.date:
        return datetime.date(2000, 1, 1) + datetime.timedelta(days=next(self.numbers))

    def moment(self) -> datetime.datetime:
        return datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=next(self.numbers))

    def hour(self) -> datetime.time:
        return (datetime.datetime(2001, 1, 1) + datetime.timedelta(seconds=next(self.numbers))).time()  # noqa: DTZ001

    def span(self) -> datetime.timedelta:
        return datetime.timedelta(seconds=next(self.numbers))

    def reference(self) -> uuid.UUID:
        return uuid.UUID(int=next(self.numbers))

    def blob(self) -> bytes:
        return f"blob {next(self.numbers)}".encode()

    def document(self) -> dict[str, Any]:
        return {"number": next(self.numbers), "list": [next(self.numbers)]}


Build: TypeAlias = Callable[[Values], AnyQuery]


class Spelled(Func):
    """A function of the project's own."""

    function = "PRINTF"
    output_field: Any = TextField()


def _long(v: Values) -> Any:
    return q(Author).filter(name__startswith=v.text())


LOOKUPS: Mapping[str, Build] = {
    "integer": lambda v: q(Book).filter(pages=v.number()),
    "integer comparison": lambda v: q(Book).filter(pages__gt=v.number(), weight__lte=v.number()),
    "several lookups": lambda v: q(Book).filter(title=v.text(), pages=v.number(), author__name=v.text()),
    "keywords unsorted": lambda v: q(Book).filter(
        title=v.text(), isbn=v.text(), format__in=v.texts(), pages=v.number()
    ),
    "text lookups": lambda v: q(Book).filter(
        title__contains=v.text(), title__iexact=v.text(), title__endswith=v.text(), subtitle__regex=v.text()
    ),
    "float": lambda v: q(Book).filter(rating__gte=v.real()),
    "decimal": lambda v: q(Book).filter(price__lt=v.price()),
    "date": lambda v: q(Book).filter(published=v.date()),
    "date parts": lambda v: q(Book).filter(published__year=v.number(), published__month__gt=v.number()),
    "moment": lambda v: q(Book).filter(released__gt=v.moment()),
    "moment parts": lambda v: q(Book).filter(released__date=v.date(), released__hour=v.number()),
    "time": lambda v: q(Book).filter(reading_hour__lt=v.hour()),
    "duration": lambda v: q(Book).filter(reading_time=v.span()),
    "uuid": lambda v: q(Book).filter(reference=v.reference()),
    "blob": lambda v: q(Book).filter(cover=v.blob()),
    "own field": lambda v: q(Book).filter(cost__gt=Money(v.number())),
    "json": lambda v: q(Book).filter(metadata=v.document()),
    "json list": lambda v: q(Book).filter(metadata=[v.number(), v.number()]),
    "json key": lambda v: q(Book).filter(metadata__prints=v.number(), metadata__loc__shelf=v.text()),
    "json key text": lambda v: q(Book).filter(metadata__lang__icontains=v.text()),
    "json has key": lambda v: q(Book).filter(metadata__has_key=v.text()),
    "json has keys": lambda v: q(Book).filter(metadata__has_any_keys=v.texts()),
    "in": lambda v: q(Book).filter(pages__in=[v.number(), v.number(), v.number()]),
    "in set": lambda v: q(Book).filter(title__in=set(v.texts())),
    "in tuple": lambda v: q(Book).filter(title__in=tuple(v.texts())),
    "in with None": lambda v: q(Book).exclude(weight__in=[v.number(), None]),
    "range": lambda v: q(Book).filter(pages__range=(v.number(), v.number())),
    "isnull": lambda v: q(Book).filter(rating__isnull=True, pages=v.number()),
    "None": lambda v: q(Book).filter(rating=None, pages=v.number()),
    "booleans": lambda v: q(Book).filter(is_available=True, is_translated=False, pages=v.number()),
    "transform": lambda v: q(Book).filter(published__iso_year__gt=v.number(), released__week=v.number()),
    "bilateral transform": lambda v: q(Book).filter(title__folded=v.text()),
    "bilateral transform in": lambda v: q(Book).filter(title__folded__in=v.texts()),
    "own lookup": lambda v: q(Book).filter(title__ne=v.text(), title__matches=v.text()),
    "own transform": lambda v: q(Book).filter(weight__abs__gte=v.number()),
    "relation key": lambda v: q(Book).filter(author=v.number(), editor_id=v.number()),
    "relation instance": lambda v: q(Book).filter(author=Author(pk=v.number())),
    "relation in": lambda v: q(Book).filter(author__in=[Author(pk=v.number()), v.number()]),
    "relation to text key": lambda v: q(Publisher).filter(country=v.text()),
    "relation to other field": lambda v: q(Depot).filter(publisher=v.text()),
    "to many": lambda v: q(Book).filter(tags__name=v.text()).filter(tags__name=v.text()),
    "exclude to many": lambda v: q(Author).exclude(books__title=v.text(), books__pages=v.number()),
    "composite key": lambda v: q(OrderLine).filter(pk=(v.reference(), v.number())),
    "composite keys": lambda v: q(OrderLine).filter(pk__in=[(v.reference(), v.number()), (v.reference(), v.number())]),
    "uuid key": lambda v: q(Order).filter(pk__in=[v.reference(), v.reference()]),
    "generic relation": lambda v: q(Book).filter(notes__text=v.text()),
    "inheritance": lambda v: q(Gadget).filter(name=v.text(), voltage=v.number()),
    "child of a parent": lambda v: q(Item).filter(gadget__voltage=v.number()),
    "Q": lambda v: q(Book).filter(Q(title=v.text()) | Q(pages=v.number()) & ~Q(isbn=v.text())),
    "Q xor": lambda v: q(Book).filter(Q(title=v.text()) ^ Q(pages=v.number())),
    "Q deep": lambda v: q(Book).filter(~(Q(Q(title=v.text()), Q(pages=v.number()) | ~Q(tags__name=v.text())))),
    "Q and keywords": lambda v: q(Book).filter(Q(title=v.text()), pages=v.number()).exclude(Q(isbn=v.text())),
    "complex filter": lambda v: q(Book).complex_filter({"title": v.text(), "pages": v.number()}),
    "complex filter Q": lambda v: q(Book).complex_filter(Q(title=v.text()) | Q(pages=v.number())),
    "same field twice": lambda v: q(Book).filter(Q(pages=v.number()) | Q(pages=v.number())),
}

EXPRESSIONS: Mapping[str, Build] = {
    "F": lambda v: q(Book).filter(pages__gt=F("weight"), title=v.text()),
    "F arithmetic": lambda v: q(Book).filter(pages__gt=F("weight") * v.number() + v.number()),
    "F power and modulo": lambda v: q(Book).annotate(n=F("pages") ** v.number() % v.number()),
    "F bits": lambda v: q(Book).annotate(n=F("pages").bitand(v.number()).bitor(v.number())),
    "F slice": lambda v: q(Book).annotate(n=F("title")[0:3]).filter(n=v.text()),
    "reflected arithmetic": lambda v: q(Book).annotate(n=v.number() - F("pages"), m=v.real() / F("pages")),
    "negative": lambda v: q(Book).annotate(n=-F("pages") + v.number()),
    "dates and spans": lambda v: q(Book).annotate(
        later=ExpressionWrapper(F("released") + v.span(), output_field=DateTimeField())
    ),
    "difference of moments": lambda v: q(Book).annotate(
        age=ExpressionWrapper(Value(v.moment()) - F("released"), output_field=DurationField())
    ),
    "Value": lambda v: q(Book).annotate(note=Value(v.text()), amount=Value(v.price()), other=Value(v.text())),
    "Value with field": lambda v: q(Book).annotate(note=Value(v.text(), output_field=CharField(max_length=9))),
    "Value of JSON": lambda v: q(Book).annotate(note=Value(v.document(), output_field=JSONField())),
    "Value None and bool": lambda v: q(Book).annotate(
        a=Value(None, output_field=TextField()), b=Value(True), c=Value(v.text())
    ),
    "Case": lambda v: q(Book).annotate(
        size=Case(
            When(pages__lt=v.number(), then=Value(v.text())),
            When(Q(pages__gt=v.number()) | Q(title=v.text()), then=Value(v.text())),
            default=Value(v.text()),
        )
    ),
    "Case of fields": lambda v: q(Book).annotate(n=Case(When(title=v.text(), then="pages"), default=F("pages"))),
    "Case in filter": lambda v: q(Book).filter(
        title=Case(When(pages=v.number(), then=Value(v.text())), default="isbn")
    ),
    "Case in order": lambda v: q(Book).order_by(Case(When(title=v.text(), then=0), default=1), "pk"),
    "When of an expression": lambda v: q(Book).annotate(
        n=Case(When(GreaterThan(F("title"), v.text()), then=Value(v.text())), default=None)
    ),
    "Func": lambda v: q(Book).annotate(
        n=Func(F("title"), Value(v.text()), function="INSTR", output_field=IntegerField())
    ),
    "Func with template": lambda v: (
        q(Book)
        .annotate(n=Func(F("pages"), template="ABS(%(expressions)s)", output_field=IntegerField()))
        .filter(n__gt=v.number())
    ),
    "Coalesce": lambda v: q(Book).annotate(n=Coalesce("subtitle", "title", Value(v.text()))),
    "Concat": lambda v: q(Book).annotate(n=Concat("title", Value(v.text()), "isbn", Value(v.text()))),
    "text functions": lambda v: q(Book).annotate(
        a=Replace("title", Value(v.text()), Value(v.text())), b=StrIndex("title", Value(v.text())), c=Lower("title")
    ),
    "text functions with numbers": lambda v: q(Book).annotate(
        a=Substr("title", 1, 3), b=Left("title", 4), c=LPad("title", 9, Value(v.text())), d=Repeat("title", 2)
    ),
    "Greatest and Least": lambda v: q(Book).annotate(
        a=Greatest("rating", Value(v.real())), b=Least("rating", Value(v.real()))
    ),
    "NullIf": lambda v: q(Book).annotate(a=NullIf("title", Value(v.text()))),
    "numbers": lambda v: (
        q(Book)
        .annotate(a=Round("rating", 2), b=Abs("weight"), c=Power("pages", 2), d=Mod("pages", 7))
        .filter(c__gt=v.number())
    ),
    "Chr": lambda v: q(Book).filter(title__startswith=Chr(Value(65)), isbn=v.text()),
    "Cast": lambda v: q(Book).annotate(a=Cast("pages", CharField(max_length=9)), b=Cast(Value(v.text()), TextField())),
    "Collate": lambda v: q(Book).annotate(a=Collate("title", "nocase")).filter(a=v.text()),
    "Trunc and Extract": lambda v: (
        q(Book).annotate(a=TruncMonth("released"), b=ExtractYear("published")).filter(b=v.number())
    ),
    "TruncDate": lambda v: q(Book).annotate(a=TruncDate("released")).filter(a=v.date()),
    "Now": lambda v: q(Book).filter(released__lt=Now(), pages=v.number()),
    "JSONObject": lambda v: q(Book).annotate(a=JSONObject(title="title", note=Value(v.text()))),
    "KT": lambda v: q(Book).annotate(a=KT("metadata__lang")).filter(a=v.text()),
    "ExpressionWrapper": lambda v: q(Book).annotate(
        a=ExpressionWrapper(Q(pages__gt=v.number()), output_field=BooleanField())
    ),
    "Q as annotation": lambda v: q(Book).alias(a=Q(pages__gt=v.number())).filter(a=True),
    "Lookup as annotation": lambda v: q(Book).annotate(a=GreaterThan(F("title"), v.text())),
    "Lookups as conditions": lambda v: q(Book).filter(
        GreaterThanOrEqual(F("price"), v.price()), IContains(F("title"), v.text()), IsNull(F("rating"), False)
    ),
    "Lookup of a function": lambda v: q(Book).filter(Exact(Lower(F("title")), v.text()) | Q(title=v.text())),
    "In as condition": lambda v: q(Book).filter(In(F("pages"), [v.number(), v.number()])),
    "aggregates": lambda v: q(Author).annotate(
        n=Count("books", filter=Q(books__pages__gt=v.number())),
        s=Sum("books__pages", default=0),
        a=Avg("books__rating", filter=Q(books__title=v.text()) | Q(books__isbn=v.text())),
        m=Max("books__published"),
    ),
    "having": lambda v: q(Author).annotate(n=Count("books")).filter(n__gt=v.number(), name=v.text()),
    "group by expression": lambda v: (
        q(Book)
        .annotate(size=Case(When(pages__lt=v.number(), then=Value(v.text())), default=Value(v.text())))
        .values("size")
        .annotate(n=Count("pk"))
        .order_by("size")
    ),
    "group by arithmetic": lambda v: q(Book).values(size=F("pages") % v.number()).annotate(n=Count("pk")),
    "group by two alike": lambda v: (
        q(Book).values(a=Concat("title", Value(v.text())), b=Concat("title", Value(v.text()))).annotate(n=Count("pk"))
    ),
    "count distinct": lambda v: q(Author).alias(n=Count("books__tags", distinct=True)).filter(n=v.number()),
    "Window": lambda v: q(Book).annotate(
        a=Window(Rank(), partition_by=["author"], order_by=F("pages").desc()),
        b=Window(Sum("pages"), order_by="pk", frame=RowRange(start=-2, end=0)),
        c=Window(Lag("title", offset=2, default=Value(v.text())), order_by="pk"),
    ),
    "Window filtered": lambda v: q(Book).annotate(a=Window(RowNumber(), order_by="pk")).filter(a__lte=v.number()),
    "Window of an expression": lambda v: q(Book).annotate(
        a=Window(Sum(F("pages") + v.number()), partition_by=[F("author"), Length("title") + v.number()])
    ),
    "more Windows": lambda v: q(Book).annotate(
        a=Window(Ntile(4), order_by="pk"),
        b=Window(NthValue("title", 2), order_by="pk"),
        c=Window(DenseRank(), order_by=["pages", F("title").asc()]),
        d=Window(FirstValue(Value(v.text())), order_by="pk", frame=ValueRange(start=None, end=0)),
    ),
    "order by expressions": lambda v: q(Book).order_by(
        F("rating").desc(nulls_last=True), OrderBy(Lower("title")), Coalesce("subtitle", Value(v.text())).asc()
    ),
    "random order": lambda v: q(Book).order_by("?").filter(pages=v.number()),
    "RawSQL": lambda v: q(Book).annotate(a=RawSQL("pages + 1", ())).filter(a=v.number()),
    "FilteredRelation": lambda v: (
        q(Author)
        .annotate(long=FilteredRelation("books", condition=Q(books__pages__gt=v.number(), books__title=v.text())))
        .filter(long__isbn=v.text())
    ),
    "FilteredRelation twice": lambda v: (
        q(Author)
        .annotate(
            a=FilteredRelation("books", condition=Q(books__pages__gt=v.number())),
            b=FilteredRelation("books", condition=Q(books__pages__lt=v.number())),
        )
        .filter(a__title=F("b__title"))
    ),
    "values with expressions": lambda v: q(Book).values("title", x=Concat("isbn", Value(v.text())), y=Upper("title")),
    "values_list with expressions": lambda v: q(Book).values_list("title", Concat("isbn", Value(v.text()))),
    "shared expression": lambda v: _shared(Value(v.text()), Value(v.text())),
    "shared number": lambda v: _shared_number(Value(v.number())),
}

NESTED: Mapping[str, Build] = {
    "in AsyncQuery": lambda v: q(Book).filter(author__in=_long(v), title=v.text()),
    "in AsyncQuery values": lambda v: q(Book).filter(pages__in=q(Tag).filter(name=v.text()).values("weight")),
    "in AsyncQuery sliced": lambda v: q(Book).filter(author__in=_long(v).order_by("pk")[1:4], title=v.text()),
    "in QuerySet": lambda v: q(Book).filter(author__in=Author.objects.filter(name=v.text()), title=v.text()),
    "in QuerySet values": lambda v: q(Book).filter(
        title=v.text(), pages__in=Tag.objects.exclude(name=v.text()).filter(weight__gt=v.number()).values_list("weight")
    ),
    "in QuerySet with expressions": lambda v: q(Book).filter(
        author__in=Author.objects.annotate(n=Count("books", filter=Q(books__pages=v.number())))
        .filter(n=v.number())
        .values("pk")
    ),
    "in QuerySet in lists": lambda v: q(Book).filter(
        author__in=Author.objects.filter(name__in=v.texts(3), books__pages__range=(v.number(), v.number()))
    ),
    "nested twice": lambda v: q(Book).filter(
        author__in=q(Author).filter(publisher__in=q(Publisher).filter(name=v.text()), name=v.text()), isbn=v.text()
    ),
    "Exists AsyncQuery": lambda v: q(Author).filter(
        Exists(q(Book).filter(author=OuterRef("pk"), pages__gt=v.number())), name=v.text()
    ),
    "not Exists QuerySet": lambda v: q(Author).filter(
        ~Exists(Book.objects.filter(author=OuterRef("pk"), pages__gt=v.number()).exclude(title=v.text())), name=v.text()
    ),
    "Exists as annotation": lambda v: q(Author).annotate(
        x=Exists(Book.objects.filter(author=OuterRef("pk"), title=v.text()))
    ),
    "Subquery": lambda v: (
        q(Author)
        .annotate(
            x=Subquery(
                Book.objects.filter(author=OuterRef("pk"), pages__gt=v.number()).order_by("pk").values("title")[:1]
            )
        )
        .filter(x=v.text())
    ),
    "Subquery of AsyncQuery": lambda v: q(Author).annotate(
        x=Subquery(q(Book).filter(author=OuterRef("pk"), pages__gt=v.number()).order_by("pk").values("title")[:1])
    ),
    "AsyncQuery as annotation": lambda v: q(Author).annotate(
        x=q(Book).filter(author=OuterRef("pk"), isbn=v.text()).values("title")[:1]
    ),
    "OuterRef of an expression": lambda v: q(Author).filter(
        Exists(Book.objects.filter(author=OuterRef("pk"), pages__gt=OuterRef("pk") + v.number()))
    ),
    "Subquery in Case": lambda v: q(Author).annotate(
        x=Case(When(Exists(Book.objects.filter(author=OuterRef("pk"), title=v.text())), then=Value(v.text())))
    ),
    "QuerySet base": lambda v: q(Book.objects.filter(title=v.text(), pages__gt=v.number())).filter(isbn=v.text()),
    "QuerySet base with expressions": lambda v: q(
        Book.objects.annotate(n=F("pages") + v.number(), m=Concat("title", Value(v.text())))
    ).filter(n__gt=v.number()),
    "related manager": lambda v: q(_instance(Author, v).books).filter(title=v.text()),
    "many to many manager": lambda v: q(_instance(Tag, v).books).filter(title=v.text()),
    "hidden rows": lambda v: q(Review).filter(stars=v.number()),
    "union": lambda v: (
        q(Book).filter(title=v.text()).union(q(Book).filter(pages=v.number()), q(Book).filter(isbn=v.text()))
    ),
    "union of QuerySets": lambda v: (
        q(Book).filter(title=v.text()).values("pk").union(Tag.objects.filter(name=v.text()).values("pk"), all=True)
    ),
    "intersection": lambda v: q(Book).filter(title=v.text()).intersection(q(Book).filter(pages=v.number())),
    "difference": lambda v: (
        q(Book).filter(title=v.text()).difference(q(Book).filter(pages=v.number())).order_by("title")
    ),
    "and": lambda v: q(Book).filter(title=v.text()) & q(Book).filter(pages=v.number()),
    "or": lambda v: q(Book).filter(title=v.text()) | q(Book).filter(pages=v.number()),
    "xor": lambda v: q(Book).filter(title=v.text()) ^ Book.objects.filter(pages=v.number()),
}

SHAPES: Mapping[str, Build] = {
    "slice": lambda v: q(Book).filter(title=v.text())[3:9],
    "slice from the start": lambda v: q(Book).filter(title=v.text())[:9],
    "slice to the end": lambda v: q(Book).filter(title=v.text())[9:],
    "select_related": lambda v: q(Book).select_related("author__publisher", "editor").filter(author__name=v.text()),
    "only": lambda v: q(Book).only("title", "author").filter(pages=v.number()),
    "defer": lambda v: q(Book).defer("metadata").filter(pages=v.number()),
    "order, reverse, distinct": lambda v: (
        q(Book).filter(tags__name=v.text()).order_by("-rating", "author__name").reverse().distinct()
    ),
    "values": lambda v: q(Book).values("title", "author__name").filter(pages=v.number()),
    "flat": lambda v: q(Book).values_list("title", flat=True).filter(pages=v.number()),
    "named": lambda v: q(Book).values_list("title", "pk", named=True).filter(pages=v.number()),
    "dates": lambda v: q(Book).filter(title=v.text()).dates("published", "year", "DESC"),
    "datetimes": lambda v: q(Book).filter(title=v.text()).datetimes("released", "hour"),
    "TruncYear as condition": lambda v: (
        q(Book).annotate(y=TruncYear("released", tzinfo=datetime.UTC)).filter(y=v.moment())
    ),
    "extra": lambda v: q(Book).extra(select={"x": "pages + 1"}, where=["pages > 3"]).filter(title=v.text()),
    "none": lambda v: q(Book).filter(title=v.text()).none(),
    "alias": lambda v: q(Book).alias(n=Length("title") + v.number()).filter(n__gt=v.number()).order_by("n"),
    "using": lambda v: q(Book).using("default").filter(title=v.text()),
    "tree": lambda v: q(Category).filter(parent__parent__name=v.text()),
    "cast of output": lambda v: q(Country).annotate(n=Cast(F("population"), FloatField()) / v.real()),
    "minimum over a join": lambda v: q(Publisher).annotate(m=Min("books__price")).filter(m__lt=v.price()),
    "number of a When": lambda v: q(Book).filter(
        pages__gt=Case(When(title=v.text(), then=v.number()), default=v.number())
    ),
    "number of a lookup": lambda v: q(Book).filter(GreaterThanOrEqual(F("pages"), v.number())),
    "number of a Value": lambda v: q(Book).annotate(n=Value(v.number())),
    "number met before": lambda v: _number_met_before(Value(v.number())),
}

# Expressions may look at integers inside them, and at their own arguments: these decide the SQL.
CONSTANTS: Mapping[str, Build] = {
    "own Func": lambda v: q(Book).annotate(n=Spelled(Value(v.text()), F("pages"))),
    "default of an aggregate": lambda v: q(Author).annotate(n=Sum("books__pages", default=v.real())),
    "arguments of functions": lambda v: q(Book).annotate(a=Substr("title", v.number()), b=Round("rating", v.number())),
    "frame of a Window": lambda v: q(Book).annotate(
        a=Window(Sum("pages"), order_by="pk", frame=RowRange(start=-v.number(), end=v.number()))
    ),
    "slice of a base": lambda v: q(Book.objects.order_by("pk")[v.number() : v.number() + 9]),
    "slice of an operand": lambda v: q(Book).filter(author__in=q(Author).order_by("pk")[: v.number()]),
    "extra": lambda v: q(Book).extra(where=[f"pages > {v.number()}"]),
    "JSON key": lambda v: q(Book).filter(**{f"metadata__{v.number()}": "x"}),
}

CORPUS: Mapping[str, Build] = {**LOOKUPS, **EXPRESSIONS, **NESTED, **SHAPES}


def _shared(text: Value, number: Value) -> Any:
    """One object at several places."""
    same = Concat("title", text)
    return q(Book).annotate(a=same, b=same, c=Upper(number), d=number).filter(title=same)


def _shared_number(number: Value) -> Any:
    return q(Book).annotate(b=F("pages") + number, c=F("weight") * number, d=number)


def _instance(model: Any, v: Values) -> Any:
    return model(pk=v.number())


def _number_met_before(number: Value) -> Any:
    return q(Book).annotate(a=number, b=F("pages") + number)
