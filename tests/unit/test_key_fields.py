"""A guard by field: what a clause, an ending, a statement or a base carries is in the key of a plan, or says why not.

Every field is found by introspection, so that a new one fails here until the table has it.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from django.db.models import Count, F, Max, Prefetch, Q, QuerySet, Value
from django.db.models.query import NamedValuesListIterable, ValuesListIterable
from django.db.models.sql.query import Query

from adj import q
from adj.compiler.django.dialect import dialect_for
from adj.compiler.django.object_rows import IntoRows
from adj.compiler.django.routing import alias_of
from adj.compiler.keys.key_visitor import structure_of, structure_of_statement
from adj.compiler.keys.nodes import computed_names
from adj.compiler.plans.plan_key import key_of, structure_with_terminal_call
from adj.compiler.relations.relation import relation_of
from adj.query.async_query import query_of
from adj.statement import clauses as ask
from adj.statement.clauses import CLAUSES, Clause
from adj.statement.key_chain import linked
from adj.statement.shapes import WRITES, Answer
from adj.statement.statement import ROWS, ProjectCode, Statement, TerminalCall
from adj.statement.structure import Key, Structure, Unkeyed
from tests.shop.models import Author, Book, Tag
from tests.shop.row_classes import AuthorLength, AuthorName, BookWithDetail
from tests.unit.asking import AnyQuery, django_sql_of, sql_of


@dataclass(frozen=True)
class InKey:
    """Two values of a field that need two plans."""

    one: Any
    other: Any


@dataclass(frozen=True)
class IsValue:
    """Two values of a field that fill one plan."""

    one: Any
    other: Any
    reason: str


@dataclass(frozen=True)
class NotInSQL:
    """Two values of a field that make no difference to the statement that is sent."""

    one: Any
    other: Any
    reason: str


@dataclass(frozen=True)
class HasNoKey:
    """A value of a field with which a statement is compiled at every run."""

    value: Any
    reason: str


Flip: TypeAlias = InKey | IsValue | NotInSQL | HasNoKey
Flips: TypeAlias = Mapping[str, list[Flip]]


def keyed(statement: Statement, finish: TerminalCall = ROWS) -> Structure | Unkeyed:
    return structure_with_terminal_call(statement.model, structure_of_statement(statement), finish)


def plan_key(statement: Statement, finish: TerminalCall = ROWS) -> Key:
    """What `prepare()` looks a plan up by."""
    structure = keyed(statement, finish)
    assert isinstance(structure, Structure), structure.reason
    dialect = dialect_for(alias_of(statement, writes=finish.answer in WRITES))
    return key_of(statement.model, finish.answer, structure, dialect)


def filling(statement: Statement, finish: TerminalCall = ROWS) -> object:
    """What fills the plan."""
    structure = keyed(statement, finish)
    assert isinstance(structure, Structure), structure.reason
    return structure.values, structure.bounds


def check(flip: Flip, *pair: tuple[Statement, TerminalCall]) -> None:
    """Two statements, or a single one that has no key, fare as the table says."""
    if isinstance(flip, HasNoKey):
        structure = keyed(*pair[0])
        assert isinstance(structure, Unkeyed)
        assert structure.reason == flip.reason
        return
    one, other = itertools.starmap(plan_key, pair)
    assert one == plan_key(*pair[0]), "a key equals itself"
    if isinstance(flip, InKey):
        assert one != other
        return
    assert one == other
    assert hash(one) == hash(other)
    is_filled_alike = filling(*pair[0]) == filling(*pair[1])
    assert is_filled_alike is isinstance(flip, NotInSQL)


def values_of(flip: Flip) -> list[Any]:
    return [flip.value] if isinstance(flip, HasNoKey) else [flip.one, flip.other]


def flipped(instance: Any, name: str, flip: Flip) -> list[Any]:
    return [dataclasses.replace(instance, **{name: value}) for value in values_of(flip)]


# -- clauses -----------------------------------------------------------------------------------------------------------

BOOKS: Any = Book.objects
CONDITIONS: list[Flip] = [
    InKey((Q(pages=1),), (Q(weight=1),)),
    InKey((Q(pages=1),), (~Q(pages=1),)),
    InKey((Q(pages=1) | Q(weight=1),), (Q(pages=1) & Q(weight=1),)),
    InKey((Q(pages=1),), (Q(pages=1), Q(weight=1))),
    InKey((Q(pages=1), Q(weight=1)), (Q(weight=1), Q(pages=1))),
    InKey((), (Q(pages=1),)),
    IsValue((Q(pages=1),), (Q(pages=2),), "the operand of a lookup"),
]
LOOKUPS: list[Flip] = [
    InKey({"pages": 1}, {"weight": 1}),
    InKey({"pages": 1}, {"pages__gt": 1}),
    InKey({"pages": 1}, {"pages": 1, "weight": 1}),
    InKey({}, {"pages": 1}),
    InKey({"weight": 1}, {"weight": None}),
    InKey({"is_available": True}, {"is_available": False}),
    InKey({"pages__in": [1]}, {"pages__in": ["1"]}),
    InKey({"weight__in": [1, 2]}, {"weight__in": [1, None]}),
    InKey({"metadata__a__in": [1]}, {"metadata__a__in": [1, 2]}),
    InKey({"pages": F("weight")}, {"pages": F("copies_sold")}),
    *[InKey({"pages": one}, {"pages": other}) for one, other in itertools.combinations([1, 1.0, "1", Decimal(1)], 2)],
    *[InKey({"pages": one}, {"pages": True}) for one in (1, 1.0, "1", Decimal(1))],
    IsValue({"pages": 1}, {"pages": 2}, "the operand of a lookup"),
    IsValue({"pages__in": [1]}, {"pages__in": [1, 2]}, "a list of any length has one plan"),
]
EXPRESSIONS: list[Flip] = [
    InKey({"n": F("pages")}, {"n": F("weight")}),
    InKey({"n": F("pages")}, {"m": F("pages")}),
    InKey({"n": Count("tags")}, {"n": Count("tags", distinct=True)}),
    InKey({"n": F("pages"), "m": F("weight")}, {"m": F("weight"), "n": F("pages")}),
    InKey({"n": Value(1)}, {"n": Value("1")}),
    InKey({"n": Value(1)}, {"n": Value(None)}),
    InKey({"n": Value(1) + F("pages")}, {"n": Value(1.0) + F("pages")}),
    InKey({"n": Value(True)}, {"n": Value(False)}),
    IsValue({"n": Value(1)}, {"n": Value(2)}, "a constant inside an expression"),
]
NAMES: list[Flip] = [
    InKey(("title",), ("pages",)),
    InKey(("title",), ("title", "pages")),
    InKey(("title", "pages"), ("pages", "title")),
    InKey((), ("title",)),
]
NAMES_OR_EXPRESSIONS: list[Flip] = [
    *NAMES,
    InKey(("pages",), (F("pages"),)),
    InKey((F("pages"),), (F("weight"),)),
    IsValue((F("pages") + 1,), (F("pages") + 2,), "a constant inside an expression"),
]
WORDS: list[Flip] = [InKey(("pages > 1",), ("pages > 2",)), InKey(None, ("pages > 1",))]
ONE_HOUR = datetime.timezone(datetime.timedelta(hours=1))
ONE_HOUR_BY_ANOTHER_NAME = datetime.timezone(datetime.timedelta(hours=1), "summer")

FLIPS: dict[Any, tuple[Clause, Flips]] = {
    ask.Filter: (
        ask.Filter((), {}),
        {"args": CONDITIONS, "kwargs": LOOKUPS, "negated": [InKey(False, True)]},
    ),
    ask.ComplexFilter: (
        ask.ComplexFilter({}),
        {
            "condition": [
                *LOOKUPS,
                InKey(Q(pages=1), Q(weight=1)),
                InKey(Q(pages=1), {"pages": 1}),
                IsValue(Q(pages=1), Q(pages=2), "the operand of a lookup"),
            ]
        },
    ),
    ask.Annotate: (
        ask.Annotate((), {"n": F("pages")}),
        {
            "args": [InKey((), (Count("tags"),)), InKey((Count("tags"),), (Max("tags"),))],
            "kwargs": EXPRESSIONS,
            "selected": [InKey(True, False)],
        },
    ),
    ask.OrderBy: (ask.OrderBy(()), {"names": [*NAMES_OR_EXPRESSIONS, InKey(("title",), ("-title",))]}),
    ask.Reverse: (ask.Reverse(), {}),
    ask.Distinct: (ask.Distinct(()), {"names": NAMES_OR_EXPRESSIONS}),
    ask.Values: (ask.Values((), {}), {"names": NAMES_OR_EXPRESSIONS, "expressions": EXPRESSIONS}),
    ask.ValuesList: (
        ask.ValuesList(("title",)),
        {"names": NAMES_OR_EXPRESSIONS, "flat": [InKey(False, True)], "named": [InKey(False, True)]},
    ),
    ask.Into: (
        ask.Into(IntoRows(AuthorLength, (("length", "pages"),))),
        {
            "rows": [
                InKey(IntoRows(AuthorName, ()), IntoRows(BookWithDetail, ())),
                InKey(
                    IntoRows(AuthorLength, (("length", "pages"),)), IntoRows(AuthorLength, (("length", "copies_sold"),))
                ),
            ]
        },
    ),
    ask.Dates: (
        ask.Dates("published", "year", "ASC"),
        {
            "name": [InKey("published", "released")],
            "kind": [InKey("year", "month")],
            "order": [InKey("ASC", "DESC")],
        },
    ),
    ask.Datetimes: (
        ask.Datetimes("released", "hour", "ASC", None),
        {
            "name": [InKey("released", "published")],
            "kind": [InKey("hour", "minute")],
            "order": [InKey("ASC", "DESC")],
            "tzinfo": [
                InKey(None, datetime.UTC),
                InKey(datetime.UTC, ONE_HOUR),
                InKey(ONE_HOUR, ONE_HOUR_BY_ANOTHER_NAME),
            ],
        },
    ),
    ask.Only: (ask.Only(()), {"names": NAMES}),
    ask.Defer: (ask.Defer(()), {"names": [*NAMES, InKey((None,), ("title",))]}),
    ask.SelectRelated: (
        ask.SelectRelated(()),
        {"names": [InKey((), ("author",)), InKey(("author",), ("editor",)), InKey((None,), ("author",))]},
    ),
    ask.Prefetch: (
        ask.Prefetch(()),
        {
            "lookups": [
                NotInSQL(("tags",), ("author",), "what is fetched after the query"),
                NotInSQL((), (Prefetch("tags", BOOKS.filter(pages=1)),), "what is fetched after the query"),
            ]
        },
    ),
    ask.Lock: (
        ask.Lock(nowait=False, skip_locked=False, of=(), no_key=False),
        {
            "nowait": [InKey(False, True)],
            "skip_locked": [InKey(False, True)],
            "of": [InKey((), ("self",)), InKey(("self",), ("author",)), InKey(("self",), ("self", "author"))],
            "no_key": [InKey(False, True)],
        },
    ),
    ask.Extra: (
        ask.Extra(None, None, None, None, None, None),
        {
            "select": [
                InKey(None, {"n": "1"}),
                InKey({"n": "1"}, {"n": "2"}),
                InKey({"n": "1"}, {"m": "1"}),
                InKey({"n": "1", "m": "2"}, {"m": "2", "n": "1"}),
            ],
            "where": WORDS,
            "params": [HasNoKey((1,), "extra() with parameters")],
            "tables": WORDS,
            "order_by": WORDS,
            "select_params": [HasNoKey((1,), "extra() with parameters")],
        },
    ),
    ask.Nothing: (ask.Nothing(), {}),
    ask.Slice: (
        ask.Slice(2, 9),
        {
            "start": [
                InKey(None, 1),
                InKey(0, 1),
                InKey(1, 9),
                IsValue(1, 3, "a limit, which is written at run time"),
            ],
            "stop": [
                InKey(None, 3),
                InKey(2, 3),
                IsValue(3, 9, "a limit, which is written at run time"),
            ],
        },
    ),
    ask.Combine: (
        ask.Combine("union", (BOOKS.filter(pages=1),)),
        {
            "operation": [
                InKey(one, other)
                for one, other in itertools.combinations(["union", "intersection", "difference", "and", "or", "xor"], 2)
            ],
            "others": [
                InKey((BOOKS.all(),), (BOOKS.filter(pages=1),)),
                InKey((BOOKS.all(),), (BOOKS.all(), BOOKS.all())),
                InKey((BOOKS.all(),), (Tag.objects.all(),)),
                InKey((BOOKS.all(),), (q(Book),)),
                InKey((q(Book),), (q(Tag),)),
                InKey((q(Book)[:2],), (q(Book)[:3],)),
                InKey((q(Book).using("default"),), (q(Book).using("postgres"),)),
                IsValue((BOOKS.filter(pages=1),), (BOOKS.filter(pages=2),), "the operand of a lookup"),
                IsValue((q(Book).filter(pages=1),), (q(Book).filter(pages=2),), "the operand of a lookup"),
            ],
            "all": [InKey(False, True)],
        },
    ),
    ask.Fetching: (ask.Fetching("one mode"), {"mode": [InKey("one mode", "another mode")]}),
    ask.Among: (
        ask.Among(relation_of(Book, "author"), (1,)),  # type: ignore[arg-type]  # the relation is there
        {
            "relation": [InKey(relation_of(Book, "author"), relation_of(Book, "editor"))],
            "keys": [
                IsValue((1,), (2,), "the keys that rows are looked up by"),
                IsValue((1,), (1, 2), "a list of any length has one plan"),
            ],
        },
    ),
}


def named(table: Mapping[Any, tuple[Any, Flips]]) -> list[Any]:
    return [
        pytest.param(instance, name, flip, id=f"{kind.__name__}.{name} {number}")
        for kind, (instance, flips) in table.items()
        for name, ways in flips.items()
        for number, flip in enumerate(ways)
    ]


def fields_of(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_every_clause_is_in_the_table() -> None:
    assert set(FLIPS) == set(CLAUSES)


@pytest.mark.parametrize("kind", FLIPS, ids=lambda kind: kind.__name__)
def test_every_field_of_a_clause_is_in_the_table(kind: Any) -> None:
    instance, flips = FLIPS[kind]
    assert type(instance) is kind
    assert set(flips) == fields_of(kind)
    assert all(flips.values())


@pytest.mark.parametrize(("clause", "name", "flip"), named(FLIPS))
def test_a_field_of_a_clause_is_in_the_key(clause: Clause, name: str, flip: Flip) -> None:
    check(flip, *[(Statement(Book, clauses=(one,)), ROWS) for one in flipped(clause, name, flip)])


@pytest.mark.parametrize(("clause", "name", "flip"), named(FLIPS))
def test_a_field_of_a_clause_is_in_the_key_of_a_query_around_it(clause: Clause, name: str, flip: Flip) -> None:
    """A nested query is structure as a whole, its slice included."""
    around = [
        Statement(Author, clauses=(ask.Filter((), {"books__in": query_of(Statement(Book, clauses=(one,)))}),))
        for one in flipped(clause, name, flip)
    ]
    if isinstance(clause, ask.Slice) and isinstance(flip, IsValue):
        flip = InKey(flip.one, flip.other)
    check(flip, *[(statement, ROWS) for statement in around])


def test_every_clause_has_a_key_of_its_own() -> None:
    """Clauses that carry the same are told apart, and so are clauses that carry nothing."""
    keys = [plan_key(Statement(Book, clauses=(clause,))) for clause, _ in FLIPS.values()]
    without = plan_key(Statement(Book))
    same = [one for one in keys if one == without]
    assert len(same) == 1, "prefetching alone changes nothing"
    assert len(set(keys)) == len(keys)


# -- the statement and its ending --------------------------------------------------------------------------------------

ONE_CLAUSE = (ask.Filter((), {"pages": 1}),)
STATEMENT: Flips = {
    "model": [InKey(Book, Author)],
    "base": [
        InKey(None, BOOKS.all()),
        InKey(BOOKS.all(), BOOKS.filter(pages=1)),
        IsValue(BOOKS.filter(pages=1), BOOKS.filter(pages=2), "the operand of a lookup"),
    ],
    "clauses": [
        InKey((), ONE_CLAUSE),
        InKey(ONE_CLAUSE, ONE_CLAUSE * 2),
        InKey((ask.Reverse(), ask.Nothing()), (ask.Nothing(), ask.Reverse())),
    ],
    "alias": [InKey(None, "postgres"), InKey("default", "postgres")],
    "seconds": [NotInSQL(None, 1.0, "how long the answer may take")],
    "project": [
        HasNoKey(ProjectCode("BookQuerySet overrides filter"), "BookQuerySet overrides filter"),
        NotInSQL(None, ProjectCode(is_start=True), "whether a manager takes the first step"),
    ],
}


def test_every_field_of_a_statement_is_in_the_table() -> None:
    assert set(STATEMENT) == fields_of(Statement)


@pytest.mark.parametrize(("statement", "name", "flip"), named({Statement: (Statement(Book), STATEMENT)}))
def test_a_field_of_a_statement_is_in_the_key(statement: Statement, name: str, flip: Flip) -> None:
    check(flip, *[(one, ROWS) for one in flipped(statement, name, flip)])


NESTED: Flips = {
    **STATEMENT,
    # The same database under two names; without one it is the outer query's.
    "alias": [InKey(None, "default"), InKey("default", "postgres")],
    "model": [InKey(Book, Tag)],
}


@pytest.mark.parametrize(("statement", "name", "flip"), named({Statement: (Statement(Book), NESTED)}))
def test_a_field_of_a_nested_statement_is_in_the_key(statement: Statement, name: str, flip: Flip) -> None:
    around = [ask.Filter((), {"pk__in": query_of(one)}) for one in flipped(statement, name, flip)]
    check(flip, *[(Statement(Author, clauses=(clause,)), ROWS) for clause in around])


FINISHES: list[tuple[TerminalCall, Flips]] = [
    (
        TerminalCall(Answer.EARLIEST, ("published",)),
        {"args": [*NAMES_OR_EXPRESSIONS, InKey(("published",), ("-published",))]},
    ),
    (
        TerminalCall(Answer.AGGREGATE, (), {"n": Count("pk")}),
        {
            "args": [InKey((), (Count("pk"),)), InKey((Count("pk"),), (Max("pk"),))],
            "kwargs": [
                InKey({"n": Count("pk")}, {"n": Max("pk")}),
                InKey({"n": Count("pk")}, {"m": Count("pk")}),
                InKey({"n": Max(F("pages") + 1)}, {"n": Max(F("pages") + 1.0)}),
                IsValue({"n": Max(F("pages") + 1)}, {"n": Max(F("pages") + 2)}, "a constant inside an expression"),
            ],
        },
    ),
    (
        TerminalCall(Answer.UPDATE, (), {"title": "a"}),
        {
            "kwargs": [
                InKey({"title": "a"}, {"subtitle": "a"}),
                InKey({"subtitle": "a"}, {"subtitle": None}),
                InKey({"title": "a", "pages": 1}, {"pages": 1, "title": "a"}),
                InKey({"pages": 1}, {"pages": F("pages") + 1}),
                InKey({"pages": F("pages")}, {"pages": F("weight")}),
                *[
                    InKey({"pages": one}, {"pages": other})
                    for one, other in itertools.combinations([1, 1.0, "1", Decimal(1), True], 2)
                ],
                IsValue({"title": "a"}, {"title": "b"}, "what is set"),
                IsValue({"pages": F("pages") + 1}, {"pages": F("pages") + 2}, "a constant inside an expression"),
            ],
            "returning": [
                InKey(None, ()),
                InKey((), ("title",)),
                InKey(("title",), ("pages",)),
                InKey(("title", "pages"), ("pages", "title")),
            ],
        },
    ),
    (
        TerminalCall(Answer.DELETE),
        {"returning": [InKey(None, ()), InKey((), ("title",)), InKey(("title",), ("pages",))]},
    ),
    (TerminalCall(), {"answer": [InKey(one, other) for one, other in itertools.combinations(Answer, 2)]}),
]


def test_every_field_of_an_ending_is_in_the_table() -> None:
    assert {name for _, flips in FINISHES for name in flips} == fields_of(TerminalCall)


@pytest.mark.parametrize(
    ("finish", "name", "flip"), [one for finish in FINISHES for one in named({type(finish[0]): finish})]
)
@pytest.mark.parametrize("clauses", [(), ONE_CLAUSE, (ask.Slice(2, 9),)], ids=["all", "filtered", "sliced"])
def test_a_field_of_an_ending_is_in_the_key(
    clauses: tuple[Clause, ...], finish: TerminalCall, name: str, flip: Flip
) -> None:
    statement = Statement(Book, clauses=clauses)
    check(flip, *[(statement, one) for one in flipped(finish, name, flip)])


@pytest.mark.parametrize("answer", [answer for answer in Answer if answer is not Answer.ROWS])
def test_the_limits_of_a_slice_are_structure_for_an_ending(answer: Answer) -> None:
    """A terminal method adds its own limits to them."""
    one, other, same = (Statement(Book, clauses=(ask.Slice(2, stop),)) for stop in (5, 6, 5))
    assert plan_key(one, TerminalCall(answer)) != plan_key(other, TerminalCall(answer))
    assert plan_key(one, TerminalCall(answer)) == plan_key(same, TerminalCall(answer))


# -- the base ----------------------------------------------------------------------------------------------------------


def books(name: str, value: object) -> QuerySet[Any]:
    """Books with one attribute set, as Django sets it while a QuerySet is chained."""
    queryset: Any = Book.objects.order_by()
    setattr(queryset, name, value)
    found: QuerySet[Any] = queryset
    return found


BASE: Flips = {
    "model": [NotInSQL(Book, Book, "the query's, which is in the key")],
    "_db": [InKey(None, "default")],
    "_hints": [NotInSQL({}, {"instance": Book()}, "what the router is asked with")],
    "_query": [InKey(BOOKS.all().query, BOOKS.filter(pages=1).query)],
    "_result_cache": [NotInSQL(None, [], "rows of a run of Django's")],
    "_sticky_filter": [HasNoKey(True, "BookQuerySet has a pending sticky or deferred filter")],
    "_for_write": [NotInSQL(False, True, "which of the router's methods is asked")],
    "_prefetch_related_lookups": [NotInSQL((), ("tags",), "what is fetched after the query")],
    "_prefetch_done": [NotInSQL(False, True, "a run of Django's")],
    "_known_related_objects": [NotInSQL({}, {"author": {}}, "instances that rows get after the query")],
    "_iterable_class": [InKey(ValuesListIterable, NamedValuesListIterable)],
    "_fetch_mode": [InKey("one mode", "another mode")],
    "_fields": [InKey(None, ("title",)), InKey(("title",), ("pages",))],
    "_cloning_enabled": [NotInSQL(True, False, "whether Django's methods change the QuerySet itself")],
    "_defer_next_filter": [HasNoKey(True, "BookQuerySet has a pending sticky or deferred filter")],
    "_deferred_filter": [
        InKey(None, (False, (), {"pages": 1})),
        InKey((False, (), {"pages": 1}), (True, (), {"pages": 1})),
        IsValue((False, (), {"pages": 1}), (False, (), {"pages": 2}), "the operand of a lookup"),
    ],
}


def test_every_attribute_of_a_queryset_is_in_the_table() -> None:
    # Django before 6.1 has neither modes nor a switch for cloning.
    assert set(Book.objects.all().__dict__) | {"_fetch_mode", "_cloning_enabled"} == set(BASE)


# Some of these attributes came with later versions of Django.
OF_BASES = [(name, flip) for name, flips in BASE.items() if name in vars(BOOKS.all()) for flip in flips]


@pytest.mark.parametrize(("name", "flip"), OF_BASES)
def test_an_attribute_of_the_base_is_in_the_key(name: str, flip: Any) -> None:
    bases = [books(name, value) for value in values_of(flip)]
    check(flip, *[(Statement(Book, base=base), ROWS) for base in bases])


@pytest.mark.parametrize(("name", "flip"), OF_BASES)
def test_an_attribute_of_a_nested_queryset_is_in_the_key(name: str, flip: Any) -> None:
    around = [ask.Filter((), {"books__in": books(name, value)}) for value in values_of(flip)]
    check(flip, *[(Statement(Author, clauses=(clause,)), ROWS) for clause in around])


COMPUTED = {
    "_annotation_select_cache": "the annotations, and the mask of them",
    "_extra_select_cache": "the columns of extra(), and the mask of them",
    "_lookup_joins": "what adding a condition leaves behind",
    "base_table": "the first of the aliases",
    "contains_subquery": "what is below it",
    "table_map": "the aliases by their tables",
}
"""Attributes of a Query that say what others say, and how."""


def test_every_attribute_of_a_query_is_in_the_key() -> None:
    query = Book.objects.filter(author__name="x").query
    names = {*query.__dict__, *(name for name, value in vars(Query).items() if is_data(name, value))}
    assert {name for name in computed_names(Query) if name in names} <= set(COMPUTED)
    for name in names - set(COMPUTED):
        one, other = Book.objects.order_by(), Book.objects.order_by()
        one.query.__dict__[name], other.query.__dict__[name] = "one thing", "another thing"
        keys = [keyed(Statement(Book, base=base)) for base in (one, other)]
        assert all(isinstance(key, Structure) for key in keys), name
        first, second = keys
        assert first.key != second.key, name  # type: ignore[union-attr]  # as just checked


def is_data(name: str, value: object) -> bool:
    return not (name.startswith("__") or callable(value) or isinstance(value, (property, classmethod, staticmethod)))


# -- what else is in a key ---------------------------------------------------------------------------------------------


def test_models_of_one_table_have_keys_of_their_own() -> None:
    from tests.shop.models import Bestseller  # a proxy

    assert plan_key(Statement(Book)) != plan_key(Statement(Bestseller))


def test_a_clause_that_is_described_alone_has_what_it_has_in_a_statement() -> None:
    for clause, _ in FLIPS.values():
        alone, within = structure_of(Book, clause), structure_of_statement(Statement(Book, clauses=(clause,)))
        assert isinstance(alone, Structure)
        assert isinstance(within, Structure)
        # That of a statement is linked already.
        assert linked((), alone.key) is within.key
        assert (alone.values, alone.bounds) == (within.values, within.bounds)


def test_a_sticky_filter_takes_the_django_path(empty_plan_cache: None) -> None:
    def ask_for(name: str) -> AnyQuery:
        statement = Statement(Book, base=books("_sticky_filter", True))
        return query_of(statement).filter(tags__name=name).filter(tags__weight=1)

    for name in ("a", "b", "c"):
        sql, _ = sql_of(ask_for(name))
        assert sql == django_sql_of(ask_for(name))[0]
        assert sql.count("JOIN") == 2
    assert isinstance(ask_for("d").structure, Unkeyed)


def test_a_base_that_is_not_cloned_stays_as_it_was(empty_plan_cache: None) -> None:
    base: Any = Book.objects.filter(pages=1)
    if not hasattr(base, "_disable_cloning"):
        return
    base._disable_cloning()
    query = q(Author).filter(books__in=base)
    before = base.query
    for _ in range(2):
        sql_of(query)
        assert base.query is before
