"""Each check of the compiler by itself: what it objects to or refuses, whether or not another would notice later."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connections
from django.db.models import (
    BigAutoField,
    CharField,
    Count,
    F,
    FloatField,
    ForeignObject,
    Func,
    IntegerField,
    JSONField,
    Lookup,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.expressions import Case, Col, Expression, RawSQL
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.functions import Cast, Round, RowNumber, Upper
from django.db.models.lookups import Exact, IExact, In, IsNull
from django.db.models.sql.query import Query
from django.test import override_settings
from django.test.utils import register_lookup

from adj import PlanMismatch, plan_cache, pure, q
from adj.compiler.django.assign import assigned_slots
from adj.compiler.django.build import build_with_slots
from adj.compiler.django.substitute import SlotWalk
from adj.compiler.keys.key_visitor import KeyWalk, structure_of_statement
from adj.compiler.keys.node_types import node_type_of
from adj.compiler.keys.nodes import computed_names, has_derived_field, holds_expression
from adj.compiler.keys.overrides import builds_plainly, method_names, overridden_terminals
from adj.compiler.plans.binders import _general_bind, is_plain_integer
from adj.compiler.plans.plan import Guard
from adj.compiler.plans.plan_key import structure_with_terminal_call
from adj.compiler.plans.prepared import DjangoPath, KnownResult, Ready
from adj.compiler.plans.proof import are_same
from adj.compiler.slots.lookup_paths import compares_plainly, takes_any_length
from adj.compiler.slots.marked_nodes import SlottedLookup, SlottedValue, marked_class
from adj.compiler.slots.project_code import column_objection, is_project_code, join_is_project_code, resolves_itself
from adj.compiler.slots.row_keys import SlottedKeys, keys_bind
from adj.compiler.slots.slots import Cell, Marker, Recording, Rendering, Slot, UnfitValue, check_nested, nested_markers
from adj.compiler.slots.slotted_query import _is_built_plainly, _is_list_of_keys, _objection, recorded
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, TerminalCall
from adj.statement.structure import Structure, Uncacheable, Unkeyed, extended
from tests.running import run
from tests.shop.models import Author, Book, BookQuerySet, OrderLine
from tests.unit.asking import AnyQuery, dialect, django_sql_of, plan_of, prepared, ready, sql_of, structure_of


@pytest.fixture(autouse=True)
def _empty_cache() -> Generator[None]:
    run(q(Book).acount())
    plan_cache.clear()
    yield
    plan_cache.clear()


# -- guards and binders ------------------------------------------------------------------------------------------------


def test_a_plan_refuses_values_that_its_guards_forbid() -> None:
    plan = plan_of(q(Book).filter(pages=1, weight=1))
    equal = dataclasses.replace(plan, guards=(Guard(0, 1, equal=True),))
    unequal = dataclasses.replace(plan, guards=(Guard(0, 1, equal=False),))
    assert equal.bind((1, 1), None)[1] == unequal.bind((1, 2), None)[1][:1] * 2 == (1, 1)
    with pytest.raises(UnfitValue):
        equal.bind((1, 2), None)
    with pytest.raises(UnfitValue):
        unequal.bind((1, 1), None)


def test_a_plan_refuses_parameters_that_its_guards_forbid() -> None:
    plan = plan_of(q(Book).filter(pages=1, weight=1))
    one, other = plan.template
    equal = dataclasses.replace(plan, parameter_guards=(Guard(one, other, equal=True),))
    unequal = dataclasses.replace(plan, parameter_guards=(Guard(one, other, equal=False),))
    assert equal.bind((1, 1), None)[1] == (1, 1)
    assert unequal.bind((1, 2), None)[1] == (1, 2)
    with pytest.raises(UnfitValue):
        equal.bind((1, 2), None)
    with pytest.raises(UnfitValue):
        unequal.bind((1, 1), None)


def compiler() -> Any:
    return Book.objects.order_by().query.get_compiler("default")


class Says:
    """A node with the SQL that it is told."""

    def __init__(self, sql: str, *parameters: object) -> None:
        self.sql, self.parameters = sql, parameters

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return self.sql, self.parameters


class Vanishes:
    """A condition that is always, or never, true."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        raise self.error


def rendering_of(sql: str, count: int, rebuild: Any = lambda node: node) -> Rendering:
    return Rendering(0, rebuild, None, compiler(), sql, (None,) * count)


def test_a_node_that_is_made_again_has_the_recorded_sql() -> None:
    bind = _general_bind(rendering_of("a = %s", 1), compiler())
    assert bind(Says("a = %s", 1)) == (1,)
    for other in (Says("b = %s", 1), Says("a = %s", 1, 2), Says("a = %s"), Says("a IS NULL")):
        with pytest.raises(UnfitValue):
            bind(other)
    for error in (EmptyResultSet, FullResultSet):
        with pytest.raises(UnfitValue):
            bind(Vanishes(error))


def test_a_list_that_is_made_again_has_the_recorded_sql_around_it() -> None:
    recorded_list = rendering_of("a IN (token)", 1)
    recorded_list.token = "token"  # noqa: S105  # a placeholder of SQL
    bind = keys_bind(recorded_list, compiler())
    assert bind(Says("a IN (%s, %s)", 1, 2)) == (1, 2)
    for other in (Says("b IN (%s)", 1), Says("a IN (%s)", 1, 2), Says("a IN (%s) OR a IN (%s)", 1, 2)):
        with pytest.raises(UnfitValue):
            bind(other)
    with pytest.raises(UnfitValue):
        bind(Vanishes(EmptyResultSet))


def test_a_node_that_is_made_again_has_the_same_nodes_inside_it() -> None:
    recording = Recording(())
    outer, inner, other = (Rendering(number, None, None, None, "") for number in (0, 1, 2))  # type: ignore[arg-type]
    inside = Marker(inner, 0, recording, 1)
    outer.parameters = (Marker(outer, 0, recording, 1), inside)
    nested = nested_markers(outer)
    assert nested == ((1, inside),)
    check_nested((7, Marker(inner, 0, recording, 2)), nested)
    for wrong in (7, Marker(other, 0, recording, 1), Marker(inner, 1, recording, 1)):
        with pytest.raises(UnfitValue):
            check_nested((7, wrong), nested)


# -- what a recording objects to ---------------------------------------------------------------------------------------


def compiled(query: AnyQuery) -> Recording:
    """What was noted while a query was built and compiled with slots."""
    structure = structure_of(query)
    recording = Recording(structure.values)
    with dialect().installed(), recorded(recording):
        queryset, _ = build_with_slots(query.statement, ROWS, structure, recording)
        queryset.query.get_compiler("default").as_sql()
    return recording


def test_a_recording_with_an_objection_gives_no_plan() -> None:
    recording = Recording(())
    recording.check(())
    recording.note_objection("the first")
    recording.note_objection("the second")
    with pytest.raises(Uncacheable, match="the first"):
        recording.check(())


def test_a_slot_that_nobody_took_gives_no_plan() -> None:
    recording = Recording((1, 2))
    taken, left = recording.slot(0), recording.slot(1)
    taken.is_taken = True
    recording.check({1})
    with pytest.raises(Uncacheable, match="an operand went past"):
        recording.check(())
    left.is_taken = True
    recording.check(())


def rendered(node: Any, recording: Recording) -> None:
    with recorded(recording), dialect().installed():
        Book.objects.order_by().query.get_compiler("default").compile(node)


def test_a_slot_inside_a_node_that_may_look_at_it_raises_an_objection() -> None:
    recording = compiled(q(Book).filter(pages=1))
    assert recording.objection is None
    query = q(Book).filter(pages=1)
    structure = structure_of(query)
    opaque = Recording(structure.values)
    with dialect().installed(), recorded(opaque):
        queryset, _ = build_with_slots(query.statement, ROWS, structure, opaque)
        lookup: Any = queryset.query.where.children[0]
        compiler: Any = queryset.query.get_compiler("default")
        compiler.compile(Round(Case(When(lookup, then=Value(1)), default=Value(0))))
    assert opaque.objection == "a value inside Round, which may look at it"


class Again(Func):
    """A function of the project's."""

    function = "UPPER"
    output_field: Any = CharField()


class Away(Func):
    """A condition of the project's that is always true."""

    output_field: Any = IntegerField()
    # Any: of the stubs it is a property.
    conditional: Any = True

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        raise FullResultSet


def test_code_of_the_project_inside_a_node_that_may_look_at_it_raises_an_objection() -> None:
    assert compiled(q(Book).annotate(a=Upper(Again("title")))).objection is None
    inside = compiled(q(Book).annotate(a=Round(Cast(Again("title"), IntegerField()))))
    assert inside.objection == "Again, code of the project, inside Round"


def test_code_of_the_project_that_is_left_out_raises_an_objection() -> None:
    left_out = compiled(q(Book).filter(Q(Away()), pages=1))
    assert left_out.objection == "Away, code of the project, is left out of the SQL"


def slot_of(value: object, *, has_length: bool = True) -> Slot:
    slot = Slot(0, value, Recording((value,)))
    slot.has_length = has_length
    return slot


def column(name: str = "pages") -> Any:
    field: Any = Book._meta.get_field(name)
    return field.get_col("shop_book")


class Chosen(Lookup):
    """A lookup that may be of another class for another value."""

    lookup_name = "chosen"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "1 = 1", ()

    def __new__(cls, lhs: Any, rhs: Any) -> Any:
        return super().__new__(cls)


class Elsewhere(Exact):
    """A lookup that keeps its value in its own attribute."""

    @property
    def rhs(self) -> Any:
        return self.kept

    @rhs.setter
    def rhs(self, value: Any) -> None:
        self.kept = value


class Members(In):
    """A lookup of a list, of the project's."""


class Compared(Expression):
    """A condition that is not a lookup."""

    rhs = 1

    def rhs_is_direct_value(self) -> bool:
        return True


OBJECTIONS: list[tuple[Any, list[str], Slot, str | None]] = [
    (Exact(column(), 1), ["exact"], slot_of(1), None),
    (In(column(), [1]), ["in"], slot_of([1], has_length=False), None),
    (IsNull(column(), True), ["isnull"], slot_of(True), None),
    (IsNull(column(), True), ["exact"], slot_of(""), "a value that its field stores as NULL"),
    (In(column(), [1]), ["in"], slot_of({1: 2}), "members that are in no list, of which None is structure"),
    (
        Members(column(), [1]),
        ["in"],
        slot_of([1], has_length=False),
        "Members of members whose number may decide about its SQL",
    ),
    (Members(column(), [1]), ["in"], slot_of([1]), None),
    (RelatedIn(column("author"), [1]), ["in"], slot_of([1], has_length=False), None),
    (Chosen(column(), 1), ["chosen"], slot_of(1), "Chosen may be another class for another value"),
    (Exact(column(), column("weight")), ["exact"], slot_of(1), "Exact keeps its value elsewhere"),
    (Elsewhere(column(), 1), ["exact"], slot_of(1), "Elsewhere keeps its value elsewhere"),
    (Compared(), ["exact"], slot_of(1), "Compared keeps its value elsewhere"),
]


@pytest.mark.parametrize(("lookup", "names", "slot", "objection"), OBJECTIONS)
def test_what_a_lookup_is_objected_to_for(lookup: Any, names: list[str], slot: Slot, objection: str | None) -> None:
    if isinstance(lookup, Compared):
        lookup.__dict__["rhs"] = 1
    assert _objection(lookup, names, slot) == objection


def test_an_objection_to_a_lookup_is_noted() -> None:
    with register_lookup(IntegerField, Chosen):
        recording = compiled(q(Book).filter(pages__chosen=1))
    assert recording.objection == "Chosen may be another class for another value"


def test_a_list_whose_sql_is_not_a_list_raises_an_objection_unless_its_length_is_in_the_key() -> None:
    for has_length, objection in ((False, "the SQL of a list of keys depends on its length"), (True, None)):
        recording = Recording(([1, 2],))
        cell = Cell(0, recording, [1, 2], has_length=has_length)
        lookup: Any = object.__new__(type("Marked", (SlottedKeys, In), {"plain_class": In}))
        lookup.cell = cell
        rendering = rendering_of("a = ANY (%s, %s)", 0)
        lookup.mark_parameters(rendering, (1, 2))
        assert recording.objection == objection
        assert rendering.token == ""


class Hidden(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that puts SQL around its column."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        return sql, params


def test_a_column_with_sql_of_its_own_raises_an_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "Hidden.select_format may give other SQL at the next run"
    assert compiled(q(Book).annotate(a=Cast("pages", Hidden(max_length=9))).filter(pages=1)).objection == reason
    monkeypatch.setattr(Book._meta.get_field("isbn"), "__class__", Hidden)
    assert compiled(q(Book).only("isbn").filter(pages=1)).objection == reason
    assert compiled(q(Book).only("pk").filter(pages=1)).objection is None


# -- slots and operands ------------------------------------------------------------------------------------------------


def test_an_operand_without_a_slot_and_a_slot_without_an_operand_give_no_plan() -> None:
    query = q(Book).filter(pages=1)
    structure = structure_of(query)
    for values, reason in (((), "an operand found no slot"), ((1, 2), "an operand lost its slot")):
        other = Structure(structure.key, values)
        with pytest.raises(Uncacheable, match=reason):
            build_with_slots(query.statement, ROWS, other, Recording(values))


def test_a_slice_of_a_slice_gives_no_plan() -> None:
    query = q(Book.objects.all()[:9])[1:3]
    structure = structure_of(query)
    with pytest.raises(Uncacheable, match="a slice of a slice"):
        build_with_slots(query.statement, ROWS, structure, Recording(structure.values))
    sliced = Structure((), bounds=(0, 1))
    assert not isinstance(extended(sliced, sliced), Structure)


class BlankIsNull(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that stores NULL in place of an empty text."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value) or None


class Quoted(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that writes SQL around its values."""

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        return "UPPER(%s)", (value,)


class Saved(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that prepares what is saved in its own way."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(value, connection)


def assigned(values: dict[str, Any]) -> tuple[Recording, dict[str, Any]]:
    recording = Recording(tuple(values.values()))
    slots = iter([recording.slot(index) for index in range(len(values))])
    return recording, assigned_slots(Book, values, SlotWalk(Book, slots, lambda *_: pytest.fail("nothing is nested")))


@pytest.mark.parametrize("kind", [Quoted, Saved])
def test_a_field_with_sql_of_its_own_takes_no_slot(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assigned({"title": "a"})
    monkeypatch.setattr(Book._meta.get_field("title"), "__class__", kind)
    with pytest.raises(Uncacheable, match="may be written in another way"):
        assigned({"title": "a"})


def test_an_instance_for_a_column_that_is_no_relation_takes_no_slot() -> None:
    assigned({"author": Author(pk=1)})
    with pytest.raises(Uncacheable, match="an instance for a column that is not a relation"):
        assigned({"pages": Author(pk=1)})


def test_a_value_that_is_stored_as_null_raises_an_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book._meta.get_field("title"), "__class__", BlankIsNull)
    for value, objection in (("a", None), ("", "a value that its field stores as NULL")):
        recording, nodes = assigned({"title": value})
        rendered(nodes["title"], recording)
        assert recording.objection == objection


# -- what has no kind --------------------------------------------------------------------------------------------------


class Deciding(Func):
    """Decides about its SQL before it is compiled."""

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return super().resolve_expression(*args, **kwargs)


class InSlots(Func):
    """Keeps an attribute where no walk sees it."""

    __slots__ = ("hidden",)


class OwnQuery(Query):
    """A class of queries of the project's."""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Deciding, "Deciding decides about its SQL while the query is built"),
        (InSlots, "InSlots keeps attributes in slots"),
        (OwnQuery, "OwnQuery is a class of queries of the project"),
        (object, "object has no structure that adj knows"),
    ],
)
def test_what_has_no_structure_says_why(kind: Any, reason: str) -> None:
    with pytest.raises(Uncacheable, match=reason):
        node_type_of(kind)


def test_a_query_with_methods_of_its_own_has_no_key() -> None:
    query: Any = Book.objects.filter(pages=1).query
    query.add_q = lambda *args: None
    with pytest.raises(Uncacheable, match="Query overrides methods: add_q"):
        KeyWalk(Book).node(query)


def test_a_queryset_that_builds_in_its_own_way_has_no_key() -> None:
    with pytest.raises(Uncacheable, match="OwnFilter overrides filter"):
        KeyWalk(Book).node(OwnFilter(Book))
    structure = structure_of_statement(q(OwnFilter(Book)).statement)
    assert isinstance(structure, Unkeyed)
    assert structure.reason == "OwnFilter overrides filter"


class Endless:
    """Has no hash, as a key that is nested too deeply."""

    def __hash__(self) -> int:
        return hash(self)


@pytest.mark.parametrize(("part", "reason"), [([], "a list instead of a name"), (Endless(), "it is nested too deeply")])
def test_a_part_without_a_hash_leaves_no_key(part: Any, reason: str) -> None:
    structure = extended(Structure(()), Structure((part,)))
    assert isinstance(structure, Unkeyed)
    assert structure.reason == reason


# -- code that does not say the same twice -----------------------------------------------------------------------------

said: list[str] = []


class Counting(Func):
    """Says something else each time that it is compiled."""

    output_field: Any = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        said.append("")
        return f"'{len(said)}'", ()


@pure
class PureCounting(Counting):
    """The same, and says that it does not."""


@pure
class PureParameter(Func):
    """Gives another parameter each time, and says that it does not."""

    output_field: Any = CharField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        said.append("")
        return "%s", (str(len(said)),)


@pure
class Empty(Func):
    """Leaves no rows, but not the first time."""

    output_field: Any = IntegerField()

    @property
    def conditional(self) -> bool:
        return True

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        said.append("")
        if len(said) > 1:
            raise EmptyResultSet
        return "1 = 1", ()


@pytest.mark.parametrize("kind", [Counting, PureCounting, PureParameter])
def test_a_plan_that_differs_from_django_is_not_cached(kind: Any) -> None:
    for _ in range(3):
        said.clear()
        found = prepared(q(Book).annotate(a=kind()).filter(pages=1).order_by())
        assert isinstance(found, Ready)
        assert not found.was_cached
        # What Django compiled first.
        assert "'1'" in found.sql or found.parameters[0] == "1"
    assert plan_cache.stats().uncacheable == 3
    assert plan_cache.stats().misses == 0


def test_a_statement_that_is_empty_with_slots_is_not_cached() -> None:
    for _ in range(2):
        said.clear()
        found = prepared(q(Book).filter(Empty(), pages=1))
        assert isinstance(found, Ready)
        assert not found.was_cached
        assert "1 = 1" in found.sql


def test_a_statement_that_fails_with_slots_is_run_by_django() -> None:
    @pure
    class Failing(Func):
        output_field: Any = CharField()

        def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
            said.append("")
            if len(said) > 1:
                raise RuntimeError("again")
            return "'x'", ()

    said.clear()
    found = prepared(q(Book).annotate(a=Failing()).filter(pages=1))
    assert isinstance(found, Ready)
    assert "'x'" in found.sql
    assert plan_cache.stats().uncacheable == 1


def test_what_has_no_key_is_the_same_as_django_says_it() -> None:
    for query in (
        q(Book).annotate(a=RawSQL("%s", ("x",))).filter(pages=1),
        q(Book).annotate(a=Cast(Value({"a": 1}, output_field=JSONField()), JSONField())),
        q(Book.objects.all()[:9])[1:3],
    ):
        assert sql_of(query) == django_sql_of(query)
    assert connections["default"].vendor == "sqlite"


def test_columns_of_djangos_own_have_lasting_sql() -> None:
    assert isinstance(column(), Col)


# -- a kept plan, compared with Django ---------------------------------------------------------------------------------


def test_a_lookup_that_the_sql_leaves_out_is_checked_at_each_run() -> None:
    counted = q(Author).annotate(n=Count("books", filter=Q(books__pages="1")))
    plan = plan_of(counted, TerminalCall(Answer.COUNT))
    assert plan.bind(("2",), None)[1] == ()
    with pytest.raises(ValueError, match="expected a number but got 'many'"):
        plan.bind(("many",), None)


@pure
class Switched(Func):
    """A condition that becomes impossible, although it says that it depends on nothing."""

    output_field: Any = IntegerField()

    @property
    def conditional(self) -> bool:
        return True

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        if said:
            raise EmptyResultSet
        return "1 = 1", ()


def test_a_plan_that_django_needs_no_query_for_is_reported() -> None:
    said.clear()
    sql_of(q(Book).filter(Switched(), pages=1))
    said.append("")
    with pytest.raises(PlanMismatch, match="Django needs no query for these values"):
        sql_of(q(Book).filter(Switched(), pages=2))
    assert isinstance(prepared(q(Book).filter(Switched(), pages=2)), KnownResult)


class Asking(CharField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that asks the database about some of its values."""

    def get_prep_value(self, value: Any) -> Any:
        return Author.objects.count() if value == "count" else super().get_prep_value(value)


def test_a_value_that_django_asks_the_database_about_leaves_the_query_to_django(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Book._meta.get_field("title"), "__class__", Asking)
    assert isinstance(prepared(q(Book).filter(title="a")), Ready)
    assert isinstance(prepared(q(Book).filter(title="count")), DjangoPath)
    assert isinstance(prepared(q(Book).filter(title="b")), Ready)


def test_an_operand_that_loses_its_key_after_it_was_written_leaves_no_plan() -> None:
    text: Any = Func(F("title"), function="UPPER", output_field=CharField())
    query = q(Book).annotate(n=text)
    text.extra["function"] = Odd()
    assert sql_of(query) == django_sql_of(query)
    assert plan_cache.stats().uncacheable == 1


def test_columns_that_django_merges_leave_the_query_to_django() -> None:
    numbered = {name: Window(RowNumber(), order_by="pk") for name in ("a", "b")}
    assert isinstance(prepared(q(Book).annotate(**numbered).filter(a__lte=3)), DjangoPath)


class Odd:
    """An object that is equal to nothing, and never says the same of itself."""

    def __str__(self) -> str:
        return "LOWER"

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        said.append("")
        return str(len(said))


def test_one_object_is_the_same_parameter_whatever_it_says() -> None:
    odd = Odd()
    assert are_same(odd, odd)
    assert not are_same(odd, Odd())
    assert not are_same(Decimal("1.0"), Decimal("1.00"))
    assert not are_same(0.0, -0.0)
    assert are_same(float("nan"), float("nan"))
    assert not are_same(1, True)
    assert not are_same("a", "b")


def test_a_trusted_plan_drops_its_fingerprints() -> None:
    with override_settings(ADJ_VERIFY=0, ADJ_PROBATION_RUNS=2):
        plan_cache.clear()
        trusts = [ready(q(Book).filter(pages=pages)).plan.trust for pages in range(2)]
        assert (trusts[1].left, len(trusts[1]._compared)) == (1, 2)
        trusts += [ready(q(Book).filter(pages=pages)).plan.trust for pages in (2, 3)]
        assert len(set(trusts)) == 1
        assert (trusts[3].left, len(trusts[3]._compared)) == (0, 0)
        assert not trusts[3].is_due((9,))


def test_the_cache_counts_what_became_of_each_query() -> None:
    for pages in range(3):
        sql_of(q(Book).filter(pages=pages))
    sql_of(q(Book).annotate(a=RawSQL("%s", ("x",))))
    sql_of(q(Book).none())
    stats = plan_cache.stats()
    assert (stats.misses, stats.hits, stats.uncacheable) == (1, 2, 2)


def test_terms_of_an_order_that_are_equal_by_their_parameters_are_guarded() -> None:
    """Their operands are not constants of expressions, so the key does not show which of them are equal."""

    def ordered(one: int, other: int) -> AnyQuery:
        return q(Book).alias(a=Q(pages=one), b=Q(pages=other)).order_by("a", "b")

    assert structure_of(ordered(3, 3)).key == structure_of(ordered(3, 4)).key
    assert not structure_of(ordered(3, 3)).constants
    for one, other in ((3, 4), (5, 6), (3, 3), (4, 4), (3, 4)):
        sql, parameters = sql_of(ordered(one, other))
        assert (sql, parameters) == django_sql_of(ordered(one, other))
        assert len(parameters) == len({one, other})
    plan = plan_of(ordered(3, 4))
    assert plan.parameter_guards
    with pytest.raises(UnfitValue):
        plan.bind((3, 3), None)


def test_columns_that_are_equal_by_their_operands_are_guarded() -> None:
    """Around a filtered window function Django selects equal ones once, which does not concern a plan."""

    def selected(one: int, other: int) -> AnyQuery:
        numbered = Window(RowNumber(), order_by="pk")
        return q(Book).annotate(a=Q(pages=one), b=Q(pages=other), w=numbered).filter(w__lte=1)

    assert structure_of(selected(3, 3)).key == structure_of(selected(3, 4)).key
    plan = plan_of(selected(3, 4))
    assert plan.guards
    plan.bind((5, 6, 1), None)
    with pytest.raises(UnfitValue):
        plan.bind((5, 5, 1), None)
    assert isinstance(prepared(selected(3, 3)), DjangoPath)


# -- which classes are in which list -----------------------------------------------------------------------------------


def values_of(**conditions: Any) -> tuple[object, ...]:
    return structure_of(q(Book).filter(**conditions)).values


def test_an_expression_is_a_slot_only_where_a_lookup_compares_plainly() -> None:
    for path in ("title", "title__exact", "title__gt", "author__name"):
        assert values_of(**{path: Value("a")}) == ("a",)
    for path in ("title__iexact", "title__contains", "title__regex", "metadata__a", "metadata", "title__folded"):
        assert values_of(**{path: Value("a")}) == ()
    assert values_of(author=Value(1)) == values_of(cost=Value(1)) == ()
    long = "__".join(["author", "mentor"] + ["mentor"] * 40 + ["name"])
    assert not compares_plainly(Book, long)
    assert not compares_plainly(Book, None)


def test_a_list_may_have_any_length_only_where_its_members_are_placeholders() -> None:
    for path in ("pages__in", "author__in", "author__name__in", "pk__in"):
        assert takes_any_length(Book, path)
    for path in ("metadata__a__in", "pages__range", "pages", "nothing__in", "title__folded__in"):
        assert not takes_any_length(Book, path)
    assert not takes_any_length(OrderLine, "pk__in")
    assert not takes_any_length(Book, None)


def test_a_constant_is_a_slot_only_inside_nodes_that_pass_it_on() -> None:
    passing: list[Any] = [Upper(Value("a")), F("pages") + Value("a"), Upper(Upper(Value("a")))]
    opaque: list[Any] = [Round(Value("a")), Again(Value("a")), Round(Upper(Value("a"))), Upper(Again(Value("a")))]
    for node in passing:
        assert structure_of(q(Book).alias(x=node)).values == ("a",)
    for node in opaque:
        assert structure_of(q(Book).alias(x=node)).values == ()


class OwnQ(Q):
    """A condition of the project's."""


def test_what_the_kinds_of_nodes_pass_on() -> None:
    assert [node_type_of(kind).passes for kind in (Upper, Round, Again, Q, OwnQ, Exact, IExact, Members)] == [
        *(True, False, False, True, False, True, False, False)
    ]
    kinds: list[Any] = [node_type_of(kind) for kind in (Exact, IExact, Members)]
    assert [kind.passes_left for kind in kinds] == [True, True, False]
    assert marked_class(SlottedLookup, IExact).passes_on(marked(IExact))
    assert not marked_class(SlottedLookup, Members).passes_on(marked(Members))
    assert not marked_class(SlottedValue, Value).passes_on(marked(Value))


def marked(kind: Any) -> Any:
    behaviour: Any = SlottedValue if kind is Value else SlottedLookup
    return object.__new__(marked_class(behaviour, kind))


class Restricted(ForeignObject):  # type: ignore[type-arg]  # generic for checkers only
    """A relation with an extra condition."""

    def get_extra_restriction(self, alias: str, related_alias: str) -> Any:
        return None


def test_what_is_code_of_the_project() -> None:
    assert [is_project_code(kind) for kind in (Func, Again, PureCounting, OwnQ, Q)] == [False, True, False, True, False]
    assert [resolves_itself(kind) for kind in (Func, Again, Deciding)] == [False, False, True]
    assert [column_objection(kind) is None for kind in (CharField, BlankIsNull, Hidden)] == [True, True, False]
    restricted = object.__new__(Restricted)
    assert join_is_project_code(restricted)
    assert not join_is_project_code(Book._meta.get_field("author"))
    assert not join_is_project_code(Author._meta.get_field("books"))


def test_which_attributes_are_computed() -> None:
    assert {"base_table", "table_map", "_lookup_joins"} < computed_names(Query)
    assert "output_field" not in computed_names(Query) | computed_names(Func)
    assert {"_constructor_args", "identity", "contains_aggregate", "convert_value"} < computed_names(Func)
    assert computed_names(Again) == {"_constructor_args", "identity", "possibly_multivalued"}


def test_an_output_field_that_follows_from_the_sources_is_computed() -> None:
    assert has_derived_field(Upper(Value("a")))
    assert has_derived_field(Value("a", output_field=CharField()))
    assert not has_derived_field(Value("a", output_field=IntegerField()))
    assert not has_derived_field(Cast(F("title"), IntegerField()))


def test_what_a_list_holds() -> None:
    assert not any(map(holds_expression, (1, "a", None, [1], (1, ("a",)), Author())))
    assert all(map(holds_expression, (F("a"), Value(1), [F("a")], (1, (F("a"),)), q(Book), Book.objects.all())))


def test_which_lookups_are_made_plainly_and_which_take_keys() -> None:
    assert [_is_built_plainly(kind) for kind in (Exact, In, Chosen)] == [True, True, False]
    assert _is_list_of_keys(In(column(), [1]), [1])
    assert _is_list_of_keys(RelatedIn(column("author"), [1]), (1,))
    assert not _is_list_of_keys(Members(column(), [1]), [1])
    assert not _is_list_of_keys(In(column(), [1]), iter([1]))
    assert not _is_list_of_keys(Exact(column(), 1), [1])


class OwnInteger(IntegerField):  # type: ignore[type-arg]  # generic for checkers only
    """A field that prepares integers in its own way."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value)


def test_which_fields_keep_whole_numbers_as_djangos_own() -> None:
    fields: tuple[Any, ...] = (IntegerField(), BigAutoField(), OwnInteger(), CharField(), FloatField())
    assert [is_plain_integer(field) for field in fields] == [True, True, False, False, False]


class OwnFilter(QuerySet[Any]):
    def filter(self, *args: Any, **kwargs: Any) -> Any:
        return super().filter(*args, **kwargs)


class OwnUpdate(QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        return super().update(**kwargs)


def test_which_querysets_build_and_write_as_djangos_own() -> None:
    kinds: list[Any] = [QuerySet, BookQuerySet, OwnFilter, OwnUpdate]
    assert [builds_plainly(kind) for kind in kinds] == [True, True, False, True]
    own = [overridden_terminals(kind) & method_names(Answer.UPDATE) for kind in kinds]
    assert [bool(names) for names in own] == [False, False, False, True]
    assert not overridden_terminals(OwnUpdate) & method_names(Answer.DELETE)


# -- what is answered in another way -----------------------------------------------------------------------------------


def test_an_operand_that_becomes_another_of_the_same_value_leaves_no_plan() -> None:
    """Django compiles what the expression says now, and a plan of that would be kept under what it said before."""
    text: Any = Func(F("title"), function="UPPER", output_field=CharField())
    query = q(Book).annotate(n=text)
    text.extra["function"] = "LOWER"
    assert sql_of(query) == django_sql_of(query)
    assert plan_cache.stats().uncacheable == 1
    assert (
        prepared(q(Book).annotate(n=Func(F("title"), function="UPPER", output_field=CharField()))).was_cached is False
    )


def test_a_list_of_values_and_expressions_has_no_key() -> None:
    structure = q(Book).filter(pages__in=[F("weight"), 3]).structure
    assert isinstance(structure, Unkeyed)
    assert structure.reason == "a list of values and expressions"


def test_an_assignment_without_a_key_leaves_none_to_the_update() -> None:
    finish = TerminalCall(Answer.UPDATE, (), {"title": RawSQL("%s", ("x",))})
    assert isinstance(structure_with_terminal_call(Book, structure_of(q(Book)), finish), Unkeyed)


def test_what_takes_several_statements_is_left_to_django() -> None:
    assert isinstance(prepared(q(Book).filter(pages=1), TerminalCall(Answer.DELETE)), DjangoPath)
    assert isinstance(prepared(q(Book), TerminalCall(Answer.CREATE, (), {"title": "a"})), DjangoPath)
    own: Any = OwnFilter(Book)
    assert isinstance(prepared(q(own).filter(pages=1)), DjangoPath)


def test_a_query_inside_a_node_that_may_look_at_it_has_no_key() -> None:
    walk = KeyWalk(Book)
    walk.node(q(Author).filter(name="x"))
    assert walk.values == ["x"]
    walk.is_opaque = True
    with pytest.raises(Uncacheable, match="a query inside an expression that may look at its values"):
        walk.node(q(Author).filter(name="x"))
    unkeyed = q(Author).extra(where=["1 = %s"], params=[1])
    with pytest.raises(Uncacheable, match=r"extra\(\) with parameters"):
        KeyWalk(Book).node(unkeyed)
    for extra in (unkeyed, q(Author).extra(select={"a": "%s"}, select_params=[1])):
        assert isinstance(extra.structure, Unkeyed)
