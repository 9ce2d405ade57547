"""`Book.aobjects` and the wrappers ask on adj's engine what Django's managers and methods ask."""

from __future__ import annotations

import asyncio
import datetime
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import IntegrityError
from django.db.models import QuerySet

import adj
from adj import AsyncQuery, atomic, q
from adj.models.wrappers import asynced, queryset_method, terminal
from tests.diary.models import Entry, EntryQuery, EntryQuerySet, Writer
from tests.engines.diaries import diaries
from tests.engines.places import Place
from tests.running import run

TITLES = ["Rain", "Snow", "Storm", "Sun"]


@pytest.fixture(autouse=True)
def writer(place: Place) -> Iterator[Writer]:
    """Diaries on the engine, with four entries."""
    with diaries(place):
        writer = Writer.objects.create(name="Anaïs")
        for number, title in enumerate(TITLES):
            written = datetime.date(2020, 1, 1 + number)
            Entry.objects.create(writer=writer, title=title, words=number * 60, written=written)
        yield writer


# -- the manager -------------------------------------------------------------------------------------------------------


def test_the_shorthands_give_what_django_gives(writer: Writer) -> None:
    entries = Entry.aobjects

    async def main() -> None:
        assert set(await entries.aall()) == set(await adj.run_sync(list, Entry.objects.all()))
        assert {entry.title for entry in await entries.afilter(words__gt=60)} == {"Storm", "Sun"}
        assert (await entries.aget(title="Snow")).words == 60
        assert await entries.acount() == 4
        assert (await entries.order_by("words").afirst()) == (await entries.aearliest())
        assert (await entries.alast()) == (await entries.alatest())
        assert await entries.filter(words=1).afirst() is None
        assert await entries.filter(title__startswith="S").order_by("-title").values_list("title", flat=True).run() == [
            "Sun",
            "Storm",
            "Snow",
        ]
        assert [entry.title async for entry in entries.order_by("pk")] == TITLES
        async with entries.order_by("pk").stream() as rows:
            assert [entry.title async for entry in rows] == TITLES

    run(main())


def test_rows_are_created_on_the_callers_transaction(writer: Writer, place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            fog = await Entry.aobjects.acreate(writer=writer, title="Fog")
            assert (fog.slug, fog._state.db) == ("fog", place.alias)
            again, is_new = await Entry.aobjects.aget_or_create({"words": 7}, writer=writer, title="Fog")
            assert (again, again.words, is_new) == (fog, None, False)
            hail, is_new = await Entry.aobjects.aget_or_create({"words": 7}, writer=writer, title="Hail")
            assert (hail.words, is_new) == (7, True)
            with pytest.raises(IntegrityError):
                async with atomic(place.alias):
                    await Entry.aobjects.acreate(writer=writer, title="Fog")
            await adj.set_rollback(using=place.alias)

    run(main())
    assert Entry.objects.count() == 4


def test_a_managers_condition_and_its_methods_hold(writer: Writer) -> None:
    async def main() -> None:
        assert {entry.title for entry in await Entry.long_ones.aall()} == {"Storm", "Sun"}
        longest = await Entry.long_ones.longest()
        assert longest is not None
        assert longest.title == "Sun"

    run(main())


def test_a_manager_stands_where_a_query_stands(writer: Writer) -> None:
    async def main() -> None:
        assert await q(Writer).filter(entries__in=Entry.long_ones).distinct().run() == [writer]
        assert await Entry.objects.filter(pk__in=Entry.long_ones.values("pk")).acount() == 2
        several = await asyncio.gather(Entry.aobjects.acount(), Writer.aobjects.aall())
        assert list(several) == [4, [writer]]

    run(main())


def test_a_related_manager_may_be_made_of_it(writer: Writer) -> None:
    other = Writer.objects.create(name="Virginia")
    Entry.objects.create(writer=other, title="Waves", words=500)

    async def main() -> None:
        mine: Any = writer.entries(manager="long_ones")  # type: ignore[attr-defined]  # Django's own
        assert [entry.title for entry in await mine.order_by("pk").run()] == ["Storm", "Sun"]

    run(main())


# -- methods of the project --------------------------------------------------------------------------------------------


def test_methods_of_a_queryset_are_steps_and_endings(writer: Writer) -> None:
    async def main() -> None:
        assert [entry.title for entry in await Entry.own.long().order_by("pk").run()] == ["Storm", "Sun"]
        assert await Entry.own.order_by("pk").long(50, or_empty=True).acount() == 4
        assert await Entry.own.long(50).atotal_words() == 60 + 120 + 180
        assert await Entry.own.filter(title="?").atotal_words(default=-1) == -1
        assert await Entry.queries.exclude(title="Sun").long(50).total_words() == 60 + 120
        assert await EntryQuery.of(q(Entry)).long(50).total_words(default=3) == 360

    run(main())


def test_an_ending_sees_the_transaction(writer: Writer, place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await adj.save(Entry(writer=writer, title="Fog", words=1_000))
            assert await Entry.own.atotal_words() == 1_360
            assert await Entry.queries.using(place.alias).total_words() == 1_360
            assert await Entry.own.atitles() == ["Fog", *TITLES]
            await adj.set_rollback(using=place.alias)

    run(main())


class Wrong(AsyncQuery[Entry]):
    words = queryset_method(EntryQuerySet.total_words)  # type: ignore[arg-type]  # gives a number
    rows = terminal(EntryQuerySet.long)


def test_a_method_that_is_exposed_in_the_wrong_way_says_so(writer: Writer) -> None:
    query = Wrong.of(q(Entry.own.get_queryset()))

    async def main() -> None:
        with pytest.raises(SynchronousOnlyOperation) as raised:
            query.words()
        assert "EntryQuerySet.total_words() runs a query" in raised.value.__notes__[0]
        with pytest.raises(TypeError, match=r"EntryQuerySet.long\(\) returned a QuerySet\. .* queryset_method\(\)"):
            await query.rows()

    run(main())


def test_a_step_that_gives_no_queryset_says_so() -> None:
    class Odd(AsyncQuery[Entry]):
        @queryset_method
        def odd(self) -> QuerySet[Entry]:
            return 5  # type: ignore[return-value]  # as untyped code may

    with pytest.raises(TypeError, match=r"odd\(\) returned int\. Expose it with terminal\(\)"):
        Odd.of(q(Entry)).odd()


# -- asynced -----------------------------------------------------------------------------------------------------------


def count_entries(writer: Writer, *, at_least: int = 0) -> int:
    """How many."""
    return Entry.objects.filter(writer=writer, words__gte=at_least).count()


class Desk:
    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    acount = asynced(lambda self, at_least=0: count_entries(self.writer, at_least=at_least))

    @asynced
    def title(self, position: int) -> str:
        return str(Entry.objects.filter(writer=self.writer).order_by("pk")[position].title)

    @classmethod
    @asynced
    def of(cls, name: str) -> Desk:
        return cls(Writer.objects.get(name=name))

    @asynced
    @classmethod
    def also_of(cls, name: str) -> Desk:
        return cls(Writer.objects.get(name=name))

    @staticmethod
    @asynced
    def total(model: Any) -> int:
        return int(model.objects.count())

    @asynced
    @staticmethod
    def also_total(model: Any) -> int:
        return int(model.objects.count())


def test_synchronous_functions_can_be_awaited_wherever_they_stand(writer: Writer) -> None:
    async def main() -> None:
        assert await asynced(count_entries)(writer, at_least=100) == 2
        desk = await Desk.of("Anaïs")
        assert (await Desk.also_of("Anaïs")).writer == desk.writer == writer
        assert await desk.title(1) == "Snow"
        assert await desk.acount(at_least=60) == 3
        assert await desk.total(Writer) == await Desk.also_total(Writer) == 1
        await asynced(writer.full_clean)(validate_unique=False)
        assert await (await q(Entry).aget(title="Sun")).ashout("?", times=2) == "Sun by Anaïs??"

    run(main())


def test_they_run_in_the_callers_transaction(writer: Writer, place: Place) -> None:
    async def main() -> None:
        async with atomic(place.alias):
            await adj.save(Entry(writer=writer, title="Fog"))
            assert await asynced(Entry.objects.count)() == 5
            await adj.set_rollback(using=place.alias)

    run(main())


def test_they_look_like_what_they_wrap() -> None:
    wrapped = asynced(count_entries)
    assert inspect.iscoroutinefunction(wrapped)
    assert inspect.iscoroutinefunction(Desk.of)
    assert inspect.signature(wrapped) == inspect.signature(count_entries)
    assert (wrapped.__name__, wrapped.__doc__) == ("count_entries", "How many.")


async def already() -> None: ...


def generator() -> Iterator[int]:
    yield 1


class Awaitable:
    async def __call__(self) -> None: ...


@pytest.mark.parametrize("wrapper", [asynced, queryset_method, terminal])
def test_what_is_not_a_synchronous_function_is_refused(wrapper: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"{wrapper.__name__}\(\) expects a synchronous function; already\(\) is async"
    ):
        wrapper(already)
    with pytest.raises(TypeError, match=r"expects a synchronous function"):
        wrapper(Awaitable())
    with pytest.raises(TypeError, match=r"generator\(\) is a generator\. Return a list"):
        wrapper(generator)
    with pytest.raises(TypeError, match=r"expects a function; got str"):
        wrapper("count")
