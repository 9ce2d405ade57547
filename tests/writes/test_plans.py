"""Updates and plain deletions are answered from the cache, as queries are."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat, Upper

import adj
from adj import QueryEvent, atomic, observe, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Book, Country, Customer, Gadget, Note, Tag, Visit

UPDATES: list[tuple[Any, list[dict[str, Any]]]] = [
    (q(Country).filter(code="DE"), [{"population": 1}, {"population": 2}, {"population": 3}]),
    (q(Country), [{"population": F("population") + 1}, {"population": F("population") + 2}]),
    (q(Country), [{"name": Concat(Upper("name"), Value("!"))}, {"name": Concat(Upper("name"), Value("?"))}]),
    (q(Country), [{"name": Case(When(population__gt=n, then=Value("x")), default=F("name"))} for n in (5, 6)]),
    (q(Book), [{"title": "a", "price": 1}, {"title": "b", "price": 2}]),
    (q(Book), [{"author_id": 1}, {"author_id": 2}]),
    (q(Book), [{"metadata": {"a": 1}}, {"metadata": {"b": [2]}}]),
    (q(Book).filter(author__name="Homer"), [{"pages": 1}, {"pages": 2}]),
    (q(Visit), [{"moment": datetime.datetime(2024, 1, day, tzinfo=datetime.UTC)} for day in (1, 2)]),
]


@pytest.mark.parametrize(("query", "values"), UPDATES, ids=lambda given: repr(given)[:60])
def test_an_update_of_a_known_structure_is_answered_from_the_cache(query: Any, values: list[dict[str, Any]]) -> None:
    async def update() -> None:
        async with atomic():
            for each in values:
                await query.aupdate(**each)
            await adj.set_rollback()

    adj.plan_cache.clear()
    run(update())
    stats = adj.plan_cache.stats()
    assert (stats.misses, stats.hits, stats.uncacheable) == (1, len(values) - 1, 0), stats


def test_a_deletion_that_nothing_hangs_on_is_answered_from_the_cache() -> None:
    async def delete() -> None:
        async with atomic():
            for text in ("note 1", "note 2", "note 3"):
                assert await q(Note).filter(text=text).adelete() == (1, {"shop.Note": 1})
            await adj.set_rollback()

    adj.plan_cache.clear()
    run(delete())
    assert (adj.plan_cache.stats().misses, adj.plan_cache.stats().hits) == (1, 2)


def test_a_null_in_a_column_has_a_separate_plan_and_the_old_one_stays() -> None:
    async def update() -> list[int | None]:
        found = []
        async with atomic():
            for population in (1, None, 2, None, 3):
                await q(Country).filter(code="DE").aupdate(population=population)
                found.append((await q(Country).aget(code="DE")).population)
            await adj.set_rollback()
        return found

    adj.plan_cache.clear()
    assert run(update()) == [1, None, 2, None, 3]
    assert adj.plan_cache.stats().refusals == 0


def test_an_overridden_update_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def update(queryset: Any, **kwargs: Any) -> int:
        asked.append(kwargs)
        return 17

    kind: Any = type(Book.objects.all())
    monkeypatch.setattr(kind, "update", update, raising=False)
    assert run(q(Book).aupdate(pages=3)) == 17
    assert asked == [{"pages": 3}]
    with pytest.raises(adj.UnsupportedFeature, match="overrides update"):
        run(q(Book).returning().aupdate(pages=3))


def test_an_update_across_tables_is_djangos_own_code() -> None:
    async def update() -> None:
        async with atomic():
            assert await q(Gadget).aupdate(name="x", voltage=1) == await q(Gadget).acount()
            await adj.set_rollback()

    adj.plan_cache.clear()
    run(update())
    assert adj.plan_cache.stats().uncacheable == 1


def test_writing_asks_the_router_where_to_write(place: Place) -> None:
    class Elsewhere:
        """Reads go nowhere."""

        def db_for_read(self, model: Any, **hints: Any) -> str:
            return "nowhere"

        def db_for_write(self, model: Any, **hints: Any) -> str:
            return place.alias

    async def write() -> None:
        assert (await q(Country).acreate(code="Q1", name="x"))._state.db == place.alias
        assert (await q(Country).aget_or_create(code="Q1"))[1] is False
        assert await q(Country).filter(code="Q1").aupdate(name="y") == 1
        assert await q(Country).acopy([Country(code="Q2", name="x")]) == 1
        assert await q(Country).using(place.alias).filter(code="Q1").aget() is not None

    from django.test import override_settings

    with override_settings(DATABASE_ROUTERS=[Elsewhere()]):
        run(write())
    assert {"Q1", "Q2"} <= set(place.codes())


def test_a_write_is_observed_and_its_error_shows_it() -> None:
    events: list[QueryEvent] = []

    async def write() -> None:
        async with atomic():
            await q(Customer).filter(name="Ann").aupdate(name="Anna")
            await adj.set_rollback()
        await q(Country).aupdate(code="QQ")

    with observe(events.append), pytest.raises(Exception, match="UNIQUE") as raised:
        run(write())
    assert [event.query for event in events] == [
        "q(Customer).filter(name=...).aupdate(name=...)",
        "q(Country).aupdate(code=...)",
    ]
    assert raised.value.__notes__ == ["The query: q(Country).aupdate(code=...)"]


def test_writing_methods_say_what_they_were_in_their_errors() -> None:
    for coroutine, text in [
        (q(Country).acreate(code="DE", name="x"), "q(Country).acreate(code=..., name=...)"),
        (q(Country).aget_or_create({"name": None}, code="QQ"), "q(Country).aget_or_create(dict(...), code=...)"),
        (q(Country).abulk_create([Country(code="DE")], 7), "q(Country).abulk_create(list(...), batch_size=...)"),
        (q(Tag).aupdate(weight=None), "q(Tag).aupdate(weight=None)"),
    ]:
        with pytest.raises(Exception, match="constraint failed") as raised:
            run(coroutine)
        assert f"The query: {text}" in raised.value.__notes__
