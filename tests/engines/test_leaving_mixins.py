"""The mixins that projects have written by hand, and what adj has in their place: the same rows, method by method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import models

import adj
from adj import q
from tests.diary.models import Entry, Writer
from tests.engines.diaries import diaries
from tests.engines.places import Place
from tests.running import run

# A base of Any: such mixins came before Django's own methods, whose types they do not have.
Manager: Any = models.Manager


class HandWrittenManager(Manager):  # type: ignore[misc]
    """As it has been passed round for years."""

    async def aget(self, **lookups: Any) -> Any:
        return await sync_to_async(self.get)(**lookups)

    async def aget_or_create(self, **lookups: Any) -> Any:
        return await sync_to_async(self.get_or_create)(**lookups)

    async def acount(self) -> int:
        count: int = await sync_to_async(self.count)()
        return count

    async def acreate(self, **values: Any) -> Any:
        return await sync_to_async(self.create)(**values)

    async def afirst(self) -> Any:
        return await sync_to_async(self.first)()

    async def alast(self) -> Any:
        return await sync_to_async(self.last)()

    async def alatest(self, *fields: str) -> Any:
        return await sync_to_async(self.latest)(*fields)

    async def afilter(self, **lookups: Any) -> list[Any]:
        return await sync_to_async(lambda: list(self.filter(**lookups)))()

    async def aall(self) -> list[Any]:
        return await sync_to_async(lambda: list(self.all()))()


class HandWritten:
    """The same for instances."""

    @staticmethod
    async def asave(instance: models.Model, **options: Any) -> None:
        await sync_to_async(instance.save)(**options)

    @staticmethod
    async def adelete(instance: models.Model) -> Any:
        return await sync_to_async(instance.delete)()


@pytest.fixture(autouse=True)
def writer(place: Place) -> Iterator[Writer]:
    """Diaries on the engine, with three entries."""
    with diaries(place):
        writer = Writer.objects.create(name="Anaïs")
        for words, title in enumerate(["Rain", "Snow", "Sun"]):
            Entry.objects.create(writer=writer, title=title, words=words)
        yield writer


def hand_written() -> HandWrittenManager:
    """The manager of old, on the same model."""
    manager = HandWrittenManager()
    manager.model = Entry
    return manager


READS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("aget", (), {"title": "Snow"}),
    ("acount", (), {}),
    ("afirst", (), {}),
    ("alast", (), {}),
    ("alatest", ("words",), {}),
    ("afilter", (), {"words__gte": 1}),
    ("aall", (), {}),
]


@pytest.mark.parametrize(("name", "args", "lookups"), READS, ids=[name for name, _, _ in READS])
def test_a_method_of_a_manager_gives_the_same(name: str, args: Any, lookups: Any) -> None:
    async def main() -> None:
        async with adj.native(Entry.aobjects.db):
            before = await getattr(hand_written(), name)(*args, **lookups)
        assert await getattr(Entry.aobjects, name)(*args, **lookups) == before

    run(main())


def test_rows_are_created_alike(writer: Writer) -> None:
    async def main() -> None:
        async with adj.native(Entry.aobjects.db):
            old = await hand_written().acreate(writer=writer, title="Fog")
            found = await hand_written().aget_or_create(writer=writer, title="Fog")
        new = await Entry.aobjects.acreate(writer=writer, title="Hail")
        assert (old.slug, new.slug) == ("fog", "hail")
        assert found == (old, False)
        assert await Entry.aobjects.aget_or_create(writer=writer, title="Fog") == (old, False)
        assert (await Entry.aobjects.aget_or_create(writer=writer, title="Ice"))[1]

    run(main())


def test_instances_are_saved_and_deleted_alike(writer: Writer) -> None:
    async def main() -> None:
        rain = await Entry.aobjects.aget(title="Rain")
        rain.words = 10
        async with adj.native(Entry.aobjects.db):
            await HandWritten.asave(rain, update_fields=["words"])
        assert (await q(Entry).aget(title="Rain")).words == 10
        rain.words = 20
        await rain.asave(update_fields=["words"])
        assert (await q(Entry).aget(title="Rain")).words == 20
        async with adj.native(Entry.aobjects.db):
            assert await HandWritten.adelete(rain) == (1, {"diary.Entry": 1})
        assert await (await Entry.aobjects.aget(title="Snow")).adelete() == (1, {"diary.Entry": 1})
        assert await adj.delete(await q(Entry).aget(title="Sun")) == (1, {"diary.Entry": 1})
        assert await Entry.aobjects.acount() == 0

    run(main())
