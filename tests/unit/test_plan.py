"""Plans: binding, refusal, guards, and that each fast path gives what the general one gives."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import EmptyResultSet
from django.db.models import Case, CharField, Count, F, Field, Q, Sum, TextChoices, Value, When
from django.db.models.functions import Concat
from django.db.models.lookups import Exact
from django.test.utils import register_lookup
from django.utils.functional import lazystr

from adj import AsyncQuery, plan_cache, q
from adj.compiler.django.build import build_with_slots
from adj.compiler.django.limits import LIMITS
from adj.compiler.plans.binders import _direct_bind, _general_bind, binder_for
from adj.compiler.plans.plan import Guard, Parameter, Plan
from adj.compiler.plans.prepared import KnownResult, Ready
from adj.compiler.plans.proof import are_same
from adj.compiler.slots.forget import forget_arguments
from adj.compiler.slots.slots import Recording, Rendering, UnfitValue
from adj.compiler.slots.slotted_query import bare_compiler
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, TerminalCall
from tests.shop.models import Author, Book, OrderLine, Publisher
from tests.unit.asking import (
    AnyQuery,
    counted,
    dialect,
    django_sql_of,
    plan_of,
    prepared,
    ready,
    sql_of,
    structure_of,
)

# -- the direct binders ------------------------------------------------------------------------------------------------


class Number(int):
    """An int of the project's own."""


class Text(str):
    """A str of the project's own."""

    __slots__ = ()


class Size(enum.IntEnum):
    LARGE = 7


class Word(TextChoices):
    ONE = "one", "One"


LIMITS_OF_INTEGERS = [
    number + step for bits in (15, 16, 31, 32, 63, 64) for number in (2**bits, -(2**bits)) for step in (-1, 0, 1)
]
OPERANDS: list[Any] = [
    *LIMITS_OF_INTEGERS,
    *(0, 1, -1, 7, 2**70, -(2**70), Number(5), Number(2**70), Size.LARGE, True, False),
    *(
        "",
        "5",
        " 5 ",
        "5.0",
        "x",
        "\uff11\uff12",
        "a\x00b",
        "Ünï",
        "%_\\",
        Text("5"),
        Text("x"),
        Word.ONE,
        lazystr("5"),
        lazystr("x"),
    ),
    *(5.0, 5.5, -0.0, float("inf"), float("nan"), decimal.Decimal(5), decimal.Decimal("5.5"), 5 + 0j),
    *(b"5", None, [5], (5,), {"a": 5}, object(), datetime.date(2020, 1, 1), uuid.UUID(int=5)),
    *(Author(pk=5), Author(), Book(pk="x"), Publisher(pk=6, slug="s")),
]
COMPARISONS = ["exact", "gt", "gte", "lt", "lte"]


def comparable_fields() -> list[Any]:
    """Every integer, text and foreign key field of the bookshop, with its lookups."""
    models = apps.get_app_config("shop").get_models(include_auto_created=True)
    return [
        pytest.param(model, field.name, lookup, id=f"{model.__name__}.{field.name}__{lookup}")
        for model in models
        for field in model._meta.concrete_fields
        if field.get_internal_type() not in {"BinaryField", "JSONField", "ArrayField"}
        for lookup in COMPARISONS
    ]


def rendering_of(model: Any, path: str, value: object) -> Rendering:
    """How the condition `path=value` was written."""
    query = q(model._base_manager.order_by()).filter(**{path: value})
    recording = Recording(structure_of(query).values)
    with dialect().installed():
        queryset, _ = build_with_slots(query.statement, ROWS, structure_of(query), recording)
        queryset.query.get_compiler("default").as_sql()
    (rendering,) = recording.renderings
    return rendering


def outcome(bind: Any, value: object) -> Any:
    """What a binder gives, or the kind of what it raises."""
    try:
        return [(type(parameter), repr(parameter)) for parameter in bind(value)]
    except Exception as error:  # noqa: BLE001  # a field may refuse a value with anything
        return type(error)


def first_operand(field: Field[Any, Any]) -> Any:
    """A value that a field takes."""
    target: Any = field
    while getattr(target, "target_field", None) is not None:
        target = target.target_field
    kind = target.get_internal_type()
    return {
        "DateField": datetime.date(2020, 1, 1),
        "DateTimeField": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        "TimeField": datetime.time(1),
        "DurationField": datetime.timedelta(1),
        "UUIDField": uuid.UUID(int=1),
        "GenericIPAddressField": "::1",
        "BooleanField": "1",
    }.get(kind, 1)


@pytest.mark.parametrize(("model", "name", "lookup"), comparable_fields())
@pytest.mark.filterwarnings("ignore:DateTimeField:RuntimeWarning")
def test_the_direct_binder_gives_what_the_general_one_gives(model: Any, name: str, lookup: str) -> None:
    """A fast path is proven equal to the general one: every field, comparison and operand is put to both."""
    rendering = rendering_of(model, f"{name}__{lookup}", first_operand(model._meta.get_field(name)))
    general = _general_bind(rendering, bare_compiler(rendering.compiler))
    direct = _direct_bind(rendering, rendering.compiler.connection)
    chosen = binder_for(rendering).bind
    for operand in OPERANDS:
        expected = outcome(general, operand)
        assert outcome(chosen, operand) == expected
        if direct is not None and direct(operand) is not None:
            assert outcome(direct, operand) == expected


DIRECTLY_BOUND = {
    ("Book", "pages", "gt"), ("Book", "title", "exact"), ("Book", "title", "lt"), ("Book", "id", "exact"),
    ("Book", "weight", "lte"), ("Book", "copies_sold", "gte"), ("Book", "author", "exact"), ("Publisher", "slug", "gt"),
    ("BookDetail", "book", "exact"), ("AuthorProfile", "email", "exact"), ("AuthorProfile", "website", "lt"),
    ("AuthorProfile", "bio", "exact"), ("Reader", "gadget_ptr", "exact"), ("Country", "code", "exact"),
}  # fmt: skip
NEVER_DIRECTLY_BOUND = {
    ("Book", "cost", "exact"), ("Book", "price", "gt"), ("Book", "published", "exact"), ("Book", "rating", "lt"),
    ("Book", "is_available", "exact"), ("Publisher", "country", "exact"), ("Depot", "publisher", "exact"),
    ("OrderLine", "order", "exact"), ("Book", "reference", "exact"), ("AuthorProfile", "address", "exact"),
}  # fmt: skip


@pytest.mark.parametrize(("model", "name", "lookup"), sorted(DIRECTLY_BOUND | NEVER_DIRECTLY_BOUND))
def test_comparisons_of_plain_columns_are_bound_directly_and_others_are_not(model: str, name: str, lookup: str) -> None:
    kind = apps.get_model("shop", model)
    rendering = rendering_of(kind, f"{name}__{lookup}", first_operand(kind._meta.get_field(name)))
    is_direct = _direct_bind(rendering, rendering.compiler.connection) is not None
    assert is_direct is ((model, name, lookup) in DIRECTLY_BOUND)


@pytest.mark.parametrize(
    "path", ["title__iexact", "title__contains", "pages__in", "pages__range", "title__folded", "pages__ne"]
)
def test_lookups_whose_sql_may_vary_are_never_bound_directly(path: str) -> None:
    rendering = rendering_of(Book, path, [1, 2] if path.endswith(("in", "range")) else 1)
    assert _direct_bind(rendering, rendering.compiler.connection) is None


@pytest.mark.parametrize(
    ("operand", "is_direct"), [(5, True), (Number(5), False), (True, False), ("5", False), (2**70, False)]
)
def test_only_plain_integers_within_the_range_take_the_fast_path(operand: object, is_direct: bool) -> None:
    rendering = rendering_of(Book, "pages", 1)
    direct: Any = _direct_bind(rendering, rendering.compiler.connection)
    assert (direct(operand) is not None) is is_direct


# -- refusal -----------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], Any]] = [
    ({"pages": 3}, 2**70),
    ({"pages__lt": 3}, 2**70),
    ({"pages__gt": 3}, 2**70),
    ({"pages__gt": 3}, -(2**70)),
    ({"pages": 3}, None),
    ({"title": "x"}, None),
    ({"pages__in": [1, 2]}, [None, None]),
    ({"title__matches": "Emma"}, "Em*"),
    ({"author": 3}, None),
]


@pytest.mark.parametrize(("first", "then"), REFUSED)
def test_a_plan_refuses_a_value_that_needs_other_sql(
    first: dict[str, Any], then: object, empty_plan_cache: None
) -> None:
    plan = plan_of(q(Book).filter(**first))
    with pytest.raises(UnfitValue):
        plan.bind((then,), None)


@pytest.mark.parametrize(("first", "then"), REFUSED)
def test_what_was_refused_has_djangos_sql(first: dict[str, Any], then: Any, empty_plan_cache: None) -> None:
    queries = [q(Book).filter(**first), q(Book).filter(**dict.fromkeys(first, then)), q(Book).filter(**first)]
    assert [sql_of(query) for query in queries] == [django_sql_of(query) for query in queries]


def test_a_plan_of_other_sql_takes_the_place_of_the_refused_one(empty_plan_cache: None) -> None:
    before = plan_cache.stats()
    for text in ("Emma", "Em*", "Da*", "Dawn"):
        query = q(Book).filter(title__matches=text)
        assert sql_of(query) == django_sql_of(query)
    assert counted(before) == {"hits": 1, "misses": 1, "refusals": 2}
    assert len(plan_cache) == 1


def test_a_value_that_django_does_not_take_raises_djangos_error_when_it_is_bound(empty_plan_cache: None) -> None:
    plan = plan_of(q(Book).filter(pages=3))
    with pytest.raises(ValueError, match="expected a number"):
        plan.bind(("x",), None)


# -- guards ------------------------------------------------------------------------------------------------------------


def _plan(guards: tuple[Guard[int], ...] = (), parameter_guards: tuple[Guard[Any], ...] = ()) -> Plan:
    """The plan of two conditions, with guards."""
    found = plan_of(q(Book).filter(pages=1, weight=2))
    return Plan(
        dialect=found.dialect,
        sql=found.sql,
        template=found.template,
        binders=found.binders,
        guards=guards,
        parameter_guards=parameter_guards,
        hydrate=found.hydrate,
        calls_project_code=found.calls_project_code,
        locks_rows=False,
        is_sequential=found.is_sequential,
        is_typed=found.is_typed,
        trust=found.trust,
    )


@pytest.mark.parametrize(
    ("values", "equal", "fits"),
    [((1, 1), True, True), ((1, 2), True, False), ((1, 2), False, True), ((1, 1), False, False)],
)
def test_a_guard_holds_two_values_to_what_was_seen(values: Any, equal: bool, fits: bool) -> None:
    guard = Guard(0, 1, equal)
    parameter_guard = Guard(Parameter(0, 0), Parameter(1, 0), equal)
    for plan in (_plan(guards=(guard,)), _plan(parameter_guards=(parameter_guard,))):
        if fits:
            assert plan.bind(values, None)[1] == values
        else:
            with pytest.raises(UnfitValue):
                plan.bind(values, None)


def test_parameters_of_group_by_are_guarded(empty_plan_cache: None) -> None:
    """Django leaves a GROUP BY term out that has the SQL and the parameters of an earlier one."""

    def counts(one: object, other: object) -> AnyQuery:
        return (
            q(Book)
            .annotate(a=Concat("title", Value(one)), b=Concat("title", Value(other)), c=Q(pages=1), d=Q(pages=2))
            .values("a", "b", "c", "d")
            .annotate(n=Count("tags"))
        )

    for one, other in [("x", "y"), ("z", "z"), ("v", "w"), ("u", "u")]:
        assert sql_of(counts(one, other)) == django_sql_of(counts(one, other))


@pytest.mark.parametrize("pairs", [[(1, 2), (3, 3), (4, 5), (6, 6)], [(3, 3), (1, 2), (3, 3)]])
def test_conditions_in_group_by_with_equal_parameters_have_djangos_sql(
    pairs: list[tuple[int, int]], empty_plan_cache: None
) -> None:
    def grouped(one: int, other: int) -> AnyQuery:
        return q(Book).values(a=Q(pages=one), b=Q(pages=other)).annotate(n=Count("tags"))

    for one, other in pairs:
        assert sql_of(grouped(one, other)) == django_sql_of(grouped(one, other))


def test_the_equality_of_parameters_in_group_by_becomes_a_guard(empty_plan_cache: None) -> None:
    plan = plan_of(q(Book).values(a=Q(pages=1), b=Q(pages=2)).annotate(n=Count("tags")))
    assert plan.parameter_guards or plan.guards
    with pytest.raises(UnfitValue):
        plan.bind((3, 3), None)
    assert plan.bind((3, 4), None)[1]


# -- slices ------------------------------------------------------------------------------------------------------------


def test_all_pages_share_one_plan(empty_plan_cache: None) -> None:
    before = plan_cache.stats()
    for start in (10, 20, 1_000):
        query = q(Book).filter(pages__gt=start).order_by("pk")[start : start + 10]
        assert sql_of(query) == django_sql_of(query)
        assert "LIMIT 10" in sql_of(query)[0]
    assert counted(before) == {"misses": 1, "hits": 5}


@pytest.mark.parametrize(
    "bounds",
    [(None, None), (0, None), (0, 0), (0, 1), (None, 5), (5, None), (5, 5), (5, 3), (5, 9), (2**40, 2**41), (1, 2**62)],
)
def test_every_slice_has_djangos_sql_cold_and_warm(
    bounds: tuple[int | None, int | None], empty_plan_cache: None
) -> None:
    query = q(Book).order_by("pk")[slice(*bounds)]
    assert sql_of(query) == sql_of(query) == django_sql_of(query)


@pytest.mark.parametrize(
    "base", [Book.objects.order_by("pk")[5:20], Book.objects.order_by("pk")[3:], Book.objects.all()[:9]]
)
def test_a_slice_of_a_slice_has_djangos_sql(base: Any, empty_plan_cache: None) -> None:
    for bounds in [slice(2, 4), slice(3, 9), slice(2, 4), slice(7, None), slice(30, 40)]:
        query = q(base)[bounds]
        assert sql_of(query) == django_sql_of(query)
        again = q(Book).order_by("pk")[5:20][bounds]
        assert sql_of(again) == django_sql_of(again)


def test_the_limits_of_a_plan_are_no_part_of_its_sql(empty_plan_cache: None) -> None:
    found = ready(q(Book)[3:5])
    assert LIMITS in found.plan.sql
    assert LIMITS not in found.sql


@pytest.mark.parametrize("answer", [Answer.GET, Answer.FIRST, Answer.COUNT, Answer.EXISTS])
def test_a_terminal_method_after_a_slice_has_a_plan_for_each_offset(answer: Answer, empty_plan_cache: None) -> None:
    finish = TerminalCall(answer)
    found = [ready(q(Book).order_by("pk")[start : start + 5], finish) for start in (3, 4, 30, 3)]
    assert ["OFFSET 3" in ready.sql for ready in found] == [True, False, True, True]
    assert ["OFFSET 4" in ready.sql for ready in found] == [False, True, False, False]
    assert [ready.was_cached for ready in found] == [False, False, False, True]


# -- the check of a new plan -------------------------------------------------------------------------------------------


class Written(Exact):
    """`column = value`, counted."""

    written = 0

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        Written.written += 1
        left, parameters = self.process_lhs(compiler, connection)
        right, others = self.process_rhs(compiler, connection)
        return f"{left} = {right}", [*parameters, *others]


class Fickle(Written):
    """A lookup that is written differently each time."""

    lookup_name = "fickle"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, parameters = super().as_sql(compiler, connection)
        return f"{sql} AND {self.written} > 0", parameters


class Counting(Written):
    """A lookup whose parameter is another one each time."""

    lookup_name = "counting"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, parameters = super().as_sql(compiler, connection)
        return sql, [f"{parameter} {self.written}" for parameter in parameters]


@pytest.mark.parametrize("lookup", [Fickle, Counting])
def test_a_plan_with_other_sql_than_django_is_not_cached(lookup: Any, empty_plan_cache: None) -> None:
    before = plan_cache.stats()
    with register_lookup(CharField, lookup):
        for text in ("a", "b"):
            found = ready(q(Book).filter(**{f"title__{lookup.lookup_name}": text}))
            assert not found.was_cached
            assert str(found.parameters[0]).startswith(text)
    assert counted(before) == {"uncacheable": 2}
    assert len(plan_cache) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1, True),
        (1, 2, False),
        (1, True, False),
        (1, 1.0, False),
        ("a", "a", True),
        (float("nan"), float("nan"), True),
        (0.0, -0.0, False),
        (b"a", bytearray(b"a"), False),
    ],
)
def test_parameters_are_the_same_by_type_and_value(one: object, other: object, same: bool) -> None:
    assert are_same(one, other) is same


# -- answers without a plan --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "finish", "answer"),
    [
        (q(Book).none(), ROWS, []),
        (q(Book).filter(pk__in=[]), ROWS, []),
        (q(Book)[3:3], ROWS, []),
        (q(Book).none(), TerminalCall(Answer.COUNT), 0),
        (q(Book).none(), TerminalCall(Answer.EXISTS), False),
        (q(Book).none(), TerminalCall(Answer.FIRST), None),
        (
            q(Book).none(),
            TerminalCall(Answer.AGGREGATE, (), {"n": Count("pk"), "s": Sum("pages", default=3)}),
            {"n": 0, "s": 3},
        ),
        (q(Book).filter(pages=2**70), TerminalCall(Answer.COUNT), 0),
    ],
)
def test_an_empty_query_is_answered_without_sql(query: AnyQuery, finish: TerminalCall, answer: object) -> None:
    """P5"""
    found = prepared(query, finish)
    assert isinstance(found, KnownResult)
    assert found.result == answer


# -- templates ---------------------------------------------------------------------------------------------------------


def test_a_template_of_parameters_in_order_is_sequential(empty_plan_cache: None) -> None:
    assert plan_of(q(Book).filter(pages=1, title__in=["a", "b"])).is_sequential


def test_a_template_with_constants_is_not(empty_plan_cache: None) -> None:
    query = q(Book).annotate(a=Value(True)).filter(pages=3, is_available=True)
    plan = plan_of(query)
    assert not plan.is_sequential
    assert sql_of(query) == django_sql_of(query)
    assert [type(entry) for entry in plan.template].count(Parameter) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q(Book).filter(pages__gt=3, title="a"), True),
        (q(Book).filter(pages__gt=3, title__in=["a", "b"]), False),
        (q(Book).filter(author=1).exclude(title__startswith="a").order_by("title")[:3], True),
        (q(Book).filter(author__name="a", pages__range=(1, 2)), True),
        (q(Book).filter(title__iexact="a"), False),
        (q(Book).annotate(a=F("pages") + 1).filter(a=3), False),
        (q(Book).annotate(a=Case(When(pages__gt=3, then="pages"))), False),
        (q(Book).annotate(a=Value(True)).filter(pages=3), False),
        (q(Book).filter(pages=3).values("title").annotate(a=Count("pk", filter=Q(pages=2))), False),
    ],
)
def test_parameters_are_typed_where_they_are_compared_with_columns(
    empty_plan_cache: None, query: AsyncQuery[Any, Any], expected: bool
) -> None:
    assert plan_of(query).is_typed is expected


def test_a_parameter_may_be_written_twice(empty_plan_cache: None) -> None:
    """Oracle and others repeat a parameter; so does a lookup of two parts."""
    for role in ("a", "b"):
        query = q(OrderLine).filter(Q(quantity=3), Q(book__title=role) | Q(book__isbn=role))
        assert sql_of(query) == django_sql_of(query)


def test_a_condition_that_can_never_be_true_is_left_to_django() -> None:
    with pytest.raises(EmptyResultSet):
        rendering_of(Book, "pages", 2**70)


def test_making_a_binder_takes_the_constants_out_of_the_left_side(empty_plan_cache: None) -> None:
    query = q(Book).alias(a=Concat("title", Value("secret"))).filter(a="x")
    recording = Recording(structure_of(query).values)
    with dialect().installed():
        queryset, _ = build_with_slots(query.statement, ROWS, structure_of(query), recording)
        queryset.query.get_compiler("default").as_sql()
    for rendering in recording.renderings:
        binder_for(rendering)
        if rendering.origin is not None:
            left: Any = rendering.origin[1]
            assert left._constructor_args == ((), {})
            forget_arguments(rendering.origin[1])
    assert isinstance(prepared(query), Ready)
