"""Rows of `into()` have the values of `values()`, in each kind of class and however a query ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import F, Q
from django.db.models.functions import Length

from adj import q
from adj.compiler.plans.prepare import plan_cache
from tests.running import run
from tests.shop.cards import CARDS, as_dict
from tests.shop.models import Book, BookDetail

_OWN = (
    *("title", "subtitle", "price", "published", "released", "reading_time", "reference", "is_available"),
    *("metadata", "author", "author__name", "length"),
)
_EDITORS = {"name": "editor__name", "born": "editor__born", "publisher__name": "editor__publisher__name"}
each_class = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.__name__)


def books(alias: str) -> Any:
    """The rows in a fixed order, on a database."""
    return q(Book).using(alias).annotate(length=Length("title")).order_by("pk")


def cards(card: Any, alias: str, condition: Q | None = None) -> Any:
    """Rows of a class."""
    return books(alias).filter(condition or Q()).into(card, writer="author__name")


async def expected(card: Any, alias: str, condition: Q | None = None) -> list[dict[str, Any]]:
    """The same rows by `values()`, with those of the relation together."""
    chosen = books(alias).filter(condition or Q()).values(*_OWN, *_EDITORS.values(), writer=F("author__name"))
    return [_nested(card, row) for row in await chosen.run()]


def _nested(card: Any, row: dict[str, Any]) -> dict[str, Any]:
    editor = {name: row.pop(path) for name, path in _EDITORS.items()}
    row["editor"] = None if editor["name"] is None else editor
    names = card.__annotations__
    return row | {name: value for name, value in {"shelf": "unknown", "notes": []}.items() if name in names}


async def compare(card: Any, alias: str) -> None:
    """However a query ends, its rows are those of `values()`."""
    wanted = await expected(card, alias)
    assert any(row["editor"] is None for row in wanted)
    assert any(row["editor"] is not None for row in wanted)
    rows = cards(card, alias)
    # Twice: the second run has a plan.
    for _ in range(2):
        assert [as_dict(row) for row in await rows.run()] == wanted
    kind = dict if issubclass(card, dict) or hasattr(card, "__total__") else card
    assert all(type(row) is kind for row in await rows.run())
    assert as_dict(await rows.afirst()) == wanted[0]
    assert as_dict(await rows.alast()) == wanted[-1]
    assert as_dict(await rows.aget(pk=(await q(Book).using(alias).order_by("pk").afirst()).pk)) == wanted[0]  # type: ignore[union-attr]
    assert [as_dict(row) for row in await rows[2:5].run()] == wanted[2:5]
    assert as_dict(await rows[3].run()) == wanted[3]
    assert [as_dict(row) async for row in rows] == wanted
    async with rows.stream(3) as streamed:
        assert [as_dict(row) async for row in streamed] == wanted
    first = await rows.page(4)
    second = await rows.page(4, after=first.next)
    assert [as_dict(row) for row in (*first.rows, *second.rows)] == wanted[:8]
    assert [as_dict(row) for row in (await rows.page(4, before=second.previous)).rows] == wanted[:4]
    assert await rows.acount() == len(wanted)


@each_class
def test_rows_have_the_values_of_values(card: Any, shop: str) -> None:
    run(compare(card, shop))


@each_class
def test_rows_have_the_values_of_values_on_postgresql(card: Any, postgres: str) -> None:
    run(compare(card, postgres))


def test_project_code_of_a_class_may_use_the_database(postgres: str) -> None:
    @dataclass
    class Counting:
        title: str

        def __post_init__(self) -> None:
            self.count = Book.objects.using(postgres).count()

    rows = run(q(Book).using(postgres).into(Counting).run())
    assert {row.count for row in rows} == {len(rows)}


@each_class
def test_another_value_uses_the_plan(card: Any) -> None:
    plan_cache.clear()
    for pages in (96, 220, 500):
        condition = Q(pages=pages)
        rows = run(cards(card, "default", condition).run())
        assert [as_dict(row) for row in rows] == run(expected(card, "default", condition))
    assert plan_cache.stats().hits >= 2


@each_class
def test_the_queryset_has_the_same_rows(card: Any) -> None:
    rows = cards(card, "default")
    wanted = run(expected(card, "default"))
    assert [as_dict(row) for row in rows.queryset] == wanted
    assert [as_dict(row) for row in run(q(rows.queryset).run())] == wanted


@each_class
def test_rows_of_combined_queries(card: Any) -> None:
    one, other = (cards(card, "default", Q(pages=pages)) for pages in (96, 220))
    both = one.order_by().union(other.order_by(), all=True).order_by("title")
    wanted = [*run(expected(card, "default", Q(pages=96))), *run(expected(card, "default", Q(pages=220)))]
    rows = [as_dict(row) for row in run(both.run())]
    assert rows == sorted(wanted, key=lambda row: row["title"])


def test_groups_and_distinct_rows_are_those_of_values() -> None:
    from tests.shop import row_classes as kinds  # the classes of single tests

    grouped = q(Book).values("author__name").annotate(length=Length("author__name")).order_by("author__name")
    rows = run(grouped.into(kinds.AuthorLength).run())
    assert [(row.author__name, row.length) for row in rows] == [
        (row["author__name"], row["length"]) for row in run(grouped.run())
    ]
    distinct = q(Book).order_by("author__name").distinct()
    names = [row["author__name"] for row in run(distinct.values("author__name").run())]
    assert [row.author__name for row in run(distinct.into(kinds.AuthorName).run())] == names
    assert len(set(names)) == len(names)


def test_a_reverse_relation_without_a_row_is_none() -> None:
    from tests.shop import row_classes as kinds  # as above

    rows = run(q(Book).order_by("pk").into(kinds.BookWithDetail).run())
    details: dict[Any, BookDetail] = {detail.pk: detail for detail in run(q(BookDetail).run())}
    assert [row.detail and row.detail.printings for row in rows] == [
        details[row.pk].printings if row.pk in details else None for row in rows
    ]
    assert {row.detail is None for row in rows} == {True, False}
