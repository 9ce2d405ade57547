"""Every class that slots may stand in passes parameters on untouched, on every database.

Each is compiled by Django around a node with a fragile parameter: code that looks at it, compares it or writes it into
a text fails. A class that is added to the lists of `slots/passing.py` fails here until it has an instance.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, TypeAlias

import pytest
from django.contrib.postgres.aggregates import ArrayAgg, BoolAnd, BoolOr
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connections
from django.db.models import (
    Avg,
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Count,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    Exists,
    ExpressionList,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    IntegerField,
    JSONField,
    Max,
    Min,
    OuterRef,
    Q,
    RowRange,
    StdDev,
    Subquery,
    Sum,
    TextField,
    TimeField,
    UUIDField,
    Value,
    Variance,
    When,
    Window,
    aggregates,
    expressions,
    lookups,
)
from django.db.models import functions as fn
from django.db.models.expressions import (
    Col,
    ColPairs,
    CombinedExpression,
    DurationExpression,
    Expression,
    Func,
    NegatedExpression,
    OrderBy,
    Ref,
    ResolvedOuterRef,
    Star,
    TemporalSubtraction,
)
from django.db.models.fields.related_lookups import (
    RelatedExact,
    RelatedGreaterThan,
    RelatedGreaterThanOrEqual,
    RelatedIn,
    RelatedLessThan,
    RelatedLessThanOrEqual,
)
from django.db.models.functions.text import ConcatPair
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.datastructures import BaseTable, Join
from django.db.models.sql.query import Query
from django.db.models.sql.subqueries import AggregateQuery, DeleteQuery, UpdateQuery
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from adj.compiler.slots.passing import _POSTGRES, PASSING, PASSING_LEFT, passes
from tests.shop.models import Author, Book


def _untouchable(*args: object, **kwargs: object) -> NoReturn:
    raise AssertionError("the parameter was looked at")


class Untouchable:
    """A parameter that may be carried, and nothing else."""

    def __eq__(self, other: object) -> bool:
        return True if self is other else _untouchable()

    # Django keeps parameters in sets, and compares those of one hash; a marker allows it.
    __hash__ = object.__hash__
    __getattribute__ = _untouchable
    name = ""
    for name in (
        *("__str__", "__repr__", "__format__", "__bytes__", "__bool__", "__len__", "__iter__", "__contains__"),
        *("__getitem__", "__int__", "__float__", "__index__", "__lt__", "__le__", "__gt__", "__ge__", "__reduce_ex__"),
        *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__mod__", "__rmod__", "__neg__"),
        *("__abs__", "__round__", "__call__", "__conform__", "__copy__", "__deepcopy__"),
    ):
        locals()[name] = _untouchable
    del name


PARAMETER = Untouchable()


class Held(Expression):
    """A node with the parameter, as a slot has it."""

    def __init__(self, field: Any = None) -> None:
        super().__init__(output_field=field or CharField())

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return "%s", (PARAMETER,)


def condition() -> Any:
    return lookups.Exact(Held(IntegerField()), Held(IntegerField()))


# -- one or more instances of each class -------------------------------------------------------------------------------

Make: TypeAlias = Callable[[], Any]


def text(kind: Any, count: int = 1, *, field: Any = None) -> list[Make]:
    """A function of so many texts, or of another type."""
    return [lambda: kind(*[Held(field) for _ in range(count)])]


def numbers(kind: Any, count: int = 1) -> list[Make]:
    return [*text(kind, count, field=IntegerField()), *text(kind, count, field=FloatField())]


def filled(make: Callable[..., Any]) -> list[Make]:
    """A function that checks its constants when it is made: they are exchanged."""

    def made() -> Any:
        node = make()
        node.set_source_expressions(
            [Held(IntegerField()) for part in node.get_source_expressions() if part is not None]
        )
        return node

    return [made]


def compared(kind: Any, *fields: Any) -> list[Make]:
    """A lookup of two expressions, and of one and a value."""
    pairs = [(field(), right) for field in fields for right in (Held(field()), OTHER_SIDE[field])]
    return [partial(of_sides, kind, field, right) for field, right in pairs]


def of_sides(kind: Any, field: Any, right: Any) -> Any:
    return kind(Held(field), right)


OTHER_SIDE: Mapping[Any, object] = {
    IntegerField: 3,
    CharField: "a",
    DateTimeField: datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
}


def related(kind: Any) -> list[Make]:
    author: Any = Book._meta.get_field("author")
    return [lambda: kind(Held(author), 3), lambda: kind(Held(author), Held(author))]


def aggregate(kind: Any, field: Any = IntegerField) -> list[Make]:
    return [
        lambda: kind(Held(field())),
        lambda: kind(Held(field()), filter=condition(), default=Held(field())),
        lambda: Window(kind(Held(field())), order_by=Held(), partition_by=[Held(), Held()]),
    ]


def rows() -> Any:
    return Author.objects.order_by().annotate(held=Held()).filter(condition()).values("held")


def all_rows() -> Any:
    """A query with the parameter in every clause."""
    grouped = Author.objects.annotate(held=Held()).values("held").annotate(n=Count("books", filter=condition()))
    return grouped.filter(condition(), n__gt=1).order_by(Held().desc()).query


def aggregated() -> Any:
    inner = rows().query
    inner.subquery = True
    outer = AggregateQuery(Author, inner)
    outer.add_annotation(Count("pk", filter=condition()), alias="n", select=True)
    return outer


def changed() -> Any:
    query: Any = Book.objects.filter(condition()).query.chain(UpdateQuery)
    query.add_update_fields([(Book._meta.get_field(name), None, Held()) for name in ("title", "subtitle")])
    return query


def joined() -> Any:
    held = FilteredRelation("books", condition=Q(condition(), books__title=Held()))
    return Author.objects.annotate(one=held).filter(one__title=Held()).query


def conditions() -> Any:
    return Book.objects.filter(Q(condition()) | ~Q(condition(), title=Held()), Q(title=Held()) ^ Q(condition())).query


def arithmetic(field: Any, sign: str) -> Any:
    return CombinedExpression(Held(field()), sign, Held(field()))


def cast(field: Any) -> Any:
    return fn.Cast(Held(), field)


def in_window(kind: Any) -> Any:
    return Window(kind(Held()), order_by=Held())


def with_offset(kind: Any) -> list[Make]:
    def made() -> Any:
        node = kind("title", 2)
        node.set_source_expressions([Held(), Held(IntegerField())])
        return Window(node, order_by=Held())

    def with_default() -> Any:
        return Window(kind(Held(), 2, default=Held()), order_by=Held())

    return [made, with_default] if kind in {fn.Lag, fn.Lead} else [made]


def ranked(kind: Any) -> list[Make]:
    return [lambda: Window(kind(), order_by=[Held(), Held().desc()], partition_by=Held())]


CASTS: tuple[Any, ...] = (
    *(CharField(max_length=9), TextField(), IntegerField(), BigIntegerField(), FloatField(), BooleanField()),
    *(DecimalField(max_digits=5, decimal_places=2), DateField(), DateTimeField(), TimeField(), DurationField()),
    *(UUIDField(), JSONField()),
)

NODES: dict[Any, list[Make]] = {
    # Queries and their tables.
    Query: [all_rows, lambda: rows().query],
    AggregateQuery: [aggregated],
    UpdateQuery: [changed],
    DeleteQuery: [lambda: Book.objects.filter(condition(), title=Held()).query.chain(DeleteQuery)],
    Join: [joined],
    FilteredRelation: [joined],
    # Conditions.
    WhereNode: [conditions],
    # Expressions.
    CombinedExpression: [
        partial(arithmetic, field, sign) for field in (IntegerField, FloatField, DecimalField) for sign in "+-*/"
    ],
    DurationExpression: [lambda: DurationExpression(Held(DateTimeField()), "+", Held(DurationField()))],
    TemporalSubtraction: [
        lambda: TemporalSubtraction(Held(DateTimeField()), Held(DateTimeField())),
        lambda: TemporalSubtraction(Held(DateField()), Held(DateField())),
        lambda: TemporalSubtraction(Held(TimeField()), Held(TimeField())),
    ],
    ExpressionWrapper: [
        lambda: ExpressionWrapper(Held(), output_field=TextField()),
        lambda: ExpressionWrapper(Q(condition()), output_field=BooleanField()),
    ],
    NegatedExpression: [lambda: NegatedExpression(ExpressionWrapper(condition(), output_field=BooleanField()))],
    ExpressionList: [lambda: ExpressionList(Held(), Held())],
    OrderBy: [
        lambda: OrderBy(Held()),
        lambda: OrderBy(Held(), descending=True, nulls_last=True),
        lambda: OrderBy(Held(), nulls_first=True),
        lambda: OrderBy(condition(), nulls_last=True),
    ],
    Case: [lambda: Case(When(condition(), then=Held()), When(Q(condition()), then=Held()), default=Held())],
    When: [lambda: When(condition(), then=Held())],
    # Django 6.1 takes the query in place of a plain one.
    Subquery: [lambda: Subquery(rows()[:1]), lambda: Subquery(rows(), template="(%(subquery)s )")],
    Exists: [lambda: Exists(rows()), lambda: ~Exists(rows())],
    Window: [
        lambda: Window(Max(Held()), partition_by=[Held(), Held()], order_by=[Held(), Held().desc()]),
        lambda: Window(Max(Held()), order_by=Held(), frame=RowRange(start=-1, end=0)),
        lambda: Window(Max(Held(FloatField())), order_by=Held()),
    ],
    Func: [lambda: Func(Held(), Held(), function="F"), lambda: Func(Held(), template="%(expressions)s", arity=1)],
    # Aggregates.
    Avg: [*aggregate(Avg), *aggregate(Avg, DurationField), *aggregate(Avg, FloatField), *aggregate(Avg, DecimalField)],
    Count: [lambda: Count(Held(), distinct=True), lambda: Count("pk", filter=condition())],
    Max: [*aggregate(Max), *aggregate(Max, DateTimeField)],
    Min: [*aggregate(Min), *aggregate(Min, DateTimeField)],
    StdDev: [*aggregate(StdDev), *aggregate(StdDev, FloatField)],
    Sum: [*aggregate(Sum), *aggregate(Sum, DurationField), *aggregate(Sum, DecimalField)],
    Variance: [*aggregate(Variance), *aggregate(Variance, FloatField)],
    # Functions.
    fn.Cast: [partial(cast, field) for field in CASTS],
    fn.Coalesce: [*text(fn.Coalesce, 3), *numbers(fn.Coalesce, 2)],
    fn.Greatest: [*text(fn.Greatest, 3), *numbers(fn.Greatest, 2)],
    fn.Least: [*text(fn.Least, 3), *numbers(fn.Least, 2)],
    fn.NullIf: text(fn.NullIf, 2),
    fn.Collate: [lambda: fn.Collate(Held(), "nocase")],
    fn.Concat: [*text(fn.Concat, 3), *text(fn.Concat, 2)],
    ConcatPair: [*text(ConcatPair, 2), lambda: ConcatPair(Held(), Held(IntegerField()), output_field=CharField())],
    fn.Left: [lambda: fn.Left(Held(), Held(IntegerField()))],
    fn.Right: [lambda: fn.Right(Held(), Held(IntegerField()))],
    fn.Substr: [
        lambda: fn.Substr(Held(), Held(IntegerField())),
        lambda: fn.Substr(Held(), Held(IntegerField()), Held(IntegerField())),
    ],
    fn.StrIndex: text(fn.StrIndex, 2),
    fn.Replace: text(fn.Replace, 3),
    fn.Repeat: [lambda: fn.Repeat(Held(), Held(IntegerField()))],
    fn.LPad: [lambda: fn.LPad(Held(), Held(IntegerField()), Held())],
    fn.RPad: [lambda: fn.RPad(Held(), Held(IntegerField()), Held())],
    **{kind: text(kind) for kind in (fn.Lower, fn.Upper, fn.Length, fn.Trim, fn.LTrim, fn.RTrim, fn.Reverse)},
    **{kind: numbers(kind) for kind in (fn.Abs, fn.Ceil, fn.Floor, fn.Sqrt, fn.Sign)},
    fn.Power: numbers(fn.Power, 2),
    fn.JSONObject: [
        lambda: fn.JSONObject(a=Held(), b=Held(IntegerField())),
        lambda: fn.JSONObject(a=Held(JSONField())),
    ],
    # Of windows.
    **{kind: ranked(kind) for kind in (fn.Rank, fn.DenseRank, fn.RowNumber)},
    **{kind: [partial(in_window, kind)] for kind in (fn.FirstValue, fn.LastValue)},
    **{kind: with_offset(kind) for kind in (fn.Lag, fn.Lead, fn.NthValue)},
    fn.Ntile: [lambda: Window(filled(lambda: fn.Ntile(4))[0](), order_by=Held())],
    # Lookups.
    **{
        kind: compared(kind, IntegerField, CharField, DateTimeField)
        for kind in (
            *(lookups.GreaterThan, lookups.GreaterThanOrEqual, lookups.LessThan),
            *(lookups.Exact, lookups.LessThanOrEqual),
        )
    },
    **{
        kind: compared(kind, IntegerField)
        for kind in (
            *(lookups.IntegerFieldExact, lookups.IntegerGreaterThan, lookups.IntegerGreaterThanOrEqual),
            *(lookups.IntegerLessThan, lookups.IntegerLessThanOrEqual),
        )
    },
    lookups.In: [
        lambda: lookups.In(Held(), ["a", "b"]),
        lambda: lookups.In(Held(), rows().query),
        lambda: lookups.In(Held(IntegerField()), [1, 2]),
    ],
    lookups.Range: [lambda: lookups.Range(Held(), ("a", "b")), lambda: lookups.Range(Held(IntegerField()), (1, 2))],
    lookups.IsNull: [lambda: lookups.IsNull(Held(), True), lambda: lookups.IsNull(Held(), False)],
    **{
        kind: related(kind)
        for kind in (
            *(RelatedExact, RelatedGreaterThan, RelatedGreaterThanOrEqual),
            *(RelatedLessThan, RelatedLessThanOrEqual),
        )
    },
    RelatedIn: [
        lambda: RelatedIn(Held(Book._meta.get_field("author")), [1, 2]),
        lambda: RelatedIn(Held(Book._meta.get_field("author")), rows().query),
    ],
    # Of these only the left-hand side is passed on.
    **{
        kind: [partial(of_sides, kind, CharField(), "a"), partial(of_sides, kind, TextField(), "a%_")]
        for kind in (
            *(lookups.IExact, lookups.Regex, lookups.IRegex, lookups.Contains, lookups.IContains),
            *(lookups.StartsWith, lookups.IStartsWith, lookups.EndsWith, lookups.IEndsWith),
        )
    },
}


def _in_some_versions() -> Iterator[tuple[Any, list[Make]]]:
    if hasattr(expressions, "OrderByList"):
        yield expressions.OrderByList, [lambda: expressions.OrderByList(Held(), Held().desc())]
    # As the checkers do not know it.
    module: Any = aggregates
    if hasattr(module, "AggregateFilter"):
        yield module.AggregateFilter, [lambda: Count(Held(), filter=condition())]
    if hasattr(module, "AggregateOrderBy"):
        yield module.AggregateOrderBy, [lambda: ArrayAgg(Held(), order_by=[Held(), Held().desc()])]


NODES.update(_in_some_versions())

POSTGRES_NODES: dict[Any, list[Make]] = {
    ArraySubquery: [lambda: ArraySubquery(rows())],
    ArrayAgg: [
        lambda: ArrayAgg(Held(), distinct=True, filter=condition()),
        lambda: ArrayAgg(Held(), order_by=[Held(), Held().desc()]),
    ],
    BoolAnd: aggregate(BoolAnd, BooleanField),
    BoolOr: aggregate(BoolOr, BooleanField),
}
ON_POSTGRESQL_ALONE = {getattr(aggregates, "AggregateOrderBy", None)}

WITHOUT_PARTS: Mapping[Any, str] = {
    BaseTable: "a name",
    Q: "becomes a WhereNode",
    NothingNode: "no rows",
    ExtraWhere: "text; with parameters it is not planned",
    F: "becomes what it names",
    OuterRef: "becomes what it names",
    ResolvedOuterRef: "becomes what it names",
    Ref: "a name",
    Col: "a name",
    ColPairs: "names",
    Star: "a sign",
    Value: "a slot itself",
}
"""Classes that no parameter of a part goes through, and what they are."""


def test_every_class_that_passes_has_an_instance() -> None:
    assert {*NODES, *WITHOUT_PARTS} == PASSING_LEFT
    assert PASSING < PASSING_LEFT
    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in POSTGRES_NODES} == _POSTGRES
    assert all(map(passes, POSTGRES_NODES))


def test_no_class_of_those_without_parts_has_some() -> None:
    """Their parameters, if any, are their own."""
    for kind in WITHOUT_PARTS:
        if issubclass(kind, Expression) and kind is not ColPairs:
            assert kind.get_source_expressions in {Expression.get_source_expressions, Ref.get_source_expressions}


@contextmanager
def compiled_classes() -> Iterator[set[type]]:
    """The classes of what Django compiles in the block."""
    seen: set[type] = set()
    compile_node = SQLCompiler.compile

    def noticed(compiler: Any, node: Any) -> Any:
        seen.add(type(node))
        return compile_node(compiler, node)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLCompiler, "compile", noticed)
        yield seen


def compiled(node: Any, alias: str) -> tuple[str, Sequence[object]]:
    """What Django makes of a node."""
    if isinstance(node, Query):
        sql, parameters = node.get_compiler(alias).as_sql()
        return sql, parameters
    query = Book.objects.order_by().query
    resolved = node.resolve_expression(query, allow_joins=True, reuse=None, summarize=False)
    sql, parameters = query.get_compiler(alias).compile(resolved)
    return sql, parameters


def check(kind: Any, makes: list[Make], alias: str) -> None:
    met = set()
    for make in makes:
        with compiled_classes() as seen:
            node = make()
            sql, parameters = compiled(node, alias)
        met |= seen | ({type(node)} if isinstance(node, Query) else set())
        # Nothing here may show a parameter, as pytest does of what is compared.
        held = [parameter for parameter in parameters if parameter is PARAMETER]
        counts = len(held), len(parameters), sql.replace("%%", "").count("%s")
        assert counts[0] > 0, sql
        assert counts[1] == counts[2], sql
    assert kind in met


@pytest.mark.parametrize("kind", [kind for kind in NODES if kind not in ON_POSTGRESQL_ALONE])
@pytest.mark.parametrize("alias", ["default", "postgres", "mariadb_shop"])
def test_a_class_passes_parameters_on(kind: Any, alias: str, request: pytest.FixtureRequest) -> None:
    if alias != "default":
        request.getfixturevalue(alias)
    connections[alias].ensure_connection()
    check(kind, NODES[kind], alias)


@pytest.mark.parametrize("kind", [*POSTGRES_NODES, *(kind for kind in NODES if kind in ON_POSTGRESQL_ALONE)])
def test_a_class_of_postgresql_passes_parameters_on(kind: Any, postgres: str) -> None:
    check(kind, POSTGRES_NODES.get(kind) or NODES[kind], postgres)


class Written(Func):
    """A function that writes its parameter into the text."""

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        _, (parameter,) = compiler.compile(self.source_expressions[0])
        return f"'{parameter}' || %s", (parameter,)


class Dropped(Func):
    """A function that loses its parameter."""

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return "'a'", ()


@pytest.mark.parametrize(
    "make", [lambda: lookups.IExact(Held(), Held()), lambda: Written(Held()), lambda: Dropped(Held())]
)
def test_the_test_notices_a_class_that_does_not(make: Make) -> None:
    node = make()
    with pytest.raises(AssertionError):
        check(type(node), [lambda: node], "default")
