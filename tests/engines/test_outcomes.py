"""What is said of a write whose answer was lost, and of a query that takes too long: what is known, and no more.

P27, N16.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, IntegrityError, connections
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from django.test import override_settings

import adj
from adj import QueryTimeout, atomic, q
from adj.engines.postgres import connection
from tests.engines.countries import written
from tests.engines.faults import network_to
from tests.engines.places import NATIVE, PLACES, Place
from tests.engines.sessions import Sleep, sleeping
from tests.running import run
from tests.shop.models import Book, Country

Write = Callable[[str], Awaitable[object]]


async def by_aupdate(alias: str) -> None:
    await q(Country).using(alias).filter(code="+1").aupdate(name=Concat(F("name"), Value("!")))


async def by_acreate(alias: str) -> None:
    await q(Country).using(alias).acreate(code="+2", name="+2")


async def by_save(alias: str) -> None:
    await adj.save(Country(code="+2", name="+2"), using=alias, force_insert=True)


async def by_cursor(alias: str) -> None:
    def insert() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("INSERT INTO shop_country (code, name) VALUES ('+2', '+2')")

    async with adj.native(alias):
        await adj.run_sync(insert)


async def create(alias: str, code: str) -> None:
    """A new country, by a connection of the alias that is there afterwards."""
    await q(Country).using(alias).acreate(code=code, name=code)


def notes(error: BaseException) -> str:
    """The notes on an error."""
    return " ".join(getattr(error, "__notes__", ()))


def names(place: Place) -> list[str]:
    """The names of the countries of a test."""
    return list(Country.objects.using(place.alias).filter(code="+1").values_list("name", flat=True))


@pytest.mark.parametrize("write", [by_aupdate, by_acreate, by_save, by_cursor])
def test_a_write_whose_answer_is_lost_says_that_its_outcome_is_unknown_and_is_sent_once(
    place: Place, write: Write
) -> None:
    if place.alias == "default":
        pytest.skip("SQLite has no line that could be cut")
    if place.engine == "django":
        pytest.skip("its connection is that of the test, which is not lost here")

    async def main() -> None:
        async with network_to(place.alias) as network:
            await create(place.alias, "+1")
            network.lose_an_answer()
            with pytest.raises(DatabaseError) as raised:
                await write(place.alias)
            assert "may or may not have taken effect" in notes(raised.value)
            await adj.close()

    run(main())
    # Done it is, and once.
    assert names(place) == ["+1!" if write is by_aupdate else "+1"]
    assert ("+2" in written(place)) == (write is not by_aupdate)


def test_a_read_whose_answer_is_lost_says_nothing_of_writes(place: Place) -> None:
    if place.alias == "default" or place.engine == "django":
        pytest.skip("it has no network connection to cut")

    async def main() -> None:
        async with network_to(place.alias) as network:
            await create(place.alias, "+1")
            network.answer = lambda data: None
            with pytest.raises(DatabaseError) as raised:
                await q(Country).using(place.alias).acount()
            assert "may or may not have taken effect" not in notes(raised.value)
            await adj.close()

    run(main())


def test_a_write_that_the_server_refuses_is_known_not_to_be_done(place: Place) -> None:
    async def main() -> None:
        await create(place.alias, "+1")
        with pytest.raises(IntegrityError) as raised:
            await q(Country).using(place.alias).acreate(code="+1", name="again")
        assert "may or may not have taken effect" not in notes(raised.value)

    run(main())


def test_two_answers_to_a_commit_leave_its_outcome_unknown(native: Place) -> None:
    """As pgbouncer gives them after its restart."""
    complete = b"C\x00\x00\x00\x0bCOMMIT\x00"

    async def main() -> None:
        async with network_to(native.alias) as network:

            async def write() -> None:
                async with atomic(native.alias):
                    await create(native.alias, "+1")
                    network.answer = lambda data: data.replace(complete, complete * 2)

            with pytest.raises(DatabaseError, match="received 2 results") as raised:
                await write()
            assert "may or may not have taken effect" in notes(raised.value)
            await adj.close()

    run(main())


# -- timeouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", [place for place in PLACES if place.alias == "postgres"], ids=lambda place: place.name
)
def test_a_query_that_takes_too_long_is_said_to_be_stopped_where_it_is(postgres: str, place: Place) -> None:
    async def main() -> None:
        await q(Book).using(postgres).acount()
        with pytest.raises(QueryTimeout) as raised:
            await sleeping(2).timeout(0.5).run()
        if place.engine != "django":
            assert raised.value.outcome == "stopped"
            assert "was stopped" in str(raised.value)
        else:
            assert raised.value.outcome == "continues"
            assert "was stopped" not in str(raised.value)
            assert "may still write data" in str(raised.value)

    with place.chosen():
        run(main())


def test_an_update_on_djangos_thread_is_written_after_its_time_and_the_error_does_not_deny_it(postgres: str) -> None:
    there = Place("django", postgres, "django")

    async def main() -> None:
        await create(postgres, "+1")
        late = Concat(Value("late "), Cast(Sleep(Value(1)), CharField()))
        with pytest.raises(QueryTimeout, match="may still write data"):
            await q(Country).using(postgres).filter(code="+1").timeout(0.5).aupdate(name=late)
        # The thread takes what comes after that in its turn.
        await sync_to_async(lambda: None)()

    with there.chosen():
        run(main())
        assert names(there) == ["late 1"]


def test_a_query_whose_end_nobody_confirms_is_not_said_to_be_stopped(
    native: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CANCEL_SECONDS", 0.1)

    async def main() -> None:
        async with network_to(native.alias) as network:
            await create(native.alias, "+1")
            network.go_down()
            with pytest.raises(QueryTimeout, match="unknown") as raised:
                await q(Country).using(native.alias).filter(code="+1").timeout(0.05).aupdate(name="lost")
            assert raised.value.outcome == "unknown"
            network.come_back()
            await adj.close()

    with override_settings(ADJ={native.alias: {"engine": NATIVE.engine}}):
        run(main())


def test_a_query_that_waits_for_a_connection_is_stopped(native: Place) -> None:
    async def main() -> None:
        async with atomic(native.alias):
            waiting = asyncio.create_task(q(Book).using(native.alias).timeout(0.05).acount(), context=_outside)
            with pytest.raises(QueryTimeout) as raised:
                await waiting
        assert raised.value.outcome == "stopped"

    _outside = Context()
    with override_settings(ADJ={native.alias: {"pool": {"max_size": 1}}}):
        run(main())
