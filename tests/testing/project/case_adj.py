"""What `AdjTestCase` adds to Django's `TestCase`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

import adj
from adj import q
from adj.testing import AdjTestCase


class WithFixtures(AdjTestCase):
    """Coroutines around each asynchronous test."""

    happened: list[str]

    def setUp(self) -> None:
        self.happened = ["setUp"]

    async def asyncSetUp(self) -> None:
        self.happened.append("asyncSetUp")
        self.loop = asyncio.get_running_loop()
        self.row = await ContentType.objects.acreate(app_label="written", model="row")
        self.addAsyncCleanup(self.note, "cleaned")
        await self.enterAsyncContext(self.context())

    @asynccontextmanager
    async def context(self) -> AsyncGenerator[None]:
        yield
        await self.note("left")

    async def note(self, what: str) -> None:
        assert asyncio.get_running_loop() is self.loop
        self.happened.append(what)

    async def asyncTearDown(self) -> None:
        await self.note("asyncTearDown")

    def tearDown(self) -> None:
        if self._testMethodName != "test_a_synchronous_test_passes_them_by":
            assert self.happened == ["setUp", "asyncSetUp", "test", "asyncTearDown", "left", "cleaned"]

    async def test_it_runs_in_between(self) -> None:
        await self.note("test")
        assert await q(ContentType).filter(app_label="written").aget() == self.row

    async def test_again_and_the_row_is_new(self) -> None:
        await self.note("test")
        assert await q(ContentType).filter(app_label="written").acount() == 1

    async def test_queries_are_counted(self) -> None:
        await self.note("test")
        async with self.assertNumQueriesAsync(2):
            await q(ContentType).acount()
            await ContentType.objects.acount()
        with self.assertRaisesRegex(AssertionError, "1 queries executed, 0 expected"):
            async with self.assertNumQueriesAsync(0):
                await q(ContentType).acount()

    async def test_functions_for_after_the_commit_are_captured(self) -> None:
        await self.note("test")
        called: list[str] = []

        async def later() -> None:
            called.append("asynchronous")

        async with self.captureOnCommitAsync(execute=True) as functions, adj.atomic():
            await adj.on_commit(later)
            await adj.run_sync(transaction.on_commit, lambda: called.append("django"))
        assert called == ["asynchronous", "django"]
        assert functions[0] is later

    def test_a_synchronous_test_passes_them_by(self) -> None:
        assert self.happened == ["setUp"]
        with self.assertRaisesRegex(RuntimeError, "require an async test"):
            self.addAsyncCleanup(self.note, "never")
