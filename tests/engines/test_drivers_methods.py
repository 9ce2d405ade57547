"""Synchronous code that calls the driver's own methods finds them on the native engine, as on Django's connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from psycopg.rows import dict_row

import adj
from adj import atomic
from tests.engines.places import Place
from tests.running import run

Work = Callable[[Any], object]


def streams(connection: Any) -> object:
    with connection.cursor() as cursor:
        return list(cursor.stream("SELECT generate_series(%s::int, 3)", [1]))


def stops_streaming(connection: Any) -> object:
    """The rest of the rows does not stand in the way of the next statement."""
    with connection.cursor() as cursor:
        rows = cursor.stream("SELECT generate_series(1, 1000)")
        first = next(rows)
        rows.close()
    return first, connection.connection.execute("SELECT 5").fetchall()


def begins_a_transaction(connection: Any) -> object:
    raw = connection.connection
    with raw.transaction():
        raw.execute("CREATE TEMPORARY TABLE counted (number int)")
        with suppress(psycopg.errors.DivisionByZero), raw.transaction():
            raw.execute("INSERT INTO counted VALUES (1)")
            raw.execute("SELECT 1 / 0")
        with raw.transaction() as block:
            raw.execute("INSERT INTO counted VALUES (2)")
            status = block.status.name
        with raw.transaction(force_rollback=True):
            raw.execute("INSERT INTO counted VALUES (3)")
        rows = raw.execute("SELECT number FROM counted").fetchall()
        raw.execute("DROP TABLE counted")
    return status, rows


def sends_a_pipeline(connection: Any) -> object:
    raw = connection.connection
    with raw.pipeline() as pipeline:
        cursors = [raw.cursor(), raw.cursor()]
        for number, cursor in enumerate(cursors):
            cursor.execute("SELECT %s::int", [number])
        pipeline.sync()
        return [cursor.fetchall() for cursor in cursors]


def listens(connection: Any) -> object:
    raw = connection.connection
    raw.execute("LISTEN news")
    raw.execute("NOTIFY news, 'arrived'")
    payloads = [notice.payload for notice in raw.notifies(timeout=5, stop_after=1)]
    raw.execute("UNLISTEN news")
    return payloads


def has_rows_of_another_form(connection: Any) -> object:
    with connection.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT 1 AS one").fetchall()


def cancels(connection: Any) -> object:
    return connection.connection.cancel_safe(), connection.connection.cancel()


EVERYWHERE = [streams, stops_streaming, begins_a_transaction, has_rows_of_another_form]
IN_AUTOCOMMIT = [sends_a_pipeline, listens, cancels]


def opened(alias: str, work: Work) -> object:
    connection: Any = connections[alias]
    connection.ensure_connection()
    return work(connection)


@pytest.mark.parametrize("work", EVERYWHERE + IN_AUTOCOMMIT)
def test_methods_of_psycopg_do_what_they_do_in_django(native: Place, work: Work) -> None:
    expected = opened(native.alias, work)

    async def main() -> object:
        async with adj.native(native.alias):
            return await adj.run_sync(opened, native.alias, work)

    assert run(main()) == expected


@pytest.mark.parametrize("work", EVERYWHERE)
def test_methods_of_psycopg_do_what_they_do_in_a_transaction_of_django(native: Place, work: Work) -> None:
    with transaction.atomic(native.alias):
        expected = opened(native.alias, work)

    async def main() -> object:
        async with atomic(native.alias):
            return await adj.run_sync(opened, native.alias, work)

    assert run(main()) == expected


def test_an_attribute_that_is_no_method_is_psycopgs(native: Place) -> None:
    def work(connection: Any) -> None:
        raw = connection.connection
        assert issubclass(raw.cursor_factory, psycopg.AsyncCursor)
        assert raw.info.server_version == connection.pg_version

    async def main() -> None:
        async with adj.native(native.alias):
            await adj.run_sync(opened, native.alias, work)

    run(main())
