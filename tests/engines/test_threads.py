"""The threads engine: parallel queries, bounded threads, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections
from django.db.models import Prefetch
from django.db.models.signals import post_init
from django.db.transaction import TransactionManagementError
from django.test import override_settings

import adj
from adj import q
from adj.engines import engine_for
from adj.engines.django.engine import DjangoEngine
from adj.engines.threads import engine as threads_module
from adj.engines.threads import worker_factory
from adj.engines.threads.engine import ThreadsEngine
from adj.execution.databases import executor_for
from tests.engines.sessions import assert_run_at_once, backend_pid, sessions, sleeping
from tests.receivers import receiving
from tests.running import run, worker_threads
from tests.shop.models import Author, Book, Review, Tag


@pytest.fixture
def postgres(postgres: str) -> Generator[str]:
    """PostgreSQL through threads; its own engine is the native one."""
    with override_settings(ADJ={postgres: {"engine": "threads"}}):
        yield postgres


def assert_no_more_sessions_than(number: int, alias: str) -> None:
    """Wait for the server: it takes note that a client has left a moment after the client has."""
    end = time.monotonic() + 5
    while (now := sessions(alias)) > number:
        assert time.monotonic() < end, f"{now} sessions, there were {number}"
        time.sleep(0.01)


def test_fifty_queries_at_once_on_sqlite_answer_and_leave_no_thread() -> None:
    before = threading.active_count()

    async def fifty() -> list[int]:
        counts = await asyncio.gather(*(q(Book).filter(pages__gt=pages).acount() for pages in range(0, 500, 10)))
        assert len(worker_threads()) <= 8
        return counts

    expected = [Book.objects.filter(pages__gt=pages).count() for pages in range(0, 500, 10)]
    assert run(fifty()) == expected
    assert threading.active_count() <= before


def test_five_sleeping_queries_on_postgresql_run_at_once(postgres: str) -> None:
    threads_before, sessions_before = threading.active_count(), sessions(postgres)

    async def five() -> None:
        await q(Book).using(postgres).acount()
        await assert_run_at_once([sleeping(30, postgres)] * 5, postgres)

    run(five())
    assert threading.active_count() <= threads_before
    assert_no_more_sessions_than(sessions_before, postgres)


@override_settings(ADJ={"default": {"threads": 2}})
def test_no_more_threads_than_the_setting_allows() -> None:
    async def many() -> list[int]:
        seen = []

        async def count(pages: int) -> int:
            number = await q(Book).filter(pages__gt=pages).acount()
            seen.append(len(worker_threads()))
            return number

        await asyncio.gather(*(count(pages) for pages in range(20)))
        return seen

    assert max(run(many())) == 2


@override_settings(ADJ={"default": {"threads": 1}})
def test_a_task_that_is_cancelled_while_it_waits_for_a_thread_leaves_its_place_in_the_line() -> None:
    async def scenario() -> int:
        engine = (await executor_for("default")).engine
        async with engine.connection():
            waiting = [asyncio.create_task(q(Book).acount()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            waiting[1].cancel()
            await asyncio.gather(*waiting[:2], return_exceptions=True)
        assert all(task.cancelled() for task in waiting[:2])
        return await waiting[2]

    assert run(scenario()) == Book.objects.count()


@override_settings(ADJ={"postgres": {"engine": "threads", "threads": 1}})
def test_a_thread_comes_back_when_the_query_of_a_cancelled_task_has_ended(postgres: str) -> None:
    """P28."""

    async def scenario() -> int:
        await q(Book).using(postgres).acount()
        task = asyncio.create_task(sleeping(0.2, postgres).run())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The only thread is still busy; the next query waits for it and gets its own result.
        return await q(Book).using(postgres).acount()

    assert run(scenario()) == Book.objects.using(postgres).count()


@override_settings(ADJ={"default": {"threads": 1}})
def test_a_worker_that_arrives_together_with_a_cancellation_is_passed_on() -> None:
    async def scenario() -> int:
        engine = (await executor_for("default")).engine
        lease = engine.connection()
        await lease.__aenter__()
        first, second = asyncio.create_task(q(Book).acount()), asyncio.create_task(q(Book).acount())
        await asyncio.sleep(0)
        # The worker goes to the first task, which is cancelled before it can take note.
        await lease.__aexit__(None, None, None)
        first.cancel()
        return await second

    assert run(scenario()) == Book.objects.count()


def test_a_failed_query_leaves_its_thread_usable_and_is_named() -> None:
    async def scenario() -> int:
        with pytest.raises(OperationalError) as caught:
            await q(Book).extra(where=["no_such_column = 1"]).run()
        assert any("q(Book).extra(...)" in note for note in caught.value.__notes__)
        return await q(Book).acount()

    assert run(scenario()) == Book.objects.count()


def test_synchronous_code_runs_in_a_copy_of_the_callers_context() -> None:
    language: contextvars.ContextVar[str] = contextvars.ContextVar("language")

    async def scenario() -> tuple[str, str]:
        language.set("tlh")
        executor = await executor_for("default")
        result: tuple[str, str] = await executor.run(lambda: (language.get(), threading.current_thread().name))
        return result

    tongue, thread = run(scenario())
    assert tongue == "tlh"
    assert thread.startswith("adj-default")


def test_a_lock_needs_a_transaction(postgres: str) -> None:
    with pytest.raises(TransactionManagementError):
        run(q(Book).using(postgres).select_for_update().run())


def test_a_lost_connection_is_replaced_when_health_checks_are_on(postgres: str) -> None:
    settings = connections.settings[postgres]

    async def scenario() -> int:
        executor = await executor_for(postgres)
        session = await executor.run(backend_pid, postgres)
        await asyncio.to_thread(terminate, postgres, session)
        return await q(Book).using(postgres).acount()

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings, "CONN_HEALTH_CHECKS", True)
        patch.setitem(settings, "CONN_MAX_AGE", None)
        # Connections are checked once in a while; here before every query.
        patch.setattr(worker_factory, "CHECKED_SECONDS", 0.0)
        assert run(scenario()) == Book.objects.using(postgres).count()


def test_a_lost_connection_to_another_database_is_replaced(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefetch that is Django's affair opens one on the thread of the query's own database."""
    monkeypatch.setitem(connections.settings[postgres], "CONN_MAX_AGE", None)
    books = Prefetch("books", queryset=Book.objects.using(postgres).order_by("pk")[:1_000], to_attr="first")

    async def scenario() -> int:
        executor = await executor_for("default")
        session = await executor.run(backend_pid, postgres)
        await asyncio.to_thread(terminate, postgres, session)
        with pytest.raises(OperationalError):
            await q(Author).prefetch_related(books).run()
        authors: list[Any] = await q(Author).prefetch_related(books).run()
        return sum(len(author.first) for author in authors)

    with override_settings(ADJ={"default": {"engine": "threads", "threads": 1}}):
        assert run(scenario()) == Book.objects.using(postgres).count()


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration])
def test_the_end_of_an_iteration_on_the_thread_is_not_the_end_of_a_stream(error: type[Exception]) -> None:
    def receive(**kwargs: object) -> None:
        raise error

    async def scenario() -> None:
        async with q(Tag).stream() as rows:
            await anext(rows)

    with receiving(post_init, receive, sender=Tag), pytest.raises(RuntimeError, match=error.__name__):
        run(scenario())


@pytest.mark.parametrize("engine", ["threads", "django"])
def test_what_django_asks_while_it_compiles_is_not_taken_for_the_query(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relation to any model has the key of a content type in its SQL."""
    # Other tests count on what is known already.
    monkeypatch.setattr(ContentType.objects, "_cache", {})

    async def scenario() -> tuple[Any, ...]:
        query = q(Book).filter(notes__text="note 2")
        answers: list[Any] = []
        for ask in (query.run, query.acount, query.aexists, query.values_list("pk").run, query.afirst, query.run):
            ContentType.objects.clear_cache()
            answers.append(await ask())
        async with query.stream() as rows:
            answers.append([row async for row in rows])
        return tuple(answers)

    book = Book.objects.get(notes__text="note 2")
    with override_settings(ADJ={"default": {"engine": engine}}):
        assert run(scenario()) == ([book], 1, True, [(book.pk,)], book, [book], [book])


def terminate(alias: str, pid: int) -> None:
    """End another session of the server."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connections.close_all()


def test_an_idle_thread_ends_if_connections_are_not_persistent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "LINGER_SECONDS", 0.01)

    async def scenario() -> int:
        await q(Book).acount()
        assert worker_threads()
        async with asyncio.timeout(5):
            while worker_threads():  # noqa: ASYNC110  # a thread ends outside the event loop
                await asyncio.sleep(0.01)
        return await q(Book).acount()

    assert run(scenario()) == Book.objects.count()


def test_closing_twice_is_harmless_and_the_next_query_opens_anew() -> None:
    async def scenario() -> tuple[int, int]:
        before = await q(Book).acount()
        await adj.close()
        assert not worker_threads()
        await adj.close()
        return before, await q(Book).acount()

    before, after = run(scenario())
    assert before == after


def test_a_query_that_waits_when_its_database_closes_says_so() -> None:
    async def scenario() -> None:
        engine = ThreadsEngine("default", 1)
        async with engine.connection():
            waiting = asyncio.create_task(engine.acquire())
            await asyncio.sleep(0)
            await engine.close()
            with pytest.raises(adj.EngineNotOpen, match=r"adj\.close"):
                await waiting
        with pytest.raises(adj.EngineNotOpen, match=r"adj\.close"):
            await engine.acquire()

    run(scenario())


def test_a_query_that_finds_no_worker_in_time_names_who_has_them() -> None:
    """P32 and P62: also where the one that waits has them all itself."""

    async def scenario() -> None:
        async with q(Book).stream() as books, q(Author).stream() as authors:
            assert [await anext(books), await anext(authors)]
            with pytest.raises(
                adj.PoolTimeout,
                match=r'after 0\.1 s .*\(2 of 2 in use.*: a reader for .*raise ADJ\["default"\]\["threads"\]',
            ):
                await q(Book).acount()
        assert await q(Book).acount() == count

    async def main() -> None:
        await asyncio.create_task(scenario(), name="a reader")

    count = Book.objects.count()
    with override_settings(ADJ={"default": {"engine": "threads", "threads": 2, "pool": {"timeout": 0.1}}}):
        run(main())


def test_the_engine_is_chosen_by_the_settings() -> None:
    async def kinds(**settings: Any) -> type:
        with override_settings(ADJ={"default": settings}):
            engine = engine_for("default")
            await engine.close()
            return type(engine)

    assert run(kinds()) is ThreadsEngine
    assert run(kinds(engine="threads")) is ThreadsEngine
    assert run(kinds(engine="django")) is DjangoEngine
    with pytest.raises(ImproperlyConfigured, match="magic"):
        run(kinds(engine="magic"))


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_stream_gives_every_row_in_order() -> None:
    async def scenario() -> list[str]:
        async with q(Book).order_by("title").stream(chunk_size=7) as rows:
            return [book.title async for book in rows]

    assert run(scenario()) == [book.title for book in Book.objects.order_by("title")]


@pytest.mark.parametrize("how", ["break", "error", "cancel"])
def test_a_stream_that_is_left_early_closes_its_cursor_at_once(postgres: str, how: str) -> None:
    async def scenario() -> None:
        # In autocommit Django's server-side cursors are WITH HOLD: pg_cursors lists them until they are closed.
        async with q(Review).using(postgres).stream(chunk_size=1) as rows:
            first = await anext(rows)
            assert first.pk
            if how == "error":
                raise ZeroDivisionError
            if how == "cancel":
                raise asyncio.CancelledError

    async def outer() -> list[str]:
        with contextlib.suppress(ZeroDivisionError, asyncio.CancelledError):
            await scenario()
        executor = await executor_for(postgres)
        cursors: list[str] = await executor.run(open_cursors, postgres)
        return cursors

    with override_settings(ADJ={postgres: {"engine": "threads", "threads": 1}}):
        assert run(outer()) == []


def open_cursors(alias: str) -> list[str]:
    """The cursors that this thread's session has open."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT name FROM pg_cursors WHERE name LIKE '_django_curs%'")
        return [name for (name,) in cursor.fetchall()]


def test_a_stream_and_other_queries_run_side_by_side() -> None:
    async def scenario() -> list[tuple[str, int]]:
        async with q(Author).order_by("pk").stream(chunk_size=2) as authors:
            return [(author.name, await q(Book).filter(author=author).acount()) async for author in authors]

    expected = [(author.name, Book.objects.filter(author=author).count()) for author in Author.objects.order_by("pk")]
    assert run(scenario()) == expected


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), (None, TypeError)])
def test_a_chunk_has_to_have_rows(size: Any, error: type[Exception]) -> None:
    async def scenario() -> None:
        async with q(Book).stream(chunk_size=size):
            pass

    with pytest.raises(error, match="positive integer"):
        run(scenario())


def test_closing_the_connection_of_the_test_is_not_the_engines_business() -> None:
    connection.ensure_connection()
    run(q(Book).acount())
    assert connection.connection is not None
