"""What the database refuses: Django's classes, nothing half done, and a transaction that is as usable as in Django."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connections
from django.db.models import ProtectedError
from django.db.models.signals import post_save, pre_save
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Book, Country, Gadget, OrderLine, Tag


def refused(place: Place, write: Any) -> IntegrityError:
    """The IntegrityError that a write ends with, inside of a block in a transaction which goes on."""

    async def within() -> IntegrityError:
        async with atomic(place.alias):
            await q(Country).using(place.alias).acreate(code="Q8", name="before")
            with pytest.raises(IntegrityError) as raised:
                async with atomic(place.alias):
                    await write()
            await q(Country).using(place.alias).acreate(code="Q9", name="after")
        return raised.value

    error = run(within())
    assert {"Q8", "Q9"} <= set(place.codes())
    return error


def test_a_unique_violation_undoes_its_block_alone(place: Place) -> None:
    country = q(Country).using(place.alias)
    refused(place, lambda: country.acreate(code="DE", name="x"))


def test_an_update_that_breaks_a_rule_undoes_its_block_alone(place: Place) -> None:
    country = q(Country).using(place.alias)
    error = refused(place, lambda: country.filter(code="DE").aupdate(code="GB"))
    assert any("aupdate" in note for note in error.__notes__)


@pytest.mark.parametrize(
    "write",
    [
        lambda alias: q(Tag).using(alias).acreate(name="sea"),
        lambda alias: q(Tag).using(alias).aupdate(weight=None),
        lambda alias: q(OrderLine).using(alias).aupdate(quantity=0),
        lambda alias: q(Tag).using(alias).abulk_create([Tag(name="new"), Tag(name="sea")]),
        lambda alias: q(Tag).using(alias).acopy([Tag(name="new"), Tag(name="sea")]),
    ],
    ids=["unique", "not null", "check", "bulk", "copy"],
)
def test_each_kind_of_violation_undoes_its_block_alone(shop_place: Place, write: Any) -> None:
    refused(shop_place, lambda: write(shop_place.alias))
    assert not Tag.objects.using(shop_place.alias).filter(name="new").exists()


def test_a_dangling_foreign_key_is_refused_at_the_commit(shop_place: Place) -> None:
    async def write() -> None:
        async with atomic(shop_place.alias):
            await q(Country).using(shop_place.alias).acreate(code="Q1", name="x")
            await q(OrderLine).using(shop_place.alias).filter(number=1).aupdate(book_id=999_999)

    with pytest.raises(IntegrityError):
        run(write())
    assert "Q1" not in shop_place.codes()


@pytest.mark.parametrize(
    "write",
    [
        lambda countries: countries.aupdate(name=None),
        lambda countries: countries.acreate(code="DE", name="x"),
        lambda countries: countries.acopy([Country(code="Q1", name="x"), Country(code="DE", name="x")]),
    ],
    ids=["update", "create", "copy"],
)
def test_an_error_that_is_caught_in_its_own_block_leaves_a_transaction_that_django_gives_up(
    place: Place, write: Any
) -> None:
    async def within() -> None:
        countries = q(Country).using(place.alias)
        async with atomic(place.alias):
            await countries.acreate(code="Q2", name="x")
            with pytest.raises(IntegrityError):
                await write(countries)
            await countries.acount()

    with pytest.raises(TransactionManagementError, match="can't execute queries until the end"):
        run(within())
    assert not {"Q1", "Q2"} & set(place.codes())


def test_bulk_writing_that_fails_in_the_middle_leaves_nothing(place: Place) -> None:
    countries = q(Country).using(place.alias)
    new = [Country(code=f"{number:02}", name="x") for number in range(20)]
    before = place.codes()
    for write in (
        countries.abulk_create([*new, Country(code="DE", name="x")], batch_size=5),
        countries.abulk_update(
            [Country(code=code, name="x") for code in ("GB", "DE")] + [Country(code="DE", name=None)], ["name"], 1
        ),
        countries.acopy([*new, Country(code="DE", name="x")], batch_size=5),
    ):
        with pytest.raises(IntegrityError):
            run(write)
        assert place.codes() == before
        assert not Country.objects.using(place.alias).filter(name="x").exists()


def test_a_write_without_a_transaction_is_there_at_once_and_its_receivers_know_it(place: Place) -> None:
    heard: list[tuple[str, bool]] = []

    def receive(signal: Any, using: str, **arguments: Any) -> None:
        heard.append(("before" if signal is pre_save else "after", connections[using].in_atomic_block))

    async def write() -> None:
        countries = q(Country).using(place.alias)
        await countries.acreate(code="Q1", name="x")
        await countries.aupdate_or_create({"name": "y"}, code="Q1")
        await countries.aget_or_create({"name": "y"}, code="Q2")

    def write_in_django() -> None:
        countries = Country.objects.using(place.alias)
        countries.create(code="Q3", name="x")
        countries.update_or_create({"name": "y"}, code="Q3")
        countries.get_or_create({"name": "y"}, code="Q4")

    with receiving(pre_save, receive, sender=Country), receiving(post_save, receive, sender=Country):
        run(write())
        ours = list(heard)
        heard.clear()
        write_in_django()
    assert ours == heard
    assert len(ours) == 6
    assert {"Q1", "Q2"} <= set(place.codes())


def test_tasks_that_get_or_create_the_same_row_make_one(place: Place) -> None:
    async def race() -> list[bool]:
        countries = q(Country).using(place.alias)
        got = await asyncio.gather(*[countries.aget_or_create({"name": str(number)}, code="Q1") for number in range(6)])
        assert len({country.name for country, _ in got}) == 1
        return [is_new for _, is_new in got]

    assert sorted(run(race())) == [False] * 5 + [True]


def test_a_protected_row_stays(shop_place: Place) -> None:
    with pytest.raises(ProtectedError, match="protected foreign keys"):
        run(q(Country).using(shop_place.alias).filter(code="GB").adelete())
    assert "GB" in shop_place.codes()


def test_a_value_that_the_column_refuses_is_a_data_error(native: Place) -> None:
    with pytest.raises(DataError, match="too long"):
        run(q(Country).using(native.alias).filter(code="DE").aupdate(code="much too long"))


def test_a_cancelled_update_is_rolled_back(native: Place) -> None:
    """The row is locked by another transaction, so that the update waits."""

    async def outside() -> None:
        holding, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with atomic(native.alias):
                await q(Country).using(native.alias).filter(code="DE").aupdate(population=1)
                holding.set()
                await done.wait()
                await adj.set_rollback(using=native.alias)

        holder = asyncio.create_task(hold())
        await holding.wait()
        with pytest.raises(adj.QueryTimeout):
            await q(Country).using(native.alias).filter(code="DE").timeout(0.2).aupdate(population=2)
        done.set()
        await holder
        assert await q(Country).using(native.alias).filter(code="DE", population__lte=2).acount() == 0

    run(outside())


# -- what is refused before it is sent ---------------------------------------------------------------------------------


class Unspeakable:
    """No JSON."""


REFUSED: dict[str, tuple[Any, type[Exception]]] = {
    "update": (lambda alias: q(Tag).using(alias).aupdate(weight="heavy"), ValueError),
    "a parent's table": (lambda alias: q(Gadget).using(alias).aupdate(voltage=1, maker="x"), ValueError),
    "bulk update": (
        lambda alias: q(Tag).using(alias).abulk_update([Tag(pk=1, weight=1), Tag(pk=2, weight="heavy")], ["weight"], 1),
        ValueError,
    ),
    "JSON": (lambda alias: q(Book).using(alias).aupdate(metadata=Unspeakable()), TypeError),
    "bulk JSON": (
        lambda alias: (
            q(Book)
            .using(alias)
            .abulk_update([Book(pk=1, metadata={}), Book(pk=2, metadata=Unspeakable())], ["metadata"], 1)
        ),
        TypeError,
    ),
    "create": (lambda alias: q(Tag).using(alias).acreate(name="heavy", weight="heavy"), ValueError),
    "save": (lambda alias: adj.save(Tag(name="heavy", weight="heavy"), using=alias), ValueError),
    "protected": (lambda alias: q(Country).using(alias).filter(code="GB").returning("code").adelete(), ProtectedError),
    "protected as in Django": (lambda alias: q(Country).using(alias).filter(code="GB").adelete(), ProtectedError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_before_anything_is_sent_leaves_the_transaction_as_it_was(shop_place: Place, name: str) -> None:
    write, error = REFUSED[name]
    alias = shop_place.alias

    async def main() -> None:
        async with atomic(alias):
            await q(Country).using(alias).acreate(code="Q1", name="x")
            tags = await q(Tag).using(alias).order_by("pk").values_list("weight", flat=True).run()
            with pytest.raises(error):
                await write(alias)
            assert await q(Tag).using(alias).order_by("pk").values_list("weight", flat=True).run() == tags

    run(main())
    assert "Q1" in shop_place.codes()


@pytest.mark.parametrize("name", ["update", "a parent's table", "bulk update", "bulk JSON", "create", "save"])
def test_what_is_refused_is_not_sent(shop_place: Place, name: str) -> None:
    write, error = REFUSED[name]

    async def main() -> None:
        with pytest.raises(error):
            await write(shop_place.alias)

    with CaptureQueriesContext(connections[shop_place.alias]) as captured:
        run(main())
    assert [query["sql"] for query in captured if query["sql"] not in {"BEGIN", "ROLLBACK"}] == []
