"""Hostile names in every place that takes one: Django's rows, keys and attributes, cold and from the cache."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db.models import Count, F, FilteredRelation, Max, Prefetch, Q, Value
from django.db.models.functions import Lower

import adj
from adj import q
from adj.hydrate import generate
from tests.names import FEW_NAMES, NAMES, Alike, Choice, Code, Hiding, Member, Mixed, short, subclassed
from tests.parity.oracle import Session, ending
from tests.running import run
from tests.shop.models import Author, Book, Customer, Order, OrderLine, Tag, Visit

Place = Callable[[Any, Any], Any]


def few(start: Any, model: Any) -> Any:
    """Some rows, since each is compared with a hundred names."""
    return start(model).filter(pk__lte=3).order_by("pk")


PLACES: dict[str, Place] = {
    "annotation": lambda s, n: s(Tag).annotate(**{n: Value("v")}),
    "annotation of a wide row": lambda s, n: few(s, Book).annotate(a=Value(1), **{n: F("pages")}, b=Value(2)),
    "annotation beside relations": lambda s, n: (
        few(s, Book).select_related("author", "detail").annotate(a=Value(1), **{n: F("pages")}, b=Value(2))
    ),
    "annotation of a composite key": lambda s, n: s(Order).annotate(a=Value(1), **{n: F("lines__pk")}, b=Value(2)),
    "annotation of a model with __init__": lambda s, n: few(s, Customer).annotate(**{n: Value("v")}),
    "annotation of a model with from_db": lambda s, n: few(s, Visit).annotate(**{n: Value("v")}),
    "annotation of deferred rows": lambda s, n: few(s, Book).only("title").annotate(**{n: F("pages")}),
    "annotation that counts": lambda s, n: s(Tag).annotate(**{n: Count("books")}),
    "alias": lambda s, n: s(Tag).alias(**{n: F("weight")}).annotate(z=F(n)),
    "alias that sorts": lambda s, n: s(Tag).alias(**{n: F("weight")}).order_by(n, "pk"),
    "values": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values(n, "name"),
    "values of an expression": lambda s, n: s(Tag).values("name", **{n: F("weight")}),
    "values of all": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values(),
    "values of a column": lambda s, n: s(Tag).values(n),
    "values of a composite key": lambda s, n: s(OrderLine).annotate(**{n: F("pk")}).values("number", n, "cents"),
    "tuples": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values_list("name", n),
    "tuples of a column": lambda s, n: s(Tag).values_list(n),
    "flat": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values_list(n, flat=True),
    "named": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values_list(n, "name", named=True),
    "named of all": lambda s, n: s(Tag).annotate(**{n: F("weight")}).values_list(named=True),
    "named of a column": lambda s, n: s(Tag).values_list(n, named=True),
    "extra": lambda s, n: s(Tag).extra(select={n: "1"}),
    "extra in values": lambda s, n: s(Tag).extra(select={n: "1"}).values(),
    "condition": lambda s, n: s(Tag).annotate(**{n: F("weight")}).filter(**{n: 1}),
    "order": lambda s, n: s(Tag).annotate(**{n: F("weight")}).order_by(n, "pk"),
    "only": lambda s, n: s(Tag).only(n),
    "defer": lambda s, n: s(Tag).defer(n),
    "nested": lambda s, n: s(Tag).filter(pk__in=s(Tag).annotate(**{n: F("pk")}).values(n)),
    "union": lambda s, n: s(Tag).values("pk", **{n: F("name")}).union(s(Tag).values("pk", **{n: F("name")})),
    "annotation of a queryset": lambda s, n: s(Tag.objects.annotate(**{n: F("weight")})),
    "values of a queryset": lambda s, n: s(Tag.objects.values("name", **{n: F("weight")})),
    "filtered relation": lambda s, n: (
        few(s, Author).annotate(**{n: FilteredRelation("books", condition=Q(books__pages__gt=300))}).select_related(n)
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _percent_signs_and_dots_are_deprecated() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


def compare_all(build: Place, names: Iterable[str], alias: str = "default", *, aggregates: bool = False) -> None:
    """Compare a place for each name, cold and from the cache; fails with all that differ."""
    failed: dict[str, str] = {}
    with Session(alias) as session:
        for name in names:
            finish = ending("aaggregate", **{name: Max("weight")}) if aggregates else None
            try:
                session.compare(lambda start, name=name: build(start, name), (), (), finish=finish)
            except AssertionError as error:
                failed[short(name)] = str(error)[:1_000]
    assert not failed, "\n".join(f"{name}: {message}" for name, message in failed.items())


def names_for(place: str) -> list[str]:
    """The names that a place is compared with."""
    names = NAMES if place in {"annotation", "annotation beside relations", "values", "named", "extra"} else FEW_NAMES
    if place == "filtered relation":
        # Every column of its join is written out with the name.
        return [name for name in names if len(name) < 1_000]
    if "order" in place or "sorts" in place or place in {"only", "defer"}:
        # What equals everything equals the sign of a random order, and is a column to Django where it is none to adj.
        return [name for name in names if not isinstance(name, Alike)]
    return names


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_name_gives_what_django_gives(place: str) -> None:
    compare_all(PLACES[place], names_for(place))


def test_a_hostile_name_of_an_aggregate_gives_what_django_gives() -> None:
    compare_all(lambda start, name: start(Tag), NAMES, aggregates=True)


@pytest.mark.parametrize("place", ["annotation beside relations", "values", "named"])
def test_a_hostile_name_gives_what_django_gives_on_postgresql(postgres: str, place: str) -> None:
    # PostgreSQL cuts an alias of a megabyte, and says so for each.
    compare_all(PLACES[place], [name for name in FEW_NAMES if len(name) < 1_000], postgres)


@pytest.mark.parametrize("place", PLACES)
def test_no_name_gets_into_generated_code(place: str, monkeypatch: pytest.MonkeyPatch, empty_plan_cache: None) -> None:
    """Code of every layout, whose names are a text that is nowhere else."""
    sources: list[str] = []

    def noted(source: str, *args: Any) -> Any:
        sources.append(source)
        return compile(source, *args)

    monkeypatch.setattr(generate, "compile", noted, raising=False)
    try:
        run(PLACES[place](q, "zyzzyva").run())
    except adj.QueryError:
        assert place in {"values of a column", "tuples of a column", "named of a column", "only", "defer"}
        return
    assert not [source for source in sources if any(word in source for word in ("zyzzyva", "title", "weight", "shop"))]


# -- names that equal another ------------------------------------------------------------------------------------------

ONE_NAME: dict[str, Place] = {
    "values": lambda s, n: s(Tag).values(n),
    "values and more": lambda s, n: s(Tag).values(n, "weight").annotate(count=Count("books")),
    "named": lambda s, n: s(Tag).values_list(n, named=True),
    "tuples": lambda s, n: s(Tag).values_list(n),
    "only": lambda s, n: s(Tag).only(n),
    "condition": lambda s, n: s(Tag).filter(**{n: "sea"}),
    "order": lambda s, n: s(Tag).order_by(n),
    "F": lambda s, n: s(Tag).annotate(low=Lower(n), same=F(n)),
    "values in order": lambda s, n: s(Author).order_by(n, "pk").values(n),
    "base": lambda s, n: s(Tag.objects.values(n)),
    "base of named tuples": lambda s, n: s(Tag.objects.values_list(n, "weight", named=True)),
}


@pytest.mark.parametrize("place", ONE_NAME)
def test_a_name_of_another_class_leaves_the_plain_one_alone(place: str) -> None:
    """In either order, so that neither answers for the other from the cache."""
    build = ONE_NAME[place]
    with Session() as session:
        for name in subclassed("name"):
            for names in ((name, "name", name), ("name", name, "name")):
                adj.plan_cache.clear()
                session.compare(build, *names)


def test_a_name_that_equals_everything_leaves_others_alone(empty_plan_cache: None) -> None:
    with Session() as session:
        for place, build in ONE_NAME.items():
            # It also equals the sign of a random order.
            session.compare(build, "name", Alike("name"), "name", in_any_order="order" in place)
            session.compare(lambda start: start(Tag).values("weight"), ())


def test_a_key_of_a_row_is_the_object_that_named_it(empty_plan_cache: None) -> None:
    """As in Django, where a member of an enum is found by itself and by its value."""

    async def ask() -> list[dict[Any, Any]]:
        names = (Choice.NAME, "name", Member.NAME, Mixed.NAME, Choice.NAME)
        return [(await q(Tag).order_by("pk").values(name).run())[0] for name in names]

    rows = run(ask())
    assert [next(iter(row)) for row in rows] == ["name"] * 5
    assert [type(next(iter(row))) for row in rows] == [Choice, str, Member, Mixed, Choice]


def test_members_of_an_enum_have_plans_and_other_subclasses_have_none(empty_plan_cache: None) -> None:
    async def ask(name: str) -> tuple[int, int]:
        before = adj.plan_cache.stats()
        for _ in range(3):
            await q(Tag).values(name).run()
        after = adj.plan_cache.stats()
        return after.hits - before.hits, after.uncacheable - before.uncacheable

    assert [run(ask(name)) for name in (Choice.NAME, Member.NAME, Mixed.NAME, "name")] == [(2, 0)] * 4
    # A method of a subclass may do anything, and a member of the last one hides `str.title()`.
    assert [run(ask(name)) for name in (Code("name"), Alike("name"), Hiding.NAME)] == [(0, 3)] * 3


@pytest.mark.parametrize("names", [Choice, Member, Mixed])
def test_members_of_one_enum_keep_apart(names: Any) -> None:
    def build(start: Any, name: str) -> Any:
        return start(Tag).annotate(other=F("weight")).order_by("pk").values(name)

    with Session() as session:
        adj.plan_cache.clear()
        session.compare(build, names.NAME, names.OTHER, "other", "name", names.OTHER)


def test_a_look_alike_of_a_column_is_not_saved() -> None:
    """A full-width `i` set the real `is_available`, and saving the row wrote it."""
    look_alike = "\N{FULLWIDTH LATIN SMALL LETTER I}s_available"

    async def main() -> None:
        available = q(Book).filter(is_available=True)
        count = await available.acount()
        assert count > 2
        async with adj.atomic():
            for _ in range(2):
                for book in await available.annotate(**{look_alike: Value(False)}).run():
                    assert book.is_available
                    assert getattr(book, look_alike) is False
                    await adj.save(book)
                assert await available.acount() == count
            await adj.set_rollback()

    run(main())


@pytest.mark.parametrize("name", [name for name in FEW_NAMES if "__" not in name and 0 < len(name) < 1_000], ids=short)
def test_a_hostile_to_attr_gives_what_django_gives(name: str) -> None:
    # Django finds no way through the sign of an order, and an attribute that is there already is a conflict.
    with Session() as session:
        session.compare(lambda start: start(Author).prefetch_related(Prefetch("books", to_attr=name)), (), ())


def test_the_alias_of_a_database_is_not_code() -> None:
    """The alias is in the state of every row."""
    from dataclasses import replace

    from adj.hydrate.rows import hydrator_for
    from tests.unit.test_hydrate import layout_and_rows

    layout, rows = layout_and_rows(q(Book).select_related("author"))
    for alias in ("o'd\"d", "{x}", "a\nb", "x" * 1_000_000, Code("default"), Choice.NAME, "\ud800"):
        made = hydrator_for(replace(layout, alias=alias))(rows)
        found = [row._state.db for book in made for row in (book, book.author)]
        assert {(type(name), str.__str__(name)) for name in found} == {(type(alias), str.__str__(alias))}


def test_concurrent_queries_of_names_that_equal_each_other_stay_apart(empty_plan_cache: None) -> None:
    async def ask() -> list[Any]:
        names = [Choice.NAME, "name", Code("name"), Member.NAME] * 5
        return list(await asyncio.gather(*[q(Tag).values(name).run() for name in names]))

    kinds = [type(next(iter(rows[0]))) for rows in run(ask())]
    assert kinds == [Choice, str, Code, Member] * 5
