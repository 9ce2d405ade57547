"""Rows that come back from what changes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db.models import Count, F
from django.db.models.signals import pre_delete
from django.test import override_settings

import adj
from adj import UnknownField, UnsupportedFeature, atomic, q
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Author, Bestseller, Book, Country, Gadget, Item, Note, OrderLine, Tag, Visit


def undone(place: Place, write: Any) -> Any:
    """What a coroutine function returns, called in a transaction that is rolled back."""

    async def within() -> Any:
        async with atomic(place.alias):
            result = await write()
            await adj.set_rollback(using=place.alias)
        return result

    return run(within())


def test_updated_rows_come_back_as_tuples_of_the_named_columns(shop_place: Place) -> None:
    books = q(Book).using(shop_place.alias).filter(pages=96)

    async def write() -> Any:
        return [
            await books.returning("pk", "title", "author", "price", "metadata").aupdate(subtitle=subtitle)
            for subtitle in ("a", "b")
        ]

    expected = list(books.queryset.values_list("pk", "title", "author", "price", "metadata"))
    assert expected
    adj.plan_cache.clear()
    for rows in undone(shop_place, write):
        # The server decides on the order of changed rows.
        ours, theirs = sorted(rows, key=repr), sorted(expected, key=repr)
        assert ours == theirs
        assert [list(map(type, row)) for row in ours] == [list(map(type, row)) for row in theirs]
    assert adj.plan_cache.stats().hits == 1


def test_updated_rows_come_back_as_instances_as_they_are_now(shop_place: Place) -> None:
    books = q(Book).using(shop_place.alias).filter(author__name="Homer").prefetch_related("tags")

    async def write() -> Any:
        rows = await books.returning().aupdate(pages=F("pages") + 1, rating=4.5)
        return rows, await books.run()

    returned, found = undone(shop_place, write)
    assert found
    by_key = {book.pk: book for book in returned}
    for book in found:
        twin = by_key[book.pk]
        assert twin._state.db == shop_place.alias
        assert not twin._state.adding
        assert {name: value for name, value in vars(twin).items() if name != "_state"}.keys() == {
            name for name in vars(book) if name != "_state"
        }
        assert [getattr(twin, field.attname) for field in Book._meta.concrete_fields] == [
            getattr(book, field.attname) for field in Book._meta.concrete_fields
        ]
        assert list(twin.tags.all()) == list(book.tags.all())


@pytest.mark.parametrize("listens", [False, True], ids=["one statement", "signals"])
def test_deleted_rows_come_back_as_they_were(shop_place: Place, listens: bool) -> None:
    notes = q(Note).using(shop_place.alias).filter(text__gt="note 5")
    expected: list[Any] = list(notes.queryset)
    heard: list[Any] = []

    def receive(instance: Any, **arguments: Any) -> None:
        heard.append(instance.text)

    async def write() -> Any:
        whole = await notes.filter(text="note 6").returning().adelete()
        rest = await notes.returning("text", "content_type", "pk").adelete()
        return whole, rest, await notes.acount()

    with receiving(pre_delete, receive, sender=Note) if listens else nullcontext():
        whole, rest, left = undone(shop_place, write)
    assert [(note.pk, note.text) for note in whole] == [(n.pk, n.text) for n in expected if n.text == "note 6"]
    others = [(note.text, note.content_type_id, note.pk) for note in expected if note.text != "note 6"]
    assert sorted(rest) == sorted(others)
    assert left == 0
    assert len(heard) == (len(expected) if listens else 0)


def test_rows_with_cascades_come_back_and_take_the_others_along(shop_place: Place) -> None:
    authors = q(Author).using(shop_place.alias).filter(books__title="Emma").distinct()
    books = q(Book).using(shop_place.alias).filter(author__in=authors)
    expected = sorted(authors.queryset.order_by().values_list("name"))

    async def write() -> Any:
        before = await books.acount()
        rows = await authors.returning("name").adelete()
        return before, rows, await q(Book).using(shop_place.alias).filter(title="Emma").acount()

    before, rows, after = undone(shop_place, write)
    assert before
    assert expected
    assert sorted(rows) == expected
    assert after == 0


def test_a_key_of_two_columns_comes_back_as_a_tuple(shop_place: Place) -> None:
    lines = q(OrderLine).using(shop_place.alias).filter(number=1)
    expected = sorted(lines.queryset.values_list("pk", "total"))

    async def write() -> Any:
        return await lines.returning("pk", "total").aupdate(number=1)

    assert sorted(undone(shop_place, write)) == expected
    assert isinstance(expected[0][0], tuple)


def test_nothing_comes_back_of_nothing(shop_place: Place) -> None:
    tags = q(Tag).using(shop_place.alias)
    for coroutine in (
        tags.none().returning().aupdate(weight=1),
        tags.filter(name="no such").returning("pk").aupdate(weight=1),
        tags.returning("pk").aupdate(),
        tags.none().returning("pk").adelete(),
        tags.filter(pk__in=[]).returning().adelete(),
        q(Note).using(shop_place.alias).none().returning().adelete(),
    ):
        assert run(coroutine) == []


def test_a_proxy_gives_its_own_instances(shop_place: Place) -> None:
    async def write() -> Any:
        return await q(Bestseller).using(shop_place.alias).returning().aupdate(pages=3)

    rows = undone(shop_place, write)
    assert rows
    assert {type(row) for row in rows} == {Bestseller}


def test_what_cannot_return_rows_says_so_on_its_line() -> None:
    for query in (q(Book)[:3], q(Book).union(q(Book)), q(Book.objects.all()[:3]), q(Gadget)):
        with pytest.raises(UnsupportedFeature, match=r"returning\(\)"):
            query.returning()
    assert q(Item).returning("pk").statement.model is Item
    for name in ("nothing", "tags", "author__name", "notes"):
        with pytest.raises(UnknownField, match=f'Book has no column "{name}"'):
            q(Book).returning("pk", name)


def test_a_misuse_is_what_it_is_without_returning() -> None:
    with pytest.raises(TypeError, match="values"):
        run(q(Visit).values("page").returning().adelete())
    with pytest.raises(UnknownField, match=r'"titel"; did you mean "title"\?'):
        run(q(Book).returning().aupdate(titel="x"))


def test_mariadb_returns_what_it_deletes_and_refuses_the_rest(mariadb: str) -> None:
    country = q(Country).using(mariadb)

    async def write() -> None:
        await country.acreate(code="Q1", name="x")
        with pytest.raises(UnsupportedFeature, match=r"MariaDB cannot return the rows of aupdate\(\)"):
            await country.returning().aupdate(name="y")
        assert await country.filter(code="Q1").aupdate(name="y") == 1

    run(write())
    Country.objects.using(mariadb).filter(code="Q1")._raw_delete(mariadb)


IMPOSSIBLE = {
    "two keys at once": lambda notes: notes.filter(pk=1).filter(pk=2),
    "a column without NULL": lambda notes: notes.extra(where=["text IS NULL"]),
    "a number below zero": lambda notes: notes.extra(where=["object_id < 0"]),
    "never": lambda notes: notes.extra(where=["1 = 0"]),
    "no row like it": lambda notes: notes.filter(text="no such note"),
}


@pytest.mark.parametrize("engine", ["threads", "django"])
@pytest.mark.parametrize("narrowed", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_deletion_that_mariadb_knows_to_be_empty_returns_no_row(
    mariadb_shop: str, engine: str, narrowed: Callable[[Any], Any]
) -> None:
    """The server sends no result set then."""
    notes = narrowed(q(Note).using(mariadb_shop))

    async def main() -> Any:
        return (
            await notes.returning().adelete(),
            await notes.returning("pk").adelete(),
            await notes.returning("pk", "text").adelete(),
            await notes.adelete(),
            await notes.aupdate(text="x"),
            await notes.run(),
            await notes.acount(),
            await notes.aexists(),
            await notes.aaggregate(n=Count("pk")),
        )

    with override_settings(ADJ={mariadb_shop: {"engine": engine}}):
        assert run(main()) == ([], [], [], (0, {}), 0, [], 0, False, {"n": 0})


@pytest.mark.parametrize("narrowed", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_empty_deletion_returns_no_row_on_every_engine(shop_place: Place, narrowed: Callable[[Any], Any]) -> None:
    notes = narrowed(q(Note).using(shop_place.alias))

    async def write() -> Any:
        return (
            await notes.returning().adelete(),
            await notes.returning("pk").adelete(),
            await notes.returning().aupdate(text="x"),
            await notes.returning("pk").aupdate(text="x"),
            await notes.adelete(),
            await notes.aupdate(text="x"),
        )

    assert undone(shop_place, write) == ([], [], [], [], (0, {}), 0)
