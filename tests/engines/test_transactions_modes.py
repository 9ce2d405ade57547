"""Modes of a transaction: isolation, read only, settings; and whether it may be tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.test import override_settings

import adj
from adj import NestingError, UnsupportedFeature, atomic, q
from tests.engines.countries import codes, create, written
from tests.engines.places import Place
from tests.running import run
from tests.shop.models import Country


def test_the_mode_is_the_transactions_and_gone_after_it(postgres_place: Place) -> None:
    """P19."""

    def show() -> tuple[str, ...]:
        names = ("transaction_isolation", "transaction_read_only", "transaction_deferrable", "adj.tenant")
        with connections[postgres_place.alias].cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"current_setting('{name}', true)" for name in names))
            row: tuple[str, ...] = cursor.fetchone()
            return row

    async def main() -> None:
        mode: dict[str, Any] = {"isolation": "serializable", "read_only": True, "deferrable": True}
        async with atomic(postgres_place.alias, **mode, set_local={"adj.tenant": "7"}):
            assert await adj.run_sync(show) == ("serializable", "on", "on", "7")
        async with atomic(postgres_place.alias):
            assert (await adj.run_sync(show))[:3] == ("read committed", "off", "off")
            with pytest.raises(NestingError, match="isolation"):
                async with atomic(postgres_place.alias, read_only=True):
                    pass

    run(main())


@pytest.mark.parametrize("mode", [{"isolation": "serializable"}, {"read_only": True}, {"deferrable": True}])
def test_a_transaction_that_django_has_begun_keeps_its_mode(postgres: str, mode: dict[str, Any]) -> None:
    """As in a `TestCase`: what the server would say is not clear, or it would hold for the rest of the test."""

    def begin() -> transaction.Atomic:
        block = transaction.atomic(postgres)
        block.__enter__()
        return block

    def end(block: transaction.Atomic) -> None:
        block.__exit__(None, None, None)
        connections[postgres].close()

    async def main() -> None:
        block = await sync_to_async(begin)()
        try:
            with pytest.raises(NestingError, match="was begun by Django's own code"):
                async with atomic(postgres, **mode):
                    pass
            async with atomic(postgres, set_local={"adj.tenant": "7"}):
                await create(postgres, "+1")
                await adj.set_rollback(using=postgres)
            assert await codes(postgres) == []
        finally:
            await sync_to_async(end)(block)

    with override_settings(ADJ={postgres: {"engine": "django"}}):
        run(main())


def test_where_there_are_no_modes_they_are_refused(place: Place) -> None:
    if place.alias == "postgres":
        pytest.skip("PostgreSQL has modes")

    async def main() -> None:
        with pytest.raises(UnsupportedFeature, match=r"is (SQLite|MariaDB)\."):
            async with atomic(place.alias, isolation="serializable"):
                pass
        async with atomic(place.alias):
            await create(place.alias, "+1")

    run(main())
    assert written(place) == ["+1"]


def test_an_unknown_isolation_is_refused_where_it_is_written() -> None:
    word: Any = "chaotic"
    with pytest.raises(ValueError, match="expects one of read uncommitted"):
        atomic(isolation=word)


def test_a_serialization_failure_is_tried_again(native: Place) -> None:
    """P20."""
    attempts: list[int] = []
    committed: list[int] = []
    both_have_read = asyncio.Barrier(2)

    async def add(code: str) -> None:
        attempts.append(1)
        await q(Country).using(native.alias).filter(code__startswith="+").acount()
        if len(attempts) <= 2:
            await both_have_read.wait()
        await create(native.alias, code)
        await adj.on_commit(lambda: committed.append(1), using=native.alias)

    async def main() -> None:
        serializable = atomic(native.alias, isolation="serializable", retry=3)
        await asyncio.gather(serializable(add)("+1"), serializable(add)("+2"))

    run(main())
    assert written(native) == ["+1", "+2"]
    assert len(attempts) >= 3
    assert len(committed) == 2


def test_a_block_cannot_be_tried_again() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="decorator"):
            async with atomic(retry=2):
                pass

    run(main())
