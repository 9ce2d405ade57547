"""Structure and values: the two walks mirror each other, and a key says everything that decides the SQL."""

from __future__ import annotations

import datetime
import enum
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import EmptyResultSet
from django.db.models import (
    Avg,
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    ForeignObject,
    Func,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    RowRange,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.expressions import CombinedExpression, RawSQL
from django.db.models.functions import Cast, Concat, Length, Lower, Rank, TruncDay, TruncYear, Upper
from django.db.models.lookups import Exact, GreaterThan, LessThan
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from adj import InvalidOperand, pure, q
from adj.compiler.django.build import build_with_slots
from adj.compiler.plans.plan_key import _models_are_local
from adj.compiler.plans.prepared import KnownResult
from adj.compiler.slots.slots import Recording
from adj.query.async_query import query_of
from adj.statement.statement import ROWS
from adj.statement.structure import Unkeyed, equality_pattern
from tests.shop.models import Author, Bestseller, Book, Category, Publisher, Review, Tag
from tests.unit.asking import AnyQuery, dialect, django_sql_of, key_of, prepared, ready, sql_of, structure_of
from tests.unit.corpus import CONSTANTS, CORPUS, Build, Values

CASES = [pytest.param(build, id=name) for name, build in CORPUS.items()]


def slotted(query: AnyQuery) -> Recording:
    """What was noted while a query was built with slots."""
    structure = structure_of(query)
    recording = Recording(structure.values)
    with dialect().installed():
        queryset, _ = build_with_slots(query.statement, ROWS, structure, recording)
        with suppress(EmptyResultSet):
            # The expressions of ORDER BY are resolved only now.
            queryset.query.get_compiler("default").as_sql()
    return recording


# -- the two walks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", CASES)
def test_as_many_slots_are_handed_out_as_values_were_described(build: Build) -> None:
    # build_with_slots raises Uncacheable for a slot too many or too few.
    query = build(Values())
    recording = slotted(query)
    assert recording.objection is None
    assert recording.values == structure_of(query).values


@pytest.mark.parametrize("build", CASES)
def test_each_slot_gets_its_own_value(build: Build) -> None:
    query = build(Values())
    recording = slotted(query)
    for cell in recording.cells:
        assert is_parent_part(cell.prepared, recording.values[cell.slot])
    assert {cell.slot for cell in recording.cells} == set(range(len(recording.values)))


def is_parent_part(prepared: Any, value: Any) -> bool:
    """Whether Django prepared a value to what is in a cell; the values of the corpus are all different."""
    if hasattr(value, "_meta"):
        return bool(prepared == value.pk)
    if isinstance(value, (set, tuple, list)):
        return len(prepared) == len(value) and all(map(is_parent_part, prepared, value))
    return prepared == value or str(prepared) == str(value) or prepared == getattr(value, "cents", None)


@pytest.mark.parametrize("build", CASES)
def test_a_plan_gives_djangos_sql_and_parameters_cold_and_from_the_cache(build: Build, empty_plan_cache: None) -> None:
    for start in (0, 1_000, 2_000):
        query = build(Values(start))
        assert sql_of(query) == django_sql_of(query)
    found = prepared(build(Values(3_000)))
    assert isinstance(found, KnownResult) or found.was_cached


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CONSTANTS.items()])
def test_constants_of_expressions_are_part_of_the_key(build: Build, empty_plan_cache: None) -> None:
    queries = [build(Values(start)) for start in (0, 1_000, 0, 2_000)]
    assert [sql_of(query) for query in queries] == [django_sql_of(query) for query in queries]
    assert key_of(queries[0]) == key_of(queries[2]) != key_of(queries[1])
    assert prepared(build(Values())).was_cached


@pytest.mark.parametrize("build", CASES)
def test_other_values_have_the_same_key(build: Build) -> None:
    one, other = build(Values()), build(Values(1_000))
    assert key_of(one) == key_of(other)
    assert hash(key_of(one)) == hash(key_of(other))
    assert len(structure_of(one).values) == len(structure_of(other).values)


@pytest.mark.parametrize("build", CASES)
def test_a_query_that_has_been_compiled_is_described_as_before(build: Build) -> None:
    query = build(Values())
    sql_of(query)
    sql_of(query)
    again = query_of(query.statement)
    assert key_of(query) == key_of(build(Values()))
    # Such as the output field of a Subquery, which Django 6.1 keeps on the user's own object.
    assert key_of(again) == key_of(query)
    assert structure_of(again).values == structure_of(query).values


def test_queries_of_one_key_have_the_same_sql() -> None:
    queries = {name: build(Values()) for name, build in CORPUS.items()}
    by_key: dict[Any, list[str]] = {}
    for name, query in queries.items():
        by_key.setdefault(key_of(query), []).append(name)
    for names in by_key.values():
        for one, other in itertools.combinations(names, 2):
            assert django_sql_of(queries[one])[0] == django_sql_of(queries[other])[0], (one, other)


# -- pairs whose SQL differs -------------------------------------------------------------------------------------------


class Spelt(Value):
    """A constant whose SQL depends on an attribute."""

    def __init__(self, value: object, function: str) -> None:
        super().__init__(value, output_field=CharField())
        self.function = function

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        sql, parameters = super().as_sql(compiler, connection)
        return f"{self.function}({sql})", parameters


@pure
class Named(F):
    """A reference that becomes a function of what it names."""

    def __init__(self, name: str, function: str) -> None:
        super().__init__(name)
        self.function = function

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        resolved: Any = super().resolve_expression(*args, **kwargs)
        return Func(resolved, function=self.function, output_field=CharField())


class Shifted(CombinedExpression):
    """Arithmetic with a suffix."""

    def __init__(self, lhs: Any, connector: str, rhs: Any, suffix: str) -> None:
        super().__init__(lhs, connector, rhs)
        self.suffix = suffix

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, parameters = super().as_sql(compiler, connection)
        return f"({sql} {self.suffix})", parameters


def written(constant: object) -> Func:
    """A function with a constant in its text."""
    template = "%(function)s(%(expressions)s) || '%(constant)s'"
    return Func("title", function="LENGTH", template=template, constant=constant, output_field=CharField())


BOOKS_OF = Book.objects.filter(author=OuterRef("pk"))
PAIRS: list[tuple[Any, Any]] = [
    (q(Book), q(Author)),
    (q(Book), q(Bestseller)),
    (q(Book).filter(pages=1), q(Book).filter(weight=1)),
    (q(Book).filter(pages=1), q(Book).exclude(pages=1)),
    (q(Book).filter(pages=1), q(Book).filter(pages__gt=1)),
    (q(Book).filter(pages=1), q(Book).filter(pages=None)),
    (q(Book).filter(is_available=True), q(Book).filter(is_available=False)),
    (q(Book).filter(pages__isnull=True), q(Book).filter(pages__isnull=False)),
    (q(Book).filter(metadata__a__in=[1]), q(Book).filter(metadata__a__in=[1, 2])),
    (q(Book).filter(pages__in=[1]), q(Book).filter(pages__in=[])),
    (q(Book).exclude(weight__in=[1, 2]), q(Book).exclude(weight__in=[1, None])),
    (q(Book).filter(pages=F("weight")), q(Book).filter(pages=F("copies_sold"))),
    (q(Book).filter(pages=F("weight")), q(Book).filter(pages=1)),
    (q(Book).filter(pages=F("weight") + 1), q(Book).filter(pages=F("weight") - 1)),
    (q(Book).filter(pages=F("weight") + 1), q(Book).filter(pages=F("weight") + F("pages"))),
    (q(Book).filter(Q(pages=1) | Q(weight=1)), q(Book).filter(Q(pages=1) & Q(weight=1))),
    (q(Book).filter(Q(pages=1) | Q(weight=1)), q(Book).filter(Q(pages=1) ^ Q(weight=1))),
    (q(Book).filter(Q(pages=1)), q(Book).filter(~Q(pages=1))),
    (q(Book).filter(Q(pages=1) | Q(pages=2)), q(Book).filter(Q(pages=1) | Q(pages=1))),
    (q(Book).filter(tags__name="a", tags__weight=1), q(Book).filter(tags__name="a").filter(tags__weight=1)),
    (q(Book).filter(metadata__a="x"), q(Book).filter(metadata__b="x")),
    (q(Book).filter(metadata__has_keys=["a"]), q(Book).filter(metadata__has_keys=["a", "b"])),
    (q(Book).order_by("title"), q(Book).order_by("-title")),
    (q(Book).order_by("title"), q(Book).order_by("title").reverse()),
    (q(Book).order_by("title", "pk"), q(Book).order_by("pk", "title")),
    (q(Book).order_by(F("rating").desc()), q(Book).order_by(F("rating").desc(nulls_last=True))),
    (q(Book), q(Book).distinct()),
    (q(Book), q(Book)[1:]),
    (q(Book)[1:], q(Book)[:1]),
    (q(Book)[1:], q(Book)[1:2]),
    (q(Book)[:2], q(Book)[2:2]),
    (q(Book), q(Book).none()),
    (q(Book).values("title"), q(Book).values("isbn")),
    (q(Book).values("title", "isbn"), q(Book).values("isbn", "title")),
    (q(Book).values("title"), q(Book).values("author__name")),
    (q(Book).only("title"), q(Book).defer("title")),
    (q(Book), q(Book).select_related("author")),
    (q(Book).select_related("author"), q(Book).select_related("editor")),
    (q(Book).annotate(a=Lower("title")), q(Book).annotate(b=Lower("title"))),
    (q(Book).annotate(a=Lower("title")), q(Book).annotate(a=Upper("title"))),
    (q(Book).annotate(a=Lower("title")), q(Book).alias(a=Lower("title"))),
    (q(Book).annotate(a=Lower("title"), b=Length("title")), q(Book).annotate(b=Length("title"), a=Lower("title"))),
    (q(Book).annotate(a=Cast("pages", TextField())), q(Book).annotate(a=Cast("pages", CharField(max_length=3)))),
    (
        q(Book).annotate(a=Cast("title", CharField(max_length=3))),
        q(Book).annotate(a=Cast("title", CharField(max_length=4))),
    ),
    (
        q(Book).annotate(a=Case(When(pages=1, then=Value("x")), default=Value("y"))),
        q(Book).annotate(a=Case(When(pages=1, then=Value("x")), When(pages=2, then=Value("x")), default=Value("y"))),
    ),
    (
        q(Book).annotate(a=Func("pages", function="ABS", output_field=IntegerField())),
        q(Book).annotate(a=Func("pages", function="SIGN", output_field=IntegerField())),
    ),
    (
        q(Author).annotate(a=Count("books")),
        q(Author).annotate(a=Count("books", distinct=True)),
    ),
    (q(Author).annotate(a=Count("books")), q(Author).annotate(a=Count("books", filter=Q(books__pages=1)))),
    (q(Author).annotate(a=Min("books__pages")), q(Author).annotate(a=Max("books__pages"))),
    (q(Author).annotate(a=Sum("books__pages")), q(Author).annotate(a=Sum("books__pages", default=0))),
    (
        q(Book).annotate(a=Window(Rank(), order_by="pk")),
        q(Book).annotate(a=Window(Rank(), order_by="-pk")),
    ),
    (
        q(Book).annotate(a=Window(Avg("pages"), partition_by="author")),
        q(Book).annotate(a=Window(Avg("pages"), partition_by="editor")),
    ),
    (
        q(Book).annotate(a=Window(Sum("pages"), order_by="pk", frame=RowRange(start=-1, end=0))),
        q(Book).annotate(a=Window(Sum("pages"), order_by="pk", frame=RowRange(start=-2, end=0))),
    ),
    (
        q(Book).annotate(a=Concat("title", Value("x"))).values("a").annotate(n=Count("pk")).order_by(Value("x")),
        q(Book).annotate(a=Concat("title", Value("x"))).values("a").annotate(n=Count("pk")).order_by("a"),
    ),
    (q(Book).annotate(a=RawSQL("1", ())), q(Book).annotate(a=RawSQL("2", ()))),
    (q(Book).annotate(a=F("title")[:3]), q(Book).annotate(a=F("title")[2:6])),
    (q(Book).annotate(a=F("title")[1]), q(Book).annotate(a=F("title")[1:])),
    (q(Book).annotate(a=Spelt("x", "UPPER")), q(Book).annotate(a=Spelt("x", "LOWER"))),
    (q(Book).annotate(a=Named("title", "UPPER")), q(Book).annotate(a=Named("title", "LOWER"))),
    (
        q(Book).annotate(a=Shifted(F("pages"), "+", F("weight"), "+ 1")),
        q(Book).annotate(a=Shifted(F("pages"), "+", F("weight"), "+ 2")),
    ),
    (q(Book).annotate(a=written(Decimal("1.0"))), q(Book).annotate(a=written(Decimal("1.00")))),
    (q(Book).annotate(a=written(0.0)), q(Book).annotate(a=written(-0.0))),
    (q(Book).annotate(a=Value(True)), q(Book).annotate(a=Value(None, output_field=TextField()))),
    (q(Book).annotate(a=GreaterThan(F("pages"), 1)), q(Book).annotate(a=LessThan(F("pages"), 1))),
    (q(Book).filter(author__in=q(Author)), q(Book).filter(author__in=q(Author)[:3])),
    (q(Book).filter(author__in=q(Author)[:2]), q(Book).filter(author__in=q(Author)[:3])),
    (q(Book).filter(author__in=q(Author)), q(Book).filter(author__in=Author.objects.filter(name="x"))),
    (q(Book).filter(pages__in=q(Tag).values("pk")), q(Book).filter(pages__in=q(Category).values("pk"))),
    (
        q(Book).filter(pages__in=Tag.objects.values("pk")),
        q(Book).filter(pages__in=Category.objects.order_by().values("pk")),
    ),
    (q(Author).filter(Exists(BOOKS_OF)), q(Author).filter(~Exists(BOOKS_OF))),
    (q(Author).filter(Exists(BOOKS_OF)), q(Author).filter(Exists(BOOKS_OF.filter(pages=1)))),
    (
        q(Author).filter(Exists(Book.objects.filter(author=OuterRef("pk")))),
        q(Author).filter(Exists(Book.objects.filter(editor=OuterRef("pk")))),
    ),
    (
        q(Author).annotate(a=Subquery(BOOKS_OF.values("title")[:1])),
        q(Author).annotate(a=Subquery(BOOKS_OF.values("title")[1:2])),
    ),
    (
        q(Author).annotate(a=FilteredRelation("books", condition=Q(books__pages=1))).filter(a__title="x"),
        q(Author).annotate(a=FilteredRelation("books", condition=Q(books__pages__gt=1))).filter(a__title="x"),
    ),
    (q(Book).values("pk").union(q(Tag).values("pk")), q(Book).values("pk").union(q(Tag).values("pk"), all=True)),
    (q(Book).values("pk").union(q(Tag).values("pk")), q(Book).values("pk").union(q(Publisher).values("pk"))),
    (q(Book).values("pk").intersection(q(Tag).values("pk")), q(Book).values("pk").difference(q(Tag).values("pk"))),
    (q(Book).filter(pages=1) & q(Book).filter(weight=1), q(Book).filter(pages=1) | q(Book).filter(weight=1)),
    (q(Book.objects.filter(pages=1)), q(Book.objects.exclude(pages=1))),
    (q(Book.objects.all()[:3]), q(Book.objects.all()[:4])),
    (q(Book.objects.order_by("pk")), q(Book.objects.order_by("title"))),
    (q(Review.objects), q(Review.everything)),
    (q(Book).dates("published", "year"), q(Book).dates("published", "month")),
    (q(Book).dates("published", "year"), q(Book).dates("published", "year", order="DESC")),
    (q(Book).datetimes("released", "hour"), q(Book).datetimes("released", "hour", tzinfo=datetime.UTC)),
    (
        q(Book).annotate(a=TruncYear("released", tzinfo=datetime.UTC)),
        q(Book).annotate(a=TruncYear("released", tzinfo=ZoneInfo("Asia/Tokyo"))),
    ),
    (q(Book).annotate(a=TruncYear("released")), q(Book).annotate(a=TruncDay("released"))),
    (q(Book).extra(where=["pages > 1"]), q(Book).extra(where=["pages > 2"])),
    (q(Book).extra(select={"a": "pages"}), q(Book).extra(select={"b": "pages"})),
    (q(Book).extra(tables=["shop_tag"]), q(Book)),
    (q(Book).extra(order_by=["-pages"]), q(Book).extra(order_by=["pages"])),
    (
        q(Book).annotate(a=ExpressionWrapper(F("pages") / 2, output_field=IntegerField())).filter(a=1),
        q(Book).annotate(a=ExpressionWrapper(F("pages") / 2, output_field=TextField())).filter(a=1),
    ),
    (
        q(Book).annotate(a=Value(2.5, output_field=BigIntegerField())).filter(a=2**70),
        q(Book).annotate(a=Value(2.5, output_field=TextField())).filter(a=2**70),
    ),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_queries_whose_sql_differs_have_different_keys(one: AnyQuery, other: AnyQuery, empty_plan_cache: None) -> None:
    assert django_sql_of(one) != django_sql_of(other)
    assert key_of(one) != key_of(other) or differs_by_equality(one, other)
    assert [sql_of(one), sql_of(other), sql_of(one)] == [django_sql_of(one), django_sql_of(other), django_sql_of(one)]


def differs_by_equality(one: AnyQuery, other: AnyQuery) -> bool:
    """Whether the two differ by which of their values are equal, which a plan guards."""
    values, others = structure_of(one).values, structure_of(other).values
    return len(values) == len(others) > 1 and (values[0] == values[1]) != (others[0] == others[1])


# -- values whose equality is structure --------------------------------------------------------------------------------


def test_the_pattern_of_equality_names_the_first_of_its_like() -> None:
    values = ["a", "b", "a", "c", "b"]
    assert equality_pattern(values, [0, 1, 2, 3, 4]) == (0, 1, 0, 3, 1)
    assert equality_pattern(values, [4, 1]) == (0, 0)
    assert equality_pattern(values, [2, 3]) == (0, 1)


def test_the_pattern_of_fewer_than_two_values_is_empty() -> None:
    assert equality_pattern(["a"], [0]) == equality_pattern(["a", "a"], []) == ()


def test_the_pattern_takes_for_equal_what_djangos_expressions_do() -> None:
    assert equality_pattern([1, True, 1.0, 1], [0, 1, 2, 3]) == (0, 0, 0, 0)
    assert equality_pattern([[1], (1,), [2]], [0, 1, 2]) == (0, 0, 2)
    assert equality_pattern(["1", b"1", 1], [0, 1, 2]) == (0, 1, 2)


def test_a_value_that_does_not_equal_itself_is_its_own_like() -> None:
    nan = float("nan")
    assert equality_pattern([nan, 1.5, nan, float("nan")], [0, 1, 2, 3]) == (0, 1, 0, 3)


def test_an_unsaved_instance_has_no_hash_and_is_compared_all_the_same() -> None:
    author = Author()
    assert equality_pattern([author, Author(), author], [0, 1, 2]) == (0, 1, 0)


def test_the_pattern_takes_values_that_have_no_hash() -> None:
    assert equality_pattern([["a"], ["a"], {"b": 1}], [0, 1, 2]) == (0, 0, 2)


def test_equal_constants_have_a_plan_of_their_own(empty_plan_cache: None) -> None:
    """GROUP BY and ORDER BY merge expressions that are equal, so that equal constants are other SQL."""

    def grouped(one: str, other: str) -> AnyQuery:
        counted = q(Book).values(a=Concat("title", Value(one)), b=Concat("title", Value(other)))
        return counted.annotate(n=Count("pk")).order_by(Concat("title", Value(other)))

    for one, other in [("x", "y"), ("x", "x"), ("v", "w"), ("w", "w")]:
        query = grouped(one, other)
        assert sql_of(query) == django_sql_of(query)
    assert prepared(grouped("q", "r")).was_cached
    assert prepared(grouped("q", "q")).was_cached


def case(pages: object) -> Case:
    return Case(When(pages=pages, then=Value("x")), default=Value("y"))


MERGED: list[Any] = [
    pytest.param(lambda one, other: q(Book).annotate(a=case(one)).order_by(case(other)), id="ordered"),
    pytest.param(lambda one, other: q(Book).values(a=case(one), b=case(other)).annotate(n=Count("pk")), id="grouped"),
    pytest.param(
        lambda one, other: q(Book).values(a=case(one)).annotate(n=Count("pk")).order_by(case(other)), id="both"
    ),
    pytest.param(lambda one, other: q(Book).annotate(a=F("pages") + one).order_by(F("pages") + other), id="arithmetic"),
    pytest.param(
        lambda one, other: q(Book).values_list(case(one)).order_by(case(other)).distinct(), id="distinct and ordered"
    ),
    pytest.param(
        lambda one, other: (
            q(Book)
            .annotate(a=ExpressionWrapper(Q(pages__in=[one]), output_field=IntegerField()))
            .order_by(ExpressionWrapper(Q(pages__in=[other]), output_field=IntegerField()))
        ),
        id="lists",
    ),
    pytest.param(
        lambda one, other: (
            q(Book)
            .annotate(a=Window(Sum(case(one), output_field=IntegerField()), order_by="pk"))
            .order_by(Window(Sum(case(other), output_field=IntegerField()), order_by="pk"))
        ),
        id="windows",
    ),
    pytest.param(
        lambda one, other: (
            q(Author)
            .annotate(
                a=FilteredRelation("books", condition=Q(books__pages=one)),
                b=FilteredRelation("books", condition=Q(books__pages=other)),
            )
            .filter(a__title="x", b__title="y")
        ),
        id="joins",
    ),
]


@pytest.mark.parametrize("ask", MERGED)
@pytest.mark.parametrize("values", [[(3, 3), (3, 4), (4, 4), (5, 6)], [(5, 6), (4, 4), (3, 4), (3, 3.0), (3, 4.0)]])
def test_expressions_that_are_equal_by_their_operands_merge_as_in_django(
    ask: Callable[[Any, Any], AnyQuery], values: list[Any], empty_plan_cache: None
) -> None:
    for one, other in values:
        assert sql_of(ask(one, other)) == django_sql_of(ask(one, other))
    assert prepared(ask(7, 8)).was_cached
    assert prepared(ask(7, 7)).was_cached


# -- what has no key ---------------------------------------------------------------------------------------------------


class Opaque:
    """An object that Django takes for an expression and adj does not know."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return Value("x")


class Resolved(F):
    """A reference that decides about its SQL while the query is built."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return super().resolve_expression(*args, **kwargs)


def _sliced_twice() -> AnyQuery:
    return q(Book)[1:9][2:3]


UNKEYED: list[tuple[Callable[[], AnyQuery], str]] = [
    (lambda: q(Book).extra(where=["pages > %s"], params=[3]), "extra() with parameters"),
    (lambda: q(Book).extra(select={"x": "%s"}, select_params=["a"]), "extra() with parameters"),
    (lambda: q(Book.objects.extra(where=["pages > %s"], params=[3])), "extra() with parameters"),
    (lambda: q(Book).annotate(a=RawSQL("%s", ["x"])), "RawSQL with parameters"),
    (lambda: q(Book).filter(pages__in=[F("weight"), 3]), "a list of values and expressions"),
    (lambda: q(Book).annotate(a=Resolved("title")), "Resolved decides about its SQL while the query is built"),
    (lambda: q(Book).filter(title=Opaque()), "Opaque has no structure that adj knows"),
    (_sliced_twice, "a slice of a slice"),
    (lambda: q(Book).filter(author__in=q(Author).extra(where=["1 = %s"], params=[1])), "extra() with parameters"),
]


@pytest.mark.parametrize(("ask", "reason"), UNKEYED)
def test_what_has_no_key_says_why_and_runs_all_the_same(ask: Callable[[], AnyQuery], reason: str) -> None:
    query = ask()
    assert isinstance(query.structure, Unkeyed)
    assert query.structure.reason == reason
    assert sql_of(query) == django_sql_of(query)
    assert not prepared(query).was_cached


def test_a_clause_after_one_without_a_key_leaves_the_reason() -> None:
    query = q(Book).annotate(a=RawSQL("%s", ["x"])).filter(pages=1).order_by("title")
    assert isinstance(query.structure, Unkeyed)
    assert query.structure.reason == "RawSQL with parameters"


# -- details of keys ---------------------------------------------------------------------------------------------------


def test_a_list_a_tuple_and_a_set_of_one_length_share_a_key() -> None:
    keys = {
        key_of(q(Book).filter(pages__in=items)) for items in ([1, 2], (3, 4), {5, 6}, range(2), {7: 1, 8: 2}.keys())
    }
    assert len(keys) == 1


def test_values_of_several_types_have_their_own_keys_and_parameters(empty_plan_cache: None) -> None:
    class Pages(enum.IntEnum):
        MANY = 900

    values = [5, "6", 7.0, Pages.MANY, "8"]
    queries = [q(Book).filter(pages=value) for value in values]
    assert len({key_of(query) for query in queries}) == 4
    assert [sql_of(query) for query in queries] == [django_sql_of(query) for query in queries]


def test_prefetching_changes_no_key() -> None:
    assert key_of(q(Book).prefetch_related("tags", Prefetch("author"))) == key_of(q(Book))


def test_a_mapping_that_is_no_dict_is_a_condition_like_any_other() -> None:
    query = q(Book).complex_filter(MappingProxyType({"pages": 3}))
    assert structure_of(query).values == (3,)
    assert key_of(query) == key_of(q(Book).complex_filter({"pages": 4}))


@pytest.mark.parametrize(
    "query",
    [
        q(Book).filter(released__date=datetime.date(2020, 1, 1)),
        q(Book).filter(released__year__gt=2020),
        q(Book).annotate(a=TruncDay("released")),
        q(Book).dates("published", "year"),
        q(Book).datetimes("released", "day"),
        q(Book).filter(author__in=q(Author).filter(created__hour=3)),
        q(Book).order_by("released__month"),
        q(Book).values("released__minute"),
        q(Book).filter(("released__date", datetime.date(2020, 1, 1))),
    ],
)
def test_sql_that_depends_on_the_time_zone_has_a_plan_per_zone(query: AnyQuery, empty_plan_cache: None) -> None:
    assert structure_of(query).is_local
    answers = []
    for zone in ("Asia/Tokyo", "America/New_York", "Asia/Tokyo"):
        with timezone.override(zone):
            answers.append(sql_of(query))
            assert answers[-1] == django_sql_of(query)
    assert answers[0] == answers[2]


@pytest.mark.parametrize("query", [q(Book).filter(pages=3, released__gt=timezone.now()), q(Book).order_by("title")])
def test_other_sql_has_one_plan_for_all_zones(query: AnyQuery, empty_plan_cache: None) -> None:
    assert not structure_of(query).is_local
    with timezone.override("Asia/Tokyo"):
        assert not prepared(query).was_cached
    with timezone.override("America/New_York"):
        assert prepared(query).was_cached


@pytest.mark.parametrize("ordering", [["-released__date"], [TruncDay("released")], [F("released__hour").desc()]])
def test_a_models_own_order_has_a_plan_per_zone(
    ordering: list[Any], monkeypatch: pytest.MonkeyPatch, empty_plan_cache: None
) -> None:
    monkeypatch.setattr(Book._meta, "ordering", ordering)
    _models_are_local.cache_clear()
    try:
        for zone in ("Asia/Tokyo", "America/New_York", "Asia/Tokyo"):
            with timezone.override(zone):
                assert sql_of(q(Book)) == django_sql_of(q(Book))
    finally:
        _models_are_local.cache_clear()


class InLanguage(ForeignObject):  # type: ignore[type-arg]  # generic for checkers only
    """A relation to the rows of the current language, as projects with translations have it."""

    def get_extra_restriction(self, alias: str, related_alias: str) -> Any:
        del related_alias
        name: Any = self.related_model._meta.get_field("name")
        return Exact(name.get_col(alias), translation.get_language())


def test_a_relation_with_a_condition_of_its_own_has_a_plan_per_language(
    monkeypatch: pytest.MonkeyPatch, empty_plan_cache: None
) -> None:
    query = q(Book).filter(editor__pen_name="Currer Bell")
    monkeypatch.setattr(Book._meta.get_field("editor"), "__class__", InLanguage)
    _models_are_local.cache_clear()
    try:
        for language in ("de", "fr", "de"):
            with translation.override(language):
                assert sql_of(query) == django_sql_of(query)
                assert language in sql_of(query)[1]
    finally:
        _models_are_local.cache_clear()


def test_a_pair_is_a_condition_like_any_other(empty_plan_cache: None) -> None:
    pair: Any = ("pages__in", [1, 2])
    assert sql_of(q(Book).filter(pair)) == sql_of(q(Book).filter(pages__in=[1, 2]))
    assert sql_of(q(Book).exclude(pair, title="x")) == django_sql_of(q(Book).exclude(pair, title="x"))
    with pytest.raises(InvalidOperand, match="pages"):
        q(Book).filter(("pages", "many"))


def test_none_among_members_that_are_in_no_list_is_structure(empty_plan_cache: None) -> None:
    for members in ([None, 250], [250, 250], [None, None], [250]):
        query = q(Book).exclude(weight__in=deque(members))
        assert sql_of(query) == django_sql_of(query)


class Marked(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that migrations take for Django's."""

    def from_db_value(self, value: Any, expression: object, connection: object) -> str:
        return f"<{value}>"

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def test_a_field_that_passes_itself_off_as_another_has_a_key_of_its_own() -> None:
    plain: Any = CharField()
    marked: Any = Marked()
    one, other = (q(Book).annotate(a=ExpressionWrapper(F("title"), field)) for field in (plain, marked))
    assert key_of(one) != key_of(other)


def test_lazy_text_is_a_value(empty_plan_cache: None) -> None:
    query = q(Book).filter(title=gettext_lazy("Emma"))
    assert sql_of(query) == sql_of(q(Book).filter(title="Emma"))
    assert key_of(query) == key_of(q(Book).filter(title=gettext_lazy("Persuasion")))


def test_a_condition_that_changes_after_it_was_written_changes_nothing(empty_plan_cache: None) -> None:
    def count_books(condition: Q) -> AnyQuery:
        return q(Author).annotate(count=Count("books", filter=condition))

    def nest(counted: AnyQuery) -> AnyQuery:
        return q(Author).filter(pk__in=counted.values("count"))

    condition = Q(books__pages__gt=100)
    changed, nested = count_books(condition), nest(count_books(condition))
    condition.children[0] = ("books__title", "Emma")
    unchanged = count_books(Q(books__pages__gt=100))
    for query, as_written in ((changed, unchanged), (nested, nest(unchanged))):
        assert sql_of(query) == django_sql_of(as_written)
    assert ready(unchanged).was_cached


def test_a_value_that_changes_after_it_was_written_leaves_no_plan(empty_plan_cache: None) -> None:
    words = Value("long")
    query = q(Book).annotate(word=words)
    words.value = 7
    assert sql_of(query) == django_sql_of(query)
    assert not ready(q(Book).annotate(word=Value("short"))).was_cached
