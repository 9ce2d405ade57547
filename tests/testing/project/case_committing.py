"""Tests that commit, with event loops that are not at their end when the databases are dropped."""

from __future__ import annotations

import asyncio

from django.contrib.contenttypes.models import ContentType
from django.test import TransactionTestCase

from adj import q
from adj.testing import AdjTestCase, close_all


class Commits(TransactionTestCase):
    """The engine is the one of the settings."""

    async def test_what_is_committed_is_seen(self) -> None:
        await ContentType.objects.acreate(app_label="written", model="committed")
        assert await q(ContentType).filter(app_label="written").acount() == 1


class KeepsALoop(TransactionTestCase):
    """A loop that is open when the class ends."""

    loop = asyncio.new_event_loop()

    def test_it_asks(self) -> None:
        assert self.loop.run_until_complete(q(ContentType).filter(app_label="written").acount()) == 0
        self.addClassCleanup(close_all)


class ClosesBehindOthers(AdjTestCase):
    """Closes what all loops have."""

    loop = asyncio.new_event_loop()

    @classmethod
    def setUpClass(cls) -> None:
        # Before the transaction of the class, and so on the engine of the settings.
        cls.loop.run_until_complete(q(ContentType).acount())
        super().setUpClass()

    async def test_nothing(self) -> None:
        assert await q(ContentType).filter(app_label="written").acount() == 0
