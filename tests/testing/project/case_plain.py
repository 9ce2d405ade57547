"""Tests as projects have them, where nothing but Django is known."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection
from django.test import TestCase

import adj
from adj import atomic, q


async def names() -> list[str]:
    rows = q(ContentType).filter(app_label="written").order_by("model")
    return await rows.values_list("model", flat=True).run()


def write(name: str) -> ContentType:
    return ContentType.objects.create(app_label="written", model=name)


class Writes:
    """The same tests in each class, so that each process of a parallel run has some."""

    @classmethod
    def setUpTestData(cls) -> None:  # Django's name
        write("base")

    def setUp(self) -> None:
        assert ContentType.objects.filter(app_label="written").count() == 1

    async def test_what_adj_and_django_write_is_seen(self) -> None:
        await ContentType.objects.acreate(app_label="written", model="django")
        await adj.run_sync(write, "sync")
        assert await names() == ["base", "django", "sync"]

    async def test_a_block_with_an_error_is_rolled_back(self) -> None:
        with suppress(LookupError):
            async with atomic(durable=True):
                await ContentType.objects.acreate(app_label="written", model="undone")
                raise LookupError
        assert await names() == ["base"]

    async def test_tasks_see_it_too(self) -> None:
        await asyncio.gather(*(ContentType.objects.acreate(app_label="written", model=name) for name in "ab"))
        assert set(map(tuple, await asyncio.gather(names(), names()))) == {("a", "b", "base")}

    async def test_rows_are_streamed(self) -> None:
        await adj.run_sync(write, "more")
        async with q(ContentType).filter(app_label="written").stream(chunk_size=1) as rows:
            assert len([row async for row in rows]) == 2

    def test_a_loop_in_a_synchronous_test_is_in_the_transaction(self) -> None:
        write("before")

        async def main() -> None:
            async with atomic():
                await adj.run_sync(write, "inside")
                await ContentType.objects.acreate(app_label="written", model="joined")
            assert await names() == ["base", "before", "inside", "joined"]

        asyncio.run(main())
        assert ContentType.objects.filter(model="inside").exists()
        assert connection.in_atomic_block

    def test_an_error_of_the_server_in_a_savepoint_leaves_the_rest(self) -> None:
        async def main() -> None:
            with suppress(IntegrityError):
                async with atomic():
                    await adj.run_sync(write, "base")
            assert await names() == ["base"]

        asyncio.run(main())


class First(Writes, TestCase):
    """In one process."""


class Second(Writes, TestCase):
    """In another one."""
