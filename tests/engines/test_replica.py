"""A router with a streaming replica behind it: reads go there, writes to the primary, and each row says where from."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import InternalError, connections
from django.db.models import Func
from django.db.models.fields import BooleanField
from django.test import override_settings

import adj
from adj import atomic, q
from tests.engines.aliases import alias_at
from tests.engines.sessions import elsewhere, native_engine
from tests.running import run
from tests.servers import create_database, private_server, replica_of
from tests.shop import data
from tests.shop.models import Author, Book, Country

ENGINES = ["psycopg", "threads"]


class IsReplica(Func):
    """Whether the server that answers follows another one."""

    function = "pg_is_in_recovery"
    output_field: Any = BooleanField()


class ReadsFromReplica:
    """The router of Django's own documentation: reads go to the replica, writes to the primary."""

    hints: list[dict[str, Any]] = []  # noqa: RUF012  # one router per test

    def db_for_read(self, model: type, **hints: Any) -> str:
        self.hints.append(hints)
        return "replica"

    def db_for_write(self, model: type, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture(scope="module")
def databases(postgres: str) -> Generator[tuple[dict[str, Any], dict[str, Any]]]:
    """A primary with the bookshop, and a replica that follows it."""
    with private_server() as primary, replica_of(primary) as replica:
        name = create_database(primary)
        common = connections.settings[postgres]
        here, there = ({**common, **server.django_database(name)} for server in (primary, replica))
        with alias_at("default", here):
            call_command("migrate", database="default", run_syncdb=True, verbosity=0, interactive=False)
            data.load("default")
        yield here, there


@pytest.fixture(params=ENGINES)
def routed(databases: tuple[dict[str, Any], dict[str, Any]], request: Any) -> Generator[None]:
    """`default` is the primary and `replica` follows it, each with two connections at most."""
    primary, replica = databases
    pool: dict[str, Any] = {"pool": {"max_size": 2}} if request.param == "psycopg" else {"threads": 2}
    engine = {"engine": request.param, **pool}
    routers = [f"{__name__}.{ReadsFromReplica.__name__}"]
    ReadsFromReplica.hints.clear()
    with (
        alias_at("default", primary),
        alias_at("replica", replica),
        override_settings(ADJ={"default": engine, "replica": engine}, DATABASE_ROUTERS=routers),
    ):
        run(caught_up())
        yield
        Country.objects.using("default").filter(code__startswith="+").delete()


def written(alias: str) -> int:
    """Up to where the primary has written its log, in bytes."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def replayed(alias: str) -> int:
    """Up to where the replica has followed, in bytes."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_last_wal_replay_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


async def caught_up() -> None:
    """Wait until the replica has all that the primary has written by now."""
    target = await elsewhere(written, "default")
    async with asyncio.timeout(20):
        while await elsewhere(replayed, "replica") < target:  # noqa: ASYNC110  # the server has no event for it
            await asyncio.sleep(0.01)


def is_replica(alias: str) -> bool:
    """Whether an alias is the replica, asked by code in a bridge or a thread."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        answer: bool = cursor.fetchone()[0]
        return answer


async def create(code: str) -> Country:
    """A new country where the router writes it."""
    async with atomic("default"):
        return await adj.run_sync(Country.objects.create, code=code, name=code)


@pytest.mark.usefixtures("routed")
def test_reads_are_answered_by_the_replica() -> None:
    async def main() -> None:
        assert await q(Country).order_by("pk").values_list(IsReplica(), flat=True)[:1].run() == [True]
        (book,) = await q(Book).select_related("author").order_by("pk")[:1].run()
        assert (book._state.db, book.author._state.db) == ("replica", "replica")
        author: Any = await q(Author).prefetch_related("books").filter(books=book).aget()
        assert {each._state.db for each in author.books.all()} == {"replica"}
        async with q(Book).stream(2) as books:
            assert (await anext(books))._state.db == "replica"

    run(main())


@pytest.mark.usefixtures("routed")
def test_using_asks_the_primary() -> None:
    async def main() -> None:
        countries = q(Country).using("default").order_by("pk")
        assert await countries.values_list(IsReplica(), flat=True)[:1].run() == [False]
        assert {each._state.db for each in await countries.run()} == {"default"}

    run(main())


@pytest.mark.usefixtures("routed")
def test_the_router_gets_the_instance_as_a_hint() -> None:
    async def main() -> None:
        author: Any = await q(Author).filter(books__isnull=False).order_by("pk").afirst()
        assert author is not None
        ReadsFromReplica.hints.clear()
        books = await q(author.books).run()
        assert {book._state.db for book in books} == {"replica"}
        assert {"instance": author} in ReadsFromReplica.hints

    run(main())


@pytest.mark.usefixtures("routed")
def test_what_is_written_on_the_primary_arrives_at_the_replica() -> None:
    async def main() -> None:
        country = await create("+1")
        assert country._state.db == "default"
        await caught_up()
        found = await q(Country).aget(code="+1")
        assert (found, found._state.db) == (country, "replica")

    run(main())


@pytest.mark.usefixtures("routed")
def test_a_transaction_is_on_the_primary_and_what_asks_the_replica_does_not_see_it() -> None:
    async def main() -> None:
        async with atomic("default"):
            assert not await adj.run_sync(is_replica, "default")
            await adj.run_sync(Country.objects.create, code="+1", name="x")
            assert await q(Country).using("default").filter(code="+1").aexists()
            assert not await q(Country).filter(code="+1").aexists()
            locked = await q(Country).filter(code="+1").select_for_update().aget()
            assert locked._state.db == "default"
            await adj.set_rollback(using="default")
        assert not await q(Country).using("default").filter(code="+1").aexists()

    run(main())


@pytest.mark.usefixtures("routed")
def test_a_write_on_the_replica_is_djangos_error_and_the_next_query_works(request: pytest.FixtureRequest) -> None:
    def write() -> None:
        Country.objects.using("replica").create(code="+1", name="x")

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(InternalError, match="read-only transaction"):
                async with atomic("replica"):
                    await adj.run_sync(write)
        assert await q(Country).acount() > 0
        if request.node.callspec.params["routed"] == "psycopg":
            engine = await native_engine("replica")
            stats = engine.stats()
            assert stats.in_use == 0
            assert stats.idle == stats.size == 1

    run(main())
