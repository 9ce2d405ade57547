"""What a snapshot copies, what it leaves alone, and that the copies say what the originals said."""

from __future__ import annotations

import copy
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import (
    Case,
    Count,
    Exists,
    Expression,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, Rank
from django.db.models.lookups import GreaterThan, In
from django.utils.functional import SimpleLazyObject

from adj import q
from adj.compiler.keys.operand_copies import Snapshot, is_steady
from adj.compiler.keys.snapshot import (
    snapshot_conditions,
    snapshot_expressions,
    snapshot_prefetches,
    snapshot_value,
    snapshot_values,
)
from tests.shop.models import Author, Book

SOURCE: Any = q(Book)


class Scaled(Func):
    """An expression of a project's own."""

    def __init__(self, *expressions: Any, factors: Any) -> None:
        super().__init__(*expressions, output_field=IntegerField())
        self.factors = factors


PLAIN: list[Callable[[], Any]] = [
    lambda: F("pages"),
    lambda: F("pages") + 1,
    lambda: F("pages").desc(nulls_last=True),
    lambda: Value(1),
    lambda: Value("x", output_field=JSONField()),
    lambda: Lower("title"),
    lambda: Coalesce(Lower("title"), Value("none")),
    lambda: Count("tags", distinct=True),
    lambda: Count("tags", filter=GreaterThan(F("pages"), 3)),
    lambda: Case(When(pages__gt=3, then=Value(1)), default=Value(0), output_field=IntegerField()),
    lambda: Window(Rank(), partition_by=F("author"), order_by=F("pages").asc()),
    lambda: ExpressionWrapper(F("pages") * 2, output_field=IntegerField()),
    lambda: Exists(Author.objects.filter(pk=OuterRef("author"))),
    lambda: Subquery(Author.objects.values("name")[:1]),
    lambda: OuterRef("pk"),
    lambda: q(Author),
    lambda: Scaled("pages", factors=2),
    lambda: Scaled("pages", factors=(1, 2)),
]


@pytest.mark.parametrize("make", PLAIN)
def test_what_cannot_change_stays_the_users_own_object(make: Callable[[], Any]) -> None:
    node = make()
    assert snapshot_value(node) is node
    assert snapshot_values(SOURCE, (node, "title"))[0] is node
    assert snapshot_expressions(SOURCE, (), {"x": node})[1]["x"] is node


def test_plain_arguments_are_not_even_looked_into() -> None:
    lookups: dict[str, object] = {"pages__gt": 1, "title": "x", "author__isnull": True, "rating": None}
    assert snapshot_conditions(SOURCE, (), lookups)[1] is lookups
    names = ("title", "-pages", F("pk").asc())
    assert snapshot_values(SOURCE, names) is names
    named: dict[str, object] = {"n": Count("tags")}
    assert snapshot_expressions(SOURCE, (), named)[1] is named
    paths = ("author", "tags")
    assert snapshot_prefetches(paths) is paths


CHANGING: list[tuple[str, Callable[[Any], Any], Callable[[], Any]]] = [
    ("list in a Q in a When", lambda v: Case(When(Q(pk__in=v), then=Value(1)), default=Value(0)), lambda: [1, 2]),
    ("list as a lookup of When", lambda v: Case(When(pk__in=v, then=Value(1)), default=Value(0)), lambda: [1, 2]),
    ("Q of an aggregate", lambda v: Count("tags", filter=v), lambda: Q(pk=1)),
    ("Q in a wrapper", lambda v: ExpressionWrapper(v, output_field=IntegerField()), lambda: Q(pk=1)),
    ("list of a value", Value, lambda: [1, [2]]),
    ("dict of a value", lambda v: Value(v, output_field=JSONField()), lambda: {"a": [1]}),
    ("set of a project's", lambda v: Scaled("pages", factors=v), lambda: {1, 2}),
    ("deep in functions", lambda v: Coalesce(Lower(Case(When(v, then=Value("x")))), Value("y")), lambda: Q(pk=1)),
    ("parameters", lambda v: RawSQL("%s + %s", v), lambda: [1, 2]),
    ("list of a window", lambda v: Window(Rank(), order_by=v), lambda: [F("pk").asc()]),
    ("lookup", lambda v: In(Value(1), v), lambda: [Value(1), Value(2)]),
    ("instance", lambda v: Scaled("pages", factors=v), lambda: Author(pk=1)),
    ("instances", lambda v: Case(When(author__in=v, then=Value(1))), lambda: [Author(pk=1), Author(pk=2)]),
    ("sorted", lambda v: Case(When(pk__in=v, then=Value(1))).desc(), lambda: [1, 2]),
    ("negated", lambda v: ~Q(v) & Q(pk=4), lambda: Q(pk__in=[1])),
    ("project's over Django's", lambda v: Scaled(Case(When(pk__in=v, then=1)), factors=1), lambda: [1, 2]),
]


@pytest.mark.parametrize(("name", "build", "operand"), CHANGING, ids=[name for name, _, _ in CHANGING])
def test_a_copy_says_what_the_original_said(name: str, build: Any, operand: Any) -> None:
    original, untouched = build(operand()), build(operand())
    before = copy.deepcopy(original.__dict__)
    copied = snapshot_value(original)
    assert copied is not original
    assert type(copied) is type(original)
    assert repr(copied) == repr(untouched)
    assert copied == untouched
    assert copied.identity == untouched.identity
    assert hash(copied) == hash(untouched)
    assert copied.deconstruct()[0] == untouched.deconstruct()[0]
    assert repr(copied.deconstruct()) == repr(untouched.deconstruct())
    # The user's own object is as it was.
    assert repr(original) == repr(untouched)
    assert repr(original.__dict__) == repr(before)


@pytest.mark.parametrize(("name", "build", "operand"), CHANGING, ids=[name for name, _, _ in CHANGING])
def test_a_copy_forgets_what_happens_to_the_operand(name: str, build: Any, operand: Any) -> None:
    given, untouched = operand(), build(operand())
    original = build(given)
    # What Django has found out before is not to be believed of the copy.
    assert hash(original) == hash(untouched)
    copied = snapshot_value(original)
    match given:
        case Q():
            given.add(Q(pk=77), Q.OR)
            given.children.append(("pk", 78))
        case Author():
            given.pk = 79
        case dict() | set():
            given.clear()
        case [Author(), *_]:
            items: Any = given
            items[0].pk = 80
            items.pop()
        case _:
            given.clear()
    assert repr(copied) == repr(untouched)
    assert copied == untouched
    assert repr(copied.deconstruct()) == repr(untouched.deconstruct())


def test_a_generator_is_drained_once_and_the_expression_agrees_with_itself() -> None:
    def keys() -> Iterator[int]:
        yield from (1, 2)

    original = Case(When(pk__in=keys(), then=Value(1)), default=Value(0))
    copied = snapshot_value(original)
    expected = Case(When(pk__in=[1, 2], then=Value(1)), default=Value(0))
    assert copied == expected
    assert repr(copied) == repr(expected)
    assert copied.cases[0].deconstruct()[2]["pk__in"] == [1, 2]
    assert copied.cases[0].deconstruct()[2]["pk__in"] is copied.cases[0].condition.children[0][1]


def test_the_first_of_two_lookups_gets_what_a_generator_has_as_in_django() -> None:
    shared = iter([1, 2])
    condition: Any = snapshot_value(Q(Q(pk__in=shared), Q(id__in=shared)))
    assert condition == Q(Q(pk__in=[1, 2]), Q(id__in=[]))
    shared = iter([1, 2])
    assert snapshot_conditions(SOURCE, (), {"pk__in": shared, "id__in": shared})[1] == {"pk__in": [], "id__in": [1, 2]}


def test_an_iterator_that_is_no_operand_of_a_lookup_is_left_alone() -> None:
    numbers = iter([1, 2])
    node = Scaled("pages", factors=numbers)
    assert snapshot_value(node) is node
    assert list(numbers) == [1, 2]


def test_a_node_that_is_met_twice_stays_one() -> None:
    condition, keys, author = Q(pk=1), [1, 2], Author(pk=1)
    flag = Case(When(condition, then=Value(1)), default=Value(0))
    args, named = snapshot_expressions(SOURCE, (flag,), {"x": flag, "y": Coalesce(flag, Value(condition))})
    assert args[0] is named["x"]
    assert named["x"] is named["y"].source_expressions[0]  # type: ignore[attr-defined]
    assert named["y"].source_expressions[1].value is named["x"].cases[0].condition  # type: ignore[attr-defined]
    (one, other), lookups = snapshot_conditions(
        SOURCE, (Q(pk__in=keys, author=author), Q(id__in=keys)), {"pk__in": keys, "author": author}
    )
    taken = dict(one.children)  # type: ignore[attr-defined]
    assert taken["pk__in"] is other.children[0][1] is lookups["pk__in"]  # type: ignore[attr-defined]
    assert taken["author"] is lookups["author"]


Pair = namedtuple("Pair", ["one", "other"])  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]


class Many(list[Any]):
    """A list of a project's own."""


CONTAINERS: list[tuple[Any, Any]] = [
    ([1, 2], [1, 2]),
    (Many([1, [2]]), Many([1, [2]])),
    ([[1], (2, [3]), {"a": {4}}], [[1], (2, [3]), {"a": {4}}]),
    (deque([1, [2]]), deque([1, [2]])),
    ({1, 2}, {1, 2}),
    (Pair([1], 2), Pair([1], 2)),
    (OrderedDict(a=[1]), OrderedDict(a=[1])),
    ({"a": [1, {"b": [2]}]}, {"a": [1, {"b": [2]}]}),
    (bytearray(b"x"), bytearray(b"x")),
]


@pytest.mark.parametrize(("given", "expected"), CONTAINERS, ids=[str(given) for given, _ in CONTAINERS])
def test_a_container_is_copied_to_its_depth_and_keeps_its_class(given: Any, expected: Any) -> None:
    copied = snapshot_value(given)
    assert copied == expected
    assert type(copied) is type(expected)
    assert copied is not given
    for member in given if isinstance(given, (list, tuple)) else ():
        if isinstance(member, (list, dict, set)):
            member.clear()
    if isinstance(given, (list, dict, set, deque)):
        given.clear()
    assert copied == expected


@pytest.mark.parametrize("given", [(1, 2), frozenset({1, 2}), ("a", (1, (2,))), range(3), "text", None, 1.5, b"x"])
def test_what_has_nothing_to_change_is_not_copied(given: Any) -> None:
    assert snapshot_value(given) is given


def test_views_of_a_dict_are_views_of_another() -> None:
    keys = {1: "a", 2: "b"}
    views = (keys.keys(), keys.values(), keys.items())
    texts, taken = [str(view) for view in views], [snapshot_value(view) for view in views]
    keys.clear()
    assert [list(view) for view in taken] == [[1, 2], ["a", "b"], [(1, "a"), (2, "b")]]
    assert [str(view) for view in taken] == texts


def test_a_set_of_instances_becomes_a_list_of_copies() -> None:
    author = Author(pk=1)
    taken = snapshot_value({author})
    author.pk = 2
    assert [one.pk for one in taken] == [1]


def test_a_q_keeps_its_class_and_what_was_set_on_it() -> None:
    class Marked(Q):
        pass

    condition: Any = Marked(pk=1)
    condition.mark = "x"
    copied = snapshot_value(condition)
    assert type(copied) is Marked
    assert vars(copied)["mark"] == "x"
    assert copied.children is not condition.children


def test_a_queryset_is_copied_with_everything_that_its_owner_set_on_it() -> None:
    queryset: Any = Author.objects.filter(pk=1)
    queryset.owner = "me"
    queryset._sticky_filter = True
    queryset._result_cache = ["a row"]
    copied = snapshot_value(queryset)
    assert copied.owner == "me"
    assert copied._sticky_filter
    assert copied._result_cache is None
    assert copied.query is not queryset.query
    queryset.query.add_q(Q(pk=2))
    assert "2" not in str(copied.query)
    assert snapshot_value(copied.query) is not copied.query


def test_a_filtered_relation_has_a_condition_of_its_own() -> None:
    condition = Q(books__pk=1)
    relation: Any = FilteredRelation("books", condition=condition)
    copied = snapshot_value(relation)
    condition.children.clear()
    assert copied.condition == Q(books__pk=1)
    assert copied.relation_name == "books"


def test_a_prefetch_is_copied_with_its_query() -> None:
    class Named(Prefetch):  # type: ignore[type-arg]  # not generic at run time
        pass

    lookup: Any = Named("books", Book.objects.filter(pk=1), to_attr="some")
    copied: Any = snapshot_prefetches((lookup,))[0]
    lookup.queryset.query.add_q(Q(pk=2))
    assert type(copied) is Named
    assert copied.to_attr == "some"
    assert "2" not in str(vars(copied)["queryset"].query)
    query: Any = q(Book)
    whole: Any = Prefetch("books", query)
    assert snapshot_prefetches((whole,))[0] is whole


def test_a_lazy_object_is_what_it_stands_for_unless_that_is_a_bare_value() -> None:
    author = Author(pk=1)
    taken = snapshot_value(SimpleLazyObject(lambda: SimpleLazyObject(lambda: author)))
    assert type(taken) is Author
    assert taken is not author
    name = SimpleLazyObject(lambda: "Emma")
    assert snapshot_value(name) is name
    condition = Q(pk=1)
    assert type(snapshot_value(SimpleLazyObject(lambda: condition))) is Q
    assert type(snapshot_value(SimpleLazyObject(lambda: F("pk")))) is F
    assert Snapshot(SOURCE).operand("pk__in", SimpleLazyObject(lambda: iter([1, 2]))) == [1, 2]


def test_an_expression_of_the_project_is_looked_into_whatever_it_was_made_of() -> None:
    class Kept(Expression):
        def __init__(self) -> None:
            super().__init__(output_field=IntegerField())
            self.keys = [1, 2]

    node = Kept()
    assert not is_steady(node)
    copied: Any = snapshot_value(node)
    node.keys.append(3)
    assert copied.keys == [1, 2]
