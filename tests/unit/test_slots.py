"""Slots and markers: what is noted while a statement is compiled, and that nothing of the user's is left after it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Case, Count, IntegerField, Lookup, Q, Value, When
from django.db.models.expressions import Col
from django.db.models.functions import Concat
from django.db.models.lookups import Exact
from django.db.models.sql.query import Query
from django.test.utils import isolate_apps, register_lookup

from adj import q
from adj.compiler.django.build import build_with_slots
from adj.compiler.slots.forget import forget_arguments
from adj.compiler.slots.marked_nodes import Slotted, SlottedLookup, SlottedValue, marked_class
from adj.compiler.slots.row_keys import KeysMarker
from adj.compiler.slots.slots import Cell, Marker, Recording, Slot, UnfitValue
from adj.compiler.slots.slotted_query import SlottedQuery, bare_compiler, slotted_query_class
from adj.statement.statement import ROWS
from tests.shop.models import Author, Book
from tests.unit.asking import AnyQuery, dialect, django_sql_of, prepared, sql_of, structure_of


def compiled(query: AnyQuery) -> tuple[Recording, Any, str, tuple[Any, ...]]:
    """A query compiled with slots: what was noted, its compiler, its SQL and its parameters."""
    structure = structure_of(query)
    recording = Recording(structure.values)
    with dialect().installed():
        queryset, _ = build_with_slots(query.statement, ROWS, structure, recording)
        compiler = queryset.query.get_compiler("default")
        sql, parameters = compiler.as_sql()
    return recording, compiler, sql, tuple(parameters)


def marked(value: object, recording: Recording, index: int = 0) -> Marker:
    rendering: Any = None
    return Marker(rendering, index, recording, value)


def pages_column() -> Any:
    field: Any = Book._meta.get_field("pages")
    return field.get_col("shop_book")


# -- markers -----------------------------------------------------------------------------------------------------------


def test_every_parameter_of_an_operand_is_a_marker() -> None:
    recording, _, sql, parameters = compiled(q(Book).filter(pages__gt=3, title__in=["a", "b"]))
    number, titles = parameters
    assert sql.count("%s") == 1
    assert isinstance(number, Marker)
    assert isinstance(titles, KeysMarker)
    assert (number.value, titles.value) == (3, ("a", "b"))
    assert [rendering.slot for rendering in recording.renderings] == [0, 1]


def test_markers_of_one_rendering_know_their_position() -> None:
    _, _, _, parameters = compiled(q(Book).filter(pages__range=(3, 4)))
    assert [parameter.position for parameter in parameters] == [0, 1]
    assert parameters[0].rendering is parameters[1].rendering


def test_comparing_markers_answers_as_their_values_do_and_notes_the_answer() -> None:
    recording = Recording(())
    one, same, other = (marked(value, recording) for value in (1, 1, 2))
    assert one == same
    assert one != other
    assert [(guard[0], guard[1], guard[2]) for guard in recording.parameter_guards] == [
        (one, same, True),
        (one, other, False),
    ]


def test_comparing_a_marker_with_itself_notes_nothing() -> None:
    recording = Recording(())
    one = marked(1, recording)
    assert one == one  # noqa: PLR0124  # what Django's sets do
    assert not recording.parameter_guards


def test_markers_hash_alike_so_that_sets_compare_them() -> None:
    recording = Recording(())
    assert len({marked(1, recording), marked(1, recording), marked(2, recording)}) == 2
    assert recording.parameter_guards


def test_a_marker_is_no_constant() -> None:
    assert marked(1, Recording(())) != 1


# -- lookups -----------------------------------------------------------------------------------------------------------


def test_lookups_of_one_slot_are_equal_without_a_guard() -> None:
    recording = Recording((1, 1))
    cell = recording.cell(0, 1)
    assert recording.are_equal(cell, recording.cell(0, 1))
    assert not recording.guards


@pytest.mark.parametrize(("one", "other", "equal"), [(1, 1, True), (1, 2, False), ("1", "1", True)])
def test_comparing_lookups_becomes_a_guard(one: object, other: object, equal: bool) -> None:
    recording = Recording((one, other))
    assert recording.are_equal(recording.cell(0, one), recording.cell(1, other)) is equal
    assert recording.guards == [(0, 1, equal)]
    assert recording.objection is None


def test_operands_that_are_equal_only_once_prepared_raise_an_objection() -> None:
    recording = Recording((1, "1"))
    assert recording.are_equal(recording.cell(0, 1), recording.cell(1, 1))
    assert recording.objection == "two operands differ but are equal once prepared"


def test_the_equality_of_conditions_that_django_compares_is_a_guard(empty_plan_cache: None) -> None:
    def ordered(one: int, other: int) -> AnyQuery:
        return q(Book).annotate(a=Q(pages=one), b=Q(pages=other)).order_by("title")

    recording, _, _, _ = compiled(ordered(3, 3))
    assert set(recording.guards) <= {(0, 1, True), (1, 0, True)}
    assert recording.guards
    for one, other in [(3, 3), (3, 4), (5, 5), (5, 6)]:
        assert sql_of(ordered(one, other)) == django_sql_of(ordered(one, other))


def test_a_marked_lookup_has_the_same_class_and_value() -> None:
    recording, _, _, _ = compiled(q(Book).filter(pages=3))
    slot = Slot(0, 3, recording)
    lookup: Any = SlottedQuery(Book).build_lookup(["exact"], pages_column(), slot)
    assert isinstance(lookup, SlottedLookup)
    assert isinstance(lookup, lookup.plain_class)
    assert lookup.rhs == 3
    lookup.rhs = 4
    assert lookup.cell.prepared == 4
    assert "rhs" not in lookup.__dict__


def test_a_copy_of_a_marked_lookup_shares_its_cell() -> None:
    recording = Recording((3,))
    column = pages_column()
    lookup: Any = SlottedQuery(Book).build_lookup(["exact"], column, recording.slot(0))
    assert copy.copy(lookup).cell is lookup.cell
    assert copy.copy(lookup) == lookup
    assert hash(copy.copy(lookup)) == hash(lookup)


def test_the_classes_of_marked_nodes_are_made_once() -> None:
    assert marked_class(SlottedLookup, Exact) is marked_class(SlottedLookup, Exact)
    assert marked_class(SlottedValue, Value).plain_class is Value


def test_a_query_class_of_the_project_stays_its_base() -> None:
    class OwnQuery(Query):
        pass

    slotted = slotted_query_class(OwnQuery)
    assert issubclass(slotted, (OwnQuery,))
    assert issubclass(slotted, (SlottedQuery,))
    assert slotted is slotted_query_class(OwnQuery)
    assert slotted_query_class(Query) is SlottedQuery


def test_a_lookup_made_anew_of_none_is_refused() -> None:
    recording, _, _, _ = compiled(q(Book).filter(pages=3))
    with pytest.raises(UnfitValue):
        recording.renderings[0].rebuild(None)


def test_a_prepared_lookup_made_anew_of_none_is_refused() -> None:
    recording, _, _, _ = compiled(q(Book.objects.filter(pages=3)))
    with pytest.raises(UnfitValue):
        recording.renderings[0].rebuild(None)
    assert recording.renderings[0].rebuild(4).rhs == 4


def test_a_lookup_made_anew_holds_the_new_value_as_django_prepares_it() -> None:
    recording, _, _, _ = compiled(q(Book).filter(pages=3))
    lookup = recording.renderings[0].rebuild("4")
    assert type(lookup) is not SlottedLookup
    assert lookup.rhs == 4


def test_a_value_made_anew_is_a_plain_one() -> None:
    recording, _, _, _ = compiled(q(Book).annotate(a=Value("x")))
    node = recording.renderings[0].rebuild("y")
    assert type(node) is Value
    assert node.value == "y"
    assert recording.renderings[0].rebuild("z").value == "z"
    assert node.value == "y"


@pytest.mark.parametrize("vanishing", [{"pages__in": [None]}, {"pages": 2**70}, {"pages__lt": 2**70}])
def test_a_condition_that_vanishes_for_its_value_raises_an_objection(vanishing: dict[str, Any]) -> None:
    query = q(Book).filter(Q(title="x") | Q(**vanishing), isbn="y")
    structure = structure_of(query)
    recording = Recording(structure.values)
    with dialect().installed():
        queryset, _ = build_with_slots(query.statement, ROWS, structure, recording)
        try:
            queryset.query.get_compiler("default").as_sql()
        except (EmptyResultSet, FullResultSet):
            pytest.fail("only a part of the condition vanishes")
    assert recording.objection == "a condition that is always or never true for its value"


@isolate_apps("tests.shop")
def test_a_value_that_is_stored_as_null_gives_a_plan_of_its_own(empty_plan_cache: None) -> None:
    """A field may make NULL of a value; Django then makes an IsNull of the lookup."""
    from django.db import models  # the name of the module is what a model's definition reads as

    class BlankIsNull(models.CharField):  # type: ignore[type-arg]  # generic for checkers only
        def get_prep_value(self, value: Any) -> Any:
            return super().get_prep_value(value) or None

    class Leaflet(models.Model):
        text = BlankIsNull(max_length=9, null=True)

        class Meta:
            app_label = "shop"

    for text in ("", "a", "", "b"):
        query = q(Leaflet).filter(text=text)
        assert sql_of(query) == django_sql_of(query)
    plan_made_for_a_text_first = [q(Leaflet).exclude(text=text) for text in ("a", "", "b")]
    assert [sql_of(query) for query in plan_made_for_a_text_first] == [
        django_sql_of(query) for query in plan_made_for_a_text_first
    ]
    assert prepared(q(Leaflet).exclude(text="c")).was_cached


class Chosen(Lookup):
    """A lookup that is another class for large values."""

    lookup_name = "chosen"
    operator = "="

    def __new__(cls, lhs: Any, rhs: Any) -> Any:
        chosen: Any = ChosenLarge if rhs > 10 else cls
        return super().__new__(chosen)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        lhs, lhs_parameters = self.process_lhs(compiler, connection)
        rhs, rhs_parameters = self.process_rhs(compiler, connection)
        return f"{lhs} {self.operator} {rhs}", (*lhs_parameters, *rhs_parameters)


class ChosenLarge(Chosen):
    operator = ">"


def test_a_lookup_class_that_depends_on_the_value_is_chosen_at_every_run(empty_plan_cache: None) -> None:
    with register_lookup(IntegerField, Chosen):
        for pages in (96, 5, 96):
            query = q(Book).filter(pages__chosen=pages)
            assert sql_of(query) == django_sql_of(query)


# -- sealing -----------------------------------------------------------------------------------------------------------


def test_sealing_lets_go_of_every_value() -> None:
    recording, _, _, parameters = compiled(q(Book).filter(pages=3, title="x").annotate(a=Value("y")))
    recording.seal()
    assert recording.values == ()
    assert {cell.prepared for cell in recording.cells} == {None}
    assert {parameter.value for parameter in parameters} == {None}


def test_a_sealed_node_answers_with_what_was_recorded() -> None:
    recording, compiler, _, _ = compiled(q(Book).filter(pages=3))
    lookup = compiler.query.where.children[0]
    before = lookup.rendered(compiler, compiler.compile)
    recording.seal()
    assert lookup.rendered(compiler, lambda node: pytest.fail("compiled again")) == before


def test_a_sealed_node_that_was_never_written_is_refused() -> None:
    recording = Recording((3,))
    column = pages_column()
    lookup: Any = SlottedQuery(Book).build_lookup(["exact"], column, recording.slot(0))
    recording.seal()
    with pytest.raises(UnfitValue):
        lookup.rendered(None, None)


def test_a_cell_is_remembered_by_its_recording() -> None:
    recording = Recording((3,))
    assert recording.cells == [recording.cell(0, 3)]
    assert isinstance(recording.cells[0], Cell)


# -- letting go --------------------------------------------------------------------------------------------------------


def test_a_bare_compiler_quotes_as_the_other_and_holds_nothing_of_its_query() -> None:
    _, compiler, _, _ = compiled(q(Book).filter(pages=3).annotate(a=Value("y")))
    bare = bare_compiler(compiler)
    assert type(bare) is type(compiler)
    assert bare.quote_cache == compiler.quote_cache
    assert bare.quote_cache is not compiler.quote_cache
    assert not bare.query.where
    assert not bare.query.annotations


def test_constructor_arguments_are_taken_out_of_a_compiled_tree() -> None:
    _, compiler, _, _ = compiled(
        q(Author).annotate(
            a=Concat("name", Value("secret one")),
            b=Case(When(name="secret two", then=Value("secret three")), default=Value("secret four")),
            c=Count("books", filter=Q(books__title="secret five")),
        )
    )
    forget_arguments(compiler.query)
    held = [node._constructor_args for node in expressions_of(compiler.query) if "_constructor_args" in vars(node)]
    assert len(held) > 4
    assert all(arguments == ((), {}) for arguments in held)


def test_a_shared_column_keeps_its_arguments() -> None:
    column = pages_column()
    forget_arguments(column)
    assert column == Col("shop_book", column.target)


def expressions_of(query: Any) -> list[Any]:
    found: list[Any] = []
    waiting = list(query.annotations.values())
    while waiting:
        node = waiting.pop()
        if node is None or isinstance(node, Col) or not hasattr(node, "get_source_expressions"):
            continue
        found.append(node)
        waiting.extend(node.get_source_expressions())
    return found


def test_a_kind_of_node_that_does_not_say_how_it_is_made_raises() -> None:
    class Strange(Slotted):
        pass

    assert Strange().origin() is None
    with pytest.raises(TypeError, match="Strange does not say how it is made"):
        Strange().rebuilder()
