"""`adj.observe()`: one event for each query, with its times and where it came from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from django.db import DatabaseError

import adj
from adj import QueryEvent, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


def test_each_query_sends_an_event(place: Place, empty_plan_cache: None) -> None:
    events: list[QueryEvent] = []
    query = q(Country).using(place.alias).filter(code__in=["+8", "+9"])

    async def main() -> None:
        with adj.observe(events.append):
            await asyncio.gather(query.run(), query.acount())
            await query.run()
        await query.run()

    run(main())
    assert [event.alias for event in events] == [place.alias] * 3
    assert sorted(event.was_cached for event in events) == [False, False, True]
    assert events[-1].was_cached
    assert all("shop_country" in event.sql and "q(Country)" in event.query for event in events)
    assert all("+8" not in event.sql + event.query for event in events)
    assert all(event.waited >= 0 and event.executed > 0 and event.hydrated >= 0 for event in events)
    assert events[-1].caller is not None
    assert Path(events[-1].caller.rpartition(":")[0]) == Path(__file__)
    assert events[-1].error is None


def test_a_failed_query_sends_an_event(place: Place) -> None:
    events: list[QueryEvent] = []

    async def main() -> None:
        with adj.observe(events.append), pytest.raises(DatabaseError) as raised:
            await q(Country).using(place.alias).extra(where=["no_such_column = 1"]).run()
        assert [event.error for event in events] == [raised.value]

    run(main())


def test_an_error_of_an_observer_is_logged_and_the_query_goes_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: QueryEvent) -> None:
        raise ValueError("the metrics are full")

    async def main() -> None:
        observation = adj.observe(fails)
        assert await q(Country).using(place.alias).acount() >= 0
        observation.close()
        observation.close()

    run(main())
    assert "the metrics are full" in caplog.text
