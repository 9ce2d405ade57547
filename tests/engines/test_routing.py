"""Which database a query goes to: routers, `using()`, and QuerySets that are bound to one."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any

import pytest
from django.db import connections
from django.db.models import QuerySet
from django.test import override_settings

from adj import EngineNotOpen, q
from tests.engines.aliases import alias_at
from tests.running import run
from tests.shop.models import Author, Book, Country


class Reads:
    """Sends countries elsewhere, and remembers the hints it was given."""

    hints: list[dict[str, Any]] = []  # noqa: RUF012  # one router per test

    def db_for_read(self, model: type, **hints: Any) -> str | None:
        self.hints.append(hints)
        return "replica" if model is Country else None

    def db_for_write(self, model: type, **hints: Any) -> str | None:
        return "default"


@pytest.fixture(autouse=True)
def _replica() -> Generator[None]:
    """The same file under another alias."""
    Reads.hints.clear()
    routers = override_settings(DATABASE_ROUTERS=["tests.engines.test_routing.Reads"])
    with alias_at("replica", connections.settings["default"]), routers:
        yield


def test_the_router_chooses_where_nobody_else_did() -> None:
    """P54."""
    (country,) = run(q(Country).order_by("pk")[:1].run())
    assert country._state.db == "replica"
    assert q(Country).db == "replica"
    assert q(Book).db == "default"


def test_a_query_that_locks_goes_where_writes_go() -> None:
    assert q(Country).select_for_update().db == "default"


def test_using_overrules_the_router() -> None:
    (country,) = run(q(Country).using("default").order_by("pk")[:1].run())
    assert country._state.db == "default"


def test_a_queryset_stays_on_its_database() -> None:
    assert q(Book.objects.using("replica")).db == "replica"
    assert q(Book.objects.db_manager("replica")).db == "replica"


here: ContextVar[str] = ContextVar("here", default="default")


class OfTheTask:
    """Sends every query to the database of the current context, as a router of tenants does."""

    def db_for_read(self, model: type, **hints: Any) -> str:
        return here.get()

    db_for_write = db_for_read


@override_settings(DATABASE_ROUTERS=["tests.engines.test_routing.OfTheTask"])
def test_a_router_of_the_context_sends_each_task_to_its_own_database() -> None:
    """P54: also what is prefetched, on whichever thread."""

    async def ask(alias: str) -> set[str]:
        here.set(alias)
        author: Any = await q(Author).filter(books__isnull=False).prefetch_related("books").afirst()
        return {author._state.db, *(book._state.db for book in author.books.all())}

    async def main() -> list[set[str]]:
        return await asyncio.gather(*map(ask, ["default", "replica"] * 3))

    assert run(main()) == [{"default"}, {"replica"}] * 3


def test_rows_of_two_databases_are_not_related_to_each_other() -> None:
    """P54: a row knows where it comes from, so that Django refuses what it always refuses."""

    async def main() -> tuple[Any, Any]:
        return await asyncio.gather(q(Author).using("replica").afirst(), q(Book).using("default").afirst())

    author, book = run(main())
    with pytest.raises(ValueError, match="current database router prevents this relation"):
        book.author = author


class Elsewhere(QuerySet[Any]):
    """Chooses its database itself."""

    @property
    def db(self) -> str:
        return "replica"


def test_a_manager_may_be_bound_to_a_database_and_so_may_its_querysets(monkeypatch: pytest.MonkeyPatch) -> None:
    manager: Any = Book._default_manager
    with monkeypatch.context() as patch:
        patch.setattr(manager, "_db", "replica")
        assert q(Book).db == "replica"
    with monkeypatch.context() as patch:
        patch.setattr(manager, "_queryset_class", Elsewhere)
        assert q(Book).db == "replica"
    assert q(Book).db == "default"


def test_a_related_manager_gives_the_router_its_hint() -> None:
    """P54."""
    author: Any = Author.objects.filter(books__isnull=False).first()
    assert author is not None
    books = run(q(author.books).run())
    assert books
    assert {book.author for book in books} == {author}
    assert {"instance": author} in Reads.hints


def test_an_alias_that_is_not_configured_is_named() -> None:
    with pytest.raises(Exception, match="nowhere"):
        run(q(Book).using("nowhere").run())


def test_a_database_that_does_not_open_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    broken = {**connections.settings["default"], "NAME": str(tmp_path / "missing" / "shop.sqlite3")}
    monkeypatch.setitem(connections.settings, "broken", broken)
    with pytest.raises(EngineNotOpen, match=r'Database "broken" is not open.*shop\.sqlite3.*DATABASES'):
        run(q(Book).using("broken").run())
