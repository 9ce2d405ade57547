"""What a checker knows of instances, AsyncModel and managers, without any plugin; never run."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, assert_type

import adj
from adj import AsyncQuery, RowAt, q
from adj.models.mixin import AsyncManager
from tests.diary.models import Draft, Entry, EntryQuery, Essay, LongManager, Writer


async def instances(entry: Entry) -> None:
    assert_type(await adj.save(entry, update_fields=["title"]), None)
    assert_type(await adj.delete(entry, "default", keep_parents=True), tuple[int, dict[str, int]])
    assert_type(await adj.refresh(entry, fields=["title"], from_queryset=q(Entry).select_for_update()), None)
    assert_type(await adj.refresh(entry, from_queryset=Entry.objects.all()), None)
    assert_type(await adj.validate(entry, exclude=["title"]), None)


async def the_mixin(entry: Entry) -> None:
    assert_type(await entry.asave(force_insert=True, using="default"), None)
    assert_type(await entry.adelete(), tuple[int, dict[str, int]])
    assert_type(await entry.arefresh_from_db(from_queryset=q(Entry)), None)
    assert_type(await entry.afull_clean(validate_unique=False), None)
    assert_type(await entry.aload("writer"), Entry)
    task = asyncio.create_task(entry.adelete())
    assert_type(await task, tuple[int, dict[str, int]])


async def a_manager() -> None:
    assert_type(Entry.aobjects, AsyncManager[Entry])
    assert_type(Essay.aobjects, AsyncManager[Essay])
    assert_type(Draft.aobjects.all(), AsyncQuery[Draft, Draft])
    assert_type(await Entry.aobjects.aall(), list[Entry])
    assert_type(await Entry.aobjects.afilter(title="Rain"), list[Entry])
    assert_type(await Entry.aobjects.aget(pk=1), Entry)
    assert_type(await Entry.aobjects.acount(), int)
    assert_type(await Entry.aobjects.acreate(title="Rain"), Entry)
    assert_type(await Entry.aobjects.afirst(), Entry | None)
    assert_type(await Entry.aobjects.alast(), Entry | None)
    assert_type(await Entry.aobjects.alatest(), Entry)
    assert_type(await Entry.aobjects.aget_or_create({"words": 1}, title="Rain"), tuple[Entry, bool])
    assert_type(await Entry.aobjects.run(), list[Entry])
    assert_type(await Entry.aobjects.ain_bulk([1]), dict[Any, Entry])
    async for entry in Entry.aobjects:
        assert_type(entry, Entry)
    assert_type(await q(Entry.aobjects).run(), list[Entry])


async def its_queries() -> None:
    chain = Entry.aobjects.filter(words=1).exclude(title="").order_by("-words").select_related("writer")
    assert_type(chain, AsyncQuery[Entry, Entry])
    assert_type(Entry.aobjects.using("default").distinct().reverse().none(), AsyncQuery[Entry, Entry])
    assert_type(Entry.aobjects[2:5], AsyncQuery[Entry, Entry])
    assert_type(Entry.aobjects[2], RowAt[Entry])
    assert_type(await Entry.aobjects.values("title").filter(words=1).run(), list[dict[str, Any]])
    assert_type(await Entry.aobjects.dates("written", "year").run(), list[datetime.date])
    assert_type(Entry.aobjects | q(Entry), AsyncQuery[Entry, Entry])


async def a_manager_of_the_project() -> None:
    assert_type(Entry.long_ones, LongManager)
    assert_type(await Entry.long_ones.longest(), Entry | None)
    assert_type(Entry.long_ones.filter(words=1), AsyncQuery[Entry, Entry])


async def methods_of_a_queryset_class() -> None:
    assert_type(await Entry.own.long(5).filter(words=1).run(), Any)
    assert_type(await Entry.own.filter(words=1).run(), list[Entry])
    assert_type(await Entry.own.filter(words=1).long(5).acount(), Any)


async def a_query_class() -> None:
    assert_type(Entry.queries, EntryQuery)
    assert_type(Entry.queries.filter(words=1).long(5, or_empty=True).order_by("pk"), EntryQuery)
    assert_type(Entry.queries.long()[:3], EntryQuery)
    assert_type(await Entry.queries.exclude(words=1).long().total_words(default=1), int)
    assert_type(await Entry.queries.long().run(), list[Entry])
    assert_type(EntryQuery.of(q(Entry)).filter(words=1), EntryQuery)
    assert_type(await asyncio.create_task(Entry.queries.total_words()), int)


async def other_models() -> None:
    assert_type(await Writer.aobjects.filter(name="Anaïs").run(), list[Writer])
