"""Django's own ways to see queries see those of adj, of both lanes and on every engine (P58)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

import adj
from adj import atomic, q
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


@pytest.fixture
def watchable(place: Place) -> Place:
    if place.engine == "django":
        pytest.skip("its queries run on Django's own connection of Django's own thread")
    return place


async def ask(alias: str) -> None:
    """One query on the fast path, and one on the Django path."""
    await q(Country).using(alias).filter(code="DE").run()
    async with atomic(alias):
        await adj.run_sync(Country.objects.using(alias).filter(code="FR").exists)


def test_a_test_around_the_loop_counts_queries(watchable: Place) -> None:
    run(ask(watchable.alias))
    with CaptureQueriesContext(connections[watchable.alias]) as captured:
        run(ask(watchable.alias))
    assert len([query for query in captured.captured_queries if "shop_country" in query["sql"]]) == 2
    run(ask(watchable.alias))
    assert len(captured.captured_queries) == len(captured)


def test_a_wrapper_in_a_coroutine_sees_its_queries_and_no_others(watchable: Place) -> None:
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        assert context["connection"].alias == watchable.alias
        return execute(sql, params, many, context)

    async def watched() -> None:
        with connections[watchable.alias].execute_wrapper(wrapper):
            await ask(watchable.alias)

    async def main() -> None:
        await asyncio.gather(watched(), ask(watchable.alias))
        await ask(watchable.alias)

    run(main())
    assert len([statement for statement in seen if "shop_country" in statement]) == 2


def test_a_wrapper_may_refuse(watchable: Place) -> None:
    class Refused(Exception):
        pass

    def refuse(*args: Any) -> Any:
        raise Refused

    async def main() -> None:
        with connections[watchable.alias].execute_wrapper(refuse):
            with pytest.raises(Refused):
                await q(Country).using(watchable.alias).run()
            with pytest.raises(Refused):
                async with q(Country).using(watchable.alias).stream(1) as rows:
                    await anext(rows)
        assert await q(Country).using(watchable.alias).acount() >= 0

    run(main())


@override_settings(DEBUG=True)
def test_the_log_of_django_has_them(watchable: Place, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="django.db.backends"):
        run(ask(watchable.alias))
    logged = [record.getMessage() for record in caplog.records if "shop_country" in record.getMessage()]
    assert len(logged) == 2
