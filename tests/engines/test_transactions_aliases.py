"""Code that uses several databases finds the transactions of all, whichever engines they have and however it is called.

P17.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.models.signals import post_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

import adj
from adj import atomic, q
from tests.engines.aliases import alias_at
from tests.engines.countries import Undo
from tests.engines.places import Place
from tests.receivers import receiving
from tests.running import run
from tests.shop.models import Country

PAIRS = {
    "threads, threads": ("default", "threads", "postgres", "threads"),
    "threads, native": ("default", "threads", "postgres", "psycopg"),
    "native, threads": ("postgres", "psycopg", "default", "threads"),
    "native, native": ("postgres", "psycopg", "postgres again", "psycopg"),
    "threads, threads on one server": ("postgres", "threads", "postgres again", "threads"),
    "native, threads on one server": ("postgres", "psycopg", "postgres again", "threads"),
    "threads, native on one server": ("postgres", "threads", "postgres again", "psycopg"),
    "django, native": ("default", "django", "postgres", "psycopg"),
    "native, django": ("postgres", "psycopg", "default", "django"),
    "django, threads": ("default", "django", "postgres", "threads"),
    "threads, django": ("postgres", "threads", "default", "django"),
    "threads on MariaDB, native": ("mariadb", "threads", "postgres", "psycopg"),
}


@pytest.fixture(params=PAIRS)
def pair(request: Any, postgres: str) -> Generator[tuple[Place, Place]]:
    """Two aliases with an engine each."""
    one, engine, other, other_engine = PAIRS[request.param]
    if "mariadb" in (one, other):
        request.getfixturevalue("mariadb")
    with alias_at("postgres again", connections.settings[postgres]):
        places = Place(engine, one, engine), Place(other_engine, other, other_engine)
        engines = {place.alias: {"engine": place.engine} for place in places}
        with places[0].chosen(), places[1].chosen(), override_settings(ADJ=engines):
            yield places


Save = Callable[[str], Awaitable[object]]


async def by_save(alias: str) -> None:
    await adj.save(Country(code="+1", name="x"), using=alias, force_insert=True)


async def by_acreate(alias: str) -> None:
    await q(Country).using(alias).acreate(code="+1", name="x")


async def by_djangos_asave(alias: str) -> None:
    await Country(code="+1", name="x").asave(using=alias, force_insert=True)


async def by_native(alias: str) -> None:
    async with adj.native(alias):
        await Country(code="+1", name="x").asave(using=alias, force_insert=True)


async def by_run_sync(alias: str) -> None:
    await adj.run_sync(Country.objects.using(alias).create, code="+1", name="x")


async def by_sync_to_async(alias: str) -> None:
    await sync_to_async(Country.objects.using(alias).create)(code="+1", name="x")


async def in_a_transaction(alias: str) -> None:
    async with atomic(alias):
        await by_save(alias)


SAVES = [by_save, by_acreate, by_djangos_asave, by_native, by_run_sync, by_sync_to_async, in_a_transaction]


@contextmanager
def writing_to(alias: str, source: str, seen: list[int]) -> Generator[None]:
    """Let whatever is saved to one database be noted in another one, by a receiver."""

    def note(sender: type, using: str, **kwargs: Any) -> None:
        if using == source:
            seen.append(Country.objects.using(alias).filter(code="+2").count())
            Country.objects.using(alias).create(code="+3", name="x")

    with receiving(post_save, note, sender=Country):
        yield


@pytest.mark.parametrize("save", SAVES)
def test_receivers_of_another_alias_are_in_the_transaction(pair: tuple[Place, Place], save: Save) -> None:
    one, other = pair
    seen: list[int] = []

    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(one.alias):
                await q(Country).using(one.alias).acreate(code="+2", name="x")
                await save(other.alias)
                assert await q(Country).using(one.alias).filter(code="+3").aexists()
                raise Undo
        assert await q(Country).using(other.alias).filter(code="+1").aexists()

    with writing_to(one.alias, other.alias, seen):
        run(main())
    assert seen == [1]
    assert not {"+2", "+3"} & set(one.codes())


def test_asynchronous_receivers_of_another_alias_are_in_the_transaction(pair: tuple[Place, Place]) -> None:
    one, other = pair
    seen: list[int] = []

    async def note(sender: type, using: str, **kwargs: Any) -> None:
        if using == other.alias:
            seen.append(await q(Country).using(one.alias).filter(code="+2").acount())
            await q(Country).using(one.alias).acreate(code="+3", name="x")

    async def main() -> None:
        with pytest.raises(Undo):
            async with atomic(one.alias):
                await q(Country).using(one.alias).acreate(code="+2", name="x")
                await by_save(other.alias)
                raise Undo

    with receiving(post_save, note, sender=Country):
        run(main())
    assert seen == [1]
    assert not {"+2", "+3"} & set(one.codes())


def test_watchers_see_the_queries_of_other_aliases(pair: tuple[Place, Place]) -> None:
    one, other = pair
    if "django" in (one.engine, other.engine):
        pytest.skip("its queries run on Django's own connection of Django's own thread")

    async def main() -> None:
        async with atomic(one.alias):
            await by_save(other.alias)
            await adj.set_rollback(using=one.alias)

    with writing_to(one.alias, other.alias, []), CaptureQueriesContext(connections[one.alias]) as captured:
        run(main())
    assert len([query for query in captured if "INSERT" in query["sql"]]) == 1


def test_code_on_a_thread_that_is_cancelled_ends_before_the_transaction_that_it_uses(postgres: str) -> None:
    """Its connection would be another task's while the thread still writes."""
    is_running, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        is_running.set()
        may_end.wait()
        Country.objects.using(postgres).create(code="+1", name="x")

    async def main() -> None:
        async def write() -> None:
            async with atomic(postgres), adj.native("default"):
                await sync_to_async(slow)()

        task = asyncio.create_task(write())
        await asyncio.to_thread(is_running.wait)
        task.cancel()
        await asyncio.sleep(0.05)
        has_waited = not task.done()
        may_end.set()
        assert has_waited
        with pytest.raises(asyncio.CancelledError):
            await task

    there = Place("psycopg", postgres, "psycopg")
    with there.chosen(), override_settings(ADJ={postgres: {"pool": {"max_size": 1}}, "default": {"engine": "threads"}}):
        run(main())
        assert "+1" not in there.codes()
