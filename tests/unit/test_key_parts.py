"""What keys are made of, part by part: two that should differ can only be equal if a part is missing."""

from __future__ import annotations

import datetime
import enum
import uuid
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Count, F, IntegerField, Q, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Lower
from django.db.models.lookups import Exact
from django.db.models.query import ModelIterable
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, OR, ExtraWhere, NothingNode, WhereNode
from django.utils import timezone, translation

from adj import q
from adj.compiler.django.dialect import dialect_for
from adj.compiler.keys.constants import LONGEST_TEXT, constant_key
from adj.compiler.keys.content_types import generation
from adj.compiler.keys.key_visitor import KeyWalk, base_structure, describe_operands, structure_of
from adj.compiler.keys.node_types import node_type_of
from adj.compiler.keys.nodes import field_key
from adj.compiler.plans.plan_key import key_of, structure_with_terminal_call
from adj.statement import clauses as ask
from adj.statement.key_chain import KeyChain
from adj.statement.shapes import Answer
from adj.statement.statement import TerminalCall
from adj.statement.structure import Structure, Uncacheable, Unkeyed
from tests.shop.models import Author, Book, Publisher
from tests.unit.asking import structure_of as structure_of_query
from tests.unit.test_key_fields import FLIPS

PAGES = (F, ("name",), ((str, "pages"),))
TITLE = (F, ("name",), ((str, "title"),))
INTEGER = int
SUM = (CombinedExpression, ("connector", "lhs", "rhs"), ((str, "+"), PAGES, (Value, (int, ()), (INTEGER,))))


def parts(key: Any) -> tuple[Any, ...]:
    """The keys of the clauses of a statement."""
    found: tuple[Any, ...] = key.parts() if isinstance(key, KeyChain) else key
    return found


def key(query: Any) -> Any:
    """The key of a query of one clause."""
    (only,) = parts(structure_of_query(query).key)
    return only


def test_every_clause_begins_with_a_word_of_its_own() -> None:
    words: dict[str, type] = {}
    for clause, _ in FLIPS.values():
        structure = structure_of(Book, clause)
        assert isinstance(structure, Structure)
        for part in parts(structure.key)[:1]:
            word: Any = part if isinstance(part, str) else part[0]
            assert isinstance(word, str)
            assert words.setdefault(word, type(clause)) is type(clause)
    assert set(words) == {
        *("filter", "complex_filter", "annotate", "order_by", "reverse", "distinct", "values", "values_list"),
        *("dates", "datetimes", "only", "defer", "select_related", "select_for_update", "extra", "none", "slice"),
        *("union", "fetch_mode", "among", "into"),
    }


# -- operands and expressions ------------------------------------------------------------------------------------------


def test_the_keys_of_conditions() -> None:
    assert key(q(Book).filter(pages=1)) == ("filter", (), (("pages", INTEGER),))
    assert key(q(Book).exclude(pages=1, weight=2)) == ("exclude", (), (("pages", INTEGER), ("weight", INTEGER)))
    assert key(q(Book).filter(weight=None)) == ("filter", (), (("weight", (type(None), None)),))
    either = (Q, (OR, False, ("pages", None)), (INTEGER, (Q, (AND, True, ("weight",)), (INTEGER,))))
    assert key(q(Book).filter(Q(pages=1) | ~Q(weight=2))) == ("filter", (either,), ())
    assert key(q(Book).complex_filter({"pages": 1})) == ("complex_filter", (("pages", INTEGER),))
    assert key(q(Book).complex_filter(Q(pages=1))) == ("complex_filter", (Q, (AND, False, ("pages",)), (INTEGER,)))


def test_the_keys_of_lists() -> None:
    def of(path: str, members: Any) -> Any:
        return key(q(Book).filter(**{path: members}))[2][0][1]

    assert of("pages__in", [1, "2"]) == ("sequence", None, frozenset({int, str}))
    assert of("weight__in", [1, None]) == ("sequence", None, frozenset({int, type(None)}))
    assert of("metadata__a__in", [1, 2]) == ("sequence", 2, frozenset({int}))
    assert of("pages__in", []) == (list, ())
    assert of("pages__in", (F("pages"),)) == (tuple, (PAGES,))
    assert of("pages__in", [F("pages")]) == (list, (PAGES,))


def test_the_keys_of_expressions() -> None:
    assert key(q(Book).annotate(a=F("pages") + 1)) == ("annotate", (), (("a", SUM),))
    assert key(q(Book).annotate(a=Value(1))) == ("annotate", (), (("a", (Value, (int, ()), (INTEGER,))),))
    assert key(q(Book).alias(a=F("pages"))) == ("alias", (), (("a", PAGES),))
    assert key(q(Book).order_by("pages", F("pages"))) == ("order_by", ("pages", PAGES))
    _, _, ((_, cast),) = key(q(Book).annotate(a=Cast("title", CharField(max_length=3))))
    field = (CharField, "django.db.models.CharField", (list, ()), (("max_length", (int, 3)),))
    assert cast == (Cast, ("output_field", "source_expressions", "extra"), (field, (list, (TITLE,)), (dict, (), ())))


def test_an_object_that_comes_again_is_said_to_be_the_same() -> None:
    """Django treats an expression that is used twice as one, as it does with a joined relation."""
    first, second = F("pages"), F("title")
    pairs = (("a", PAGES), ("b", TITLE), ("c", ("again", 1)), ("d", ("again", 0)))
    assert key(q(Book).annotate(a=first, b=second, c=second, d=first)) == ("annotate", (), pairs)


def test_the_keys_of_nested_queries() -> None:
    nested = q(Author).using("default").filter(name="x")[:3]
    query = q(Book).filter(author__in=nested)
    inner = ("query", Author, structure_of_query(nested).key, (0, 3), "default")
    assert key(query) == ("filter", (), (("author__in", inner),))
    assert parts(structure_of_query(nested).key) == (("filter", (), (("name", str),)), ("slice", False, True, False))
    assert structure_of_query(query).values == ("x",)


# -- constants and fields ----------------------------------------------------------------------------------------------


class Kind(enum.Enum):
    ONE = 1


class Numbered(enum.IntEnum):
    ONE = 1


def function() -> None:
    """A constant by identity."""


MOMENT = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
KEYS: list[tuple[Any, Any]] = [
    (None, (type(None), None)),
    (True, (bool, True)),
    (1, (int, 1)),
    ("a", (str, "a")),
    (b"a", (bytes, b"a")),
    (uuid.UUID(int=1), (uuid.UUID, uuid.UUID(int=1))),
    (1.0, (float, "1.0")),
    (-0.0, (float, "-0.0")),
    (Decimal("1.0"), (Decimal, "Decimal('1.0')")),
    (MOMENT, (datetime.datetime, repr(MOMENT), datetime.timedelta(0))),
    (Kind.ONE, (Kind, "ONE")),
    (Numbered.ONE, (Numbered, "ONE")),
    (function, ("object", function)),
    (Book, ("object", Book)),
    (datetime.UTC, (datetime.timezone, datetime.UTC, repr(datetime.UTC))),
    (ZoneInfo("Asia/Tokyo"), (ZoneInfo, ZoneInfo("Asia/Tokyo"), repr(ZoneInfo("Asia/Tokyo")))),
    ([1, "a"], (list, ((int, 1), (str, "a")))),
    ((1, "a"), (tuple, ((int, 1), (str, "a")))),
    ({1}, (set, frozenset({(int, 1)}))),
    (frozenset({1}), (frozenset, frozenset({(int, 1)}))),
    ({"a": 1}, (dict, (((str, "a"), (int, 1)),))),
    (MappingProxyType({1: "a"}), (MappingProxyType, (((int, 1), (str, "a")),))),
]


@pytest.mark.parametrize(("value", "expected"), KEYS, ids=range(len(KEYS)))
def test_the_keys_of_constants(value: Any, expected: Any) -> None:
    assert constant_key(value) == expected


class Cents(int):
    """A number of the project's, equal to all numbers of its value."""


class Pence(int):
    """Another one."""


class Share(Decimal):
    """A fraction of the project's."""


@pytest.mark.parametrize(("one", "other"), [(Cents(1), Pence(1)), (Cents(1), Cents(2)), (Share("1"), Share("1.0"))])
def test_the_keys_of_constants_of_a_project_have_their_class_and_their_text(one: Any, other: Any) -> None:
    assert constant_key(one) == constant_key(type(one)(one))
    assert constant_key(one) != constant_key(other)


def test_a_long_text_is_no_part_of_a_key() -> None:
    assert constant_key("a" * LONGEST_TEXT) == (str, "a" * LONGEST_TEXT)
    for text in ("a" * (LONGEST_TEXT + 1), b"a" * (LONGEST_TEXT + 1)):
        with pytest.raises(Uncacheable, match="a long text"):
            constant_key(text)


def test_an_unknown_object_is_no_constant() -> None:
    with pytest.raises(Uncacheable, match="object has no structure that adj knows"):
        constant_key(object())


def test_the_keys_of_fields() -> None:
    title: Any = Book._meta.get_field("title")
    assert field_key(title) == (Book, "title", CharField)
    array: Any = ArrayField(CharField(max_length=3), size=2)
    path = "django.contrib.postgres.fields.ArrayField"
    base = (CharField, "django.db.models.CharField", (list, ()), (("max_length", (int, 3)),))
    assert field_key(array) == (ArrayField, path, (list, ()), (("base_field", base), ("size", (int, 2))))
    chosen: Any = CharField(choices=[("a", "A")])
    of_chosen: Any = field_key(chosen)
    assert of_chosen[3] == (("choices", (list, ((tuple, ((str, "a"), (str, "A"))),))),)


# -- what Django makes of them -----------------------------------------------------------------------------------------


def head(node: Any) -> Any:
    kind: Any = type(node)
    return node_type_of(kind).head(node)


def test_the_heads_of_djangos_nodes() -> None:
    where = WhereNode([NothingNode()], connector=OR, negated=True)
    assert head(where) == (OR, True, False)
    where.resolved = True
    assert head(where) == (OR, True, True)
    assert head(NothingNode()) is None
    assert head(ExtraWhere(["a", "b"], ())) == ("a", "b")
    assert head({"a": 1, "b": 2}) == ("a", "b")
    assert head(partial(dict, (), a=2)) == (dict, ("a",))
    assert head(F("pages")) == ("name",)
    assert head(Lower("title")) == ("source_expressions", "extra")
    assert head(Value("a", output_field=IntegerField())) == (str, ("output_field",))
    lookup: Any = Exact(F("pages"), 1)
    lookup.mark = "a"
    assert head(lookup) == ("bilateral_transforms", "mark")
    query: Any = Book.objects.filter(pages=1).query
    model, *names = head(query)
    assert model is Book
    assert {"where", "alias_map", "annotations"} < set(names)


def test_the_head_of_a_queryset() -> None:
    queryset: Any = Book.objects.using("default").order_by()
    mode = getattr(queryset, "_fetch_mode", None)
    assert head(queryset) == ("default", ModelIterable, mode, False, None)
    queryset._fields, queryset._sticky_filter = ("title",), True
    assert head(queryset) == ("default", ModelIterable, mode, True, ("title",))


def test_the_key_of_a_base_has_its_query() -> None:
    structure = base_structure(Book.objects.filter(pages=1))
    assert isinstance(structure, Structure)
    of_queryset: Any = parts(structure.key)[0]
    kind, _, (query,) = of_queryset
    assert issubclass(kind, type(Book.objects.all()))
    assert query[0] is Query
    assert structure.values == (1,)


# -- the structure of a statement --------------------------------------------------------------------------------------


def test_a_structure_is_extended_in_all_its_parts() -> None:
    one = Structure(("a",), (1, 2), (0,), False, None)
    other = Structure(("b",), (3, 4), (0, 1), True, (1, 2))
    both = one.extended(other)
    assert (parts(both.key), both.values, both.constants) == (("a", "b"), (1, 2, 3, 4), (0, 2, 3))
    assert (both.is_local, both.bounds) == (True, (1, 2))
    back = other.extended(one)
    assert (parts(back.key), back.values, back.constants) == (("b", "a"), (3, 4, 1, 2), (0, 1, 2))
    assert (back.is_local, back.bounds) == (True, (1, 2))
    assert other.extended(Structure(("c",))).constants == (0, 1)
    assert not one.extended(one).is_local


def test_the_values_whose_equality_is_structure() -> None:
    """Those of expressions, which Django compares; not those of lookups."""
    assert structure_of_query(q(Book).filter(pages=1, weight=2)).constants == ()
    assert structure_of_query(q(Book).filter(pages=1).annotate(a=Value(1), b=F("pages") + 2)).constants == (1, 2)
    inner = q(Author).filter(name="x").annotate(a=Value(1)).values("a")
    assert structure_of_query(q(Book).filter(title="t", author__in=inner)).constants == (1,)
    counted = Count("books", filter=Q(books__pages=1, books__title__in=["a"]))
    assert structure_of_query(q(Author).annotate(n=counted)).constants == (0, 1)


def test_what_depends_on_the_time_zone() -> None:
    local = [
        q(Book).filter(released__date="2020-01-01"),
        q(Book).order_by("released__year"),
        q(Book).filter(author__in=q(Author).filter(created__hour=3)),
        q(Book).dates("published", "year"),
        q(Book).datetimes("released", "hour"),
        q(Book).filter(pages=1).filter(released__hour=1).filter(pages=1),
    ]
    assert all(structure_of_query(query).is_local for query in local)
    assert not structure_of_query(q(Book).filter(released=MOMENT)).is_local


def test_the_key_of_a_plan_has_all_its_parts() -> None:
    query = q(Book).annotate(a=Value(1), b=Value(1)).filter(released__hour=1)
    structure, dialect = structure_of_query(query), dialect_for("default")
    with timezone.override("Asia/Tokyo"), translation.override("de"):
        assert key_of(Book, Answer.GET, structure, dialect) == (
            *(Book, dialect, Answer.GET, structure.key),
            (0, 0),
            *(ZoneInfo("Asia/Tokyo"), "Asia/Tokyo", "de"),
            generation(),
        )
    plain = structure_of_query(q(Book).filter(pages=1))
    assert key_of(Book, Answer.GET, plain, dialect)[:4] == (Book, dialect, Answer.GET, plain.key)  # type: ignore[index]


def test_an_ending_adds_its_own_parts() -> None:
    structure = structure_of_query(q(Book).filter(pages=1)[2:5])
    plain = parts(structure.key)
    counted = structure_with_terminal_call(Book, structure, TerminalCall(Answer.COUNT))
    assert isinstance(counted, Structure)
    assert (parts(counted.key), counted.bounds) == ((*plain, (2, 5)), None)
    deleted = structure_with_terminal_call(
        Book, structure_of_query(q(Book)), TerminalCall(Answer.DELETE, returning=("a", "b"))
    )
    assert isinstance(deleted, Structure)
    assert parts(deleted.key) == (("returning", ("a", "b")),)
    changed = structure_with_terminal_call(
        Book, structure_of_query(q(Book)), TerminalCall(Answer.UPDATE, (), {"pages": 1, "weight": F("pages")})
    )
    assert isinstance(changed, Structure)
    assert parts(changed.key) == ((("pages", INTEGER), ("weight", PAGES)),)
    assert changed.values == (1,)
    added = structure_with_terminal_call(
        Book, structure_of_query(q(Book)), TerminalCall(Answer.AGGREGATE, ("pages",), {"a": F("pages")})
    )
    assert isinstance(added, Structure)
    assert parts(added.key) == (("pages",), (("a", PAGES),))


def test_a_part_without_a_key_leaves_none_to_the_whole() -> None:
    for structure in (
        structure_of(Book, ask.OrderBy((object(),))),
        describe_operands(Book, (object(),), {}),
        base_structure(Publisher.objects.extra(where=["1 = %s"], params=[1])),
    ):
        assert isinstance(structure, Unkeyed)


def test_a_walk_of_values_needs_a_model_only_for_paths() -> None:
    walk = KeyWalk()
    walk.node(Value(1, output_field=IntegerField()) + 1)
    assert walk.values == [1, 1]


def test_what_is_nested_too_deeply_has_no_key() -> None:
    condition, where = Q(pages=1), WhereNode()
    for _ in range(20_000):
        condition, where = Q(condition, _connector=OR), WhereNode([where])
    base: Any = Book.objects.order_by()
    base.query.where = where
    for structure in (
        structure_of(Book, ask.Filter((condition,), {})),
        describe_operands(Book, (), {"n": Count("pk", filter=condition)}),
        base_structure(base),
    ):
        assert isinstance(structure, Unkeyed)
        assert structure.reason == "it is nested too deeply"
