"""Streams on every engine: what is given back when one is left, what it needs while it runs, and under ASGI."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.db.models import Prefetch
from django.http import HttpRequest
from django.test import AsyncClient, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

import adj
from adj import atomic, q
from adj.asgi import NativeMiddleware, StreamingResponse, atomic_view
from tests.engines.places import PLACES, Place
from tests.running import run
from tests.shop.models import Author, Book, Country

CODES = ["+1", "+2", "+3", "+4", "+5"]


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def narrow(request: Any) -> Generator[Place]:
    """An engine with one connection, on a database with five countries of the test."""
    place: Place = request.param
    if place.alias != "default":
        request.getfixturevalue(place.alias)
    with place.chosen(), override_settings(ADJ=connections_at_most(1, place)):
        for code in CODES:
            place.execute("INSERT INTO shop_country (code, name) VALUES (%s, %s)", code, code)
        connections[place.alias].close()
        yield place


def connections_at_most(number: int, place: Place) -> dict[str, Any]:
    """Settings of a place that let it have so many connections."""
    options: dict[str, dict[str, Any]] = {
        "psycopg": {"pool": {"max_size": number, "timeout": 5}},
        "threads": {"threads": number},
    }
    return {place.alias: {"engine": place.engine, **options.get(place.engine, {})}}


def countries(place: Place) -> Any:
    """The countries of the test, in their order."""
    return q(Country).using(place.alias).filter(code__startswith="+").order_by("code")


async def assert_free(place: Place) -> None:
    """Fail if the only connection is still in use."""
    async with asyncio.timeout(10):
        assert await countries(place).acount() == len(CODES)


# -- leaving -----------------------------------------------------------------------------------------------------------


async def leave_by_break(place: Place) -> None:
    async with countries(place).stream(1) as rows:
        async for _ in rows:
            break


async def leave_by_an_error(place: Place) -> None:
    with pytest.raises(ZeroDivisionError):
        async with countries(place).stream(1) as rows:
            async for _ in rows:
                raise ZeroDivisionError


async def leave_by_cancelling(place: Place) -> None:
    has_begun = asyncio.Event()

    async def read() -> None:
        async with countries(place).stream(1) as rows:
            async for _ in rows:
                has_begun.set()
                await asyncio.sleep(60)

    task = asyncio.create_task(read())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_without_reading(place: Place) -> None:
    async with countries(place).stream(1):
        pass


async def leave_by_a_stop_that_is_not_the_streams(place: Place) -> None:
    with pytest.raises(RuntimeError, match="StopAsyncIteration"):
        async for _ in stopping(place):
            pass


async def stopping(place: Place) -> AsyncGenerator[Country]:
    async with countries(place).stream(1) as rows:
        async for row in rows:
            yield row
            raise StopAsyncIteration


@pytest.mark.parametrize(
    "leave",
    [
        leave_by_break,
        leave_by_an_error,
        leave_by_cancelling,
        leave_without_reading,
        leave_by_a_stop_that_is_not_the_streams,
    ],
)
def test_a_stream_that_is_left_gives_its_connection_back_at_once(
    narrow: Place, leave: Callable[[Place], Awaitable[None]]
) -> None:
    """P42 and P16: what is raised in the block goes on, too."""

    async def main() -> None:
        await leave(narrow)
        await assert_free(narrow)

    run(main())


def test_what_was_never_begun_holds_nothing(narrow: Place) -> None:
    """P42: a stream that is not entered, a generator that is not started."""

    async def main() -> None:
        kept = [countries(narrow).stream(1), countries(narrow).aiterator(1)]
        await assert_free(narrow)
        del kept
        gc.collect()
        await assert_free(narrow)

    run(main())


@pytest.mark.parametrize("is_raw", [False, True])
def test_a_generator_holds_its_connection_until_it_is_closed(narrow: Place, is_raw: bool) -> None:
    """P42: it has no block that could end; `aclosing()` gives it one, and `stream()` is one."""
    if narrow.engine == "django":
        pytest.skip("the connection is Django's, and shared by all")

    def rows() -> Any:
        if is_raw:
            return q(Country).using(narrow.alias).raw("SELECT * FROM shop_country").aiterator(1)
        return countries(narrow).aiterator(1)

    async def main() -> None:
        async with aclosing(rows()) as kept:
            await anext(kept)
            other = asyncio.create_task(countries(narrow).acount())
            await asyncio.sleep(0.1)
            assert not other.done()
        assert await other == len(CODES)

    run(main())


def test_a_stream_that_is_left_in_a_transaction_leaves_no_cursor_open(narrow: Place) -> None:
    """P42: on PostgreSQL, which lists them."""
    if narrow.alias != "postgres":
        pytest.skip("has no list of open cursors")

    def open_cursors() -> list[str]:
        with connections[narrow.alias].cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_cursors WHERE statement LIKE '%%shop_country%%'")
            return [statement for (statement,) in cursor.fetchall()]

    async def main() -> None:
        async with atomic(narrow.alias):
            async with countries(narrow).stream(1) as rows:
                await anext(rows)
                assert await adj.run_sync(open_cursors)
            assert await adj.run_sync(open_cursors) == []

    run(main())


# -- while it runs -----------------------------------------------------------------------------------------------------


def test_a_slow_reader_has_a_chunk_in_memory_and_not_the_whole_answer(narrow: Place) -> None:
    """P43: five rows of two megabytes each, one at a time."""
    if narrow.alias == "mariadb":
        pytest.skip("its driver fetches all rows at once, under Django as under adj")
    megabyte = 1_000_000
    wide = "hex(zeroblob(1000000))" if narrow.alias == "default" else "repeat('x', 2000000)"

    async def main() -> int:
        query = countries(narrow).extra(select={"wide": wide}).values_list("wide", flat=True)
        tracemalloc.start()
        try:
            async with query.stream(1) as rows:
                async for value in rows:
                    assert len(value) == 2 * megabyte
                    del value
                    await asyncio.sleep(0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert run(main()) < 7 * megabyte


def test_other_queries_go_on_while_a_stream_is_read(place: Place) -> None:
    """P43: outside of a transaction on connections of their own."""

    async def main() -> None:
        async with q(Country).using(place.alias).stream(1) as rows:
            counts = await asyncio.gather(*(q(Country).using(place.alias).acount() for _ in range(3)))
            assert len([row async for row in rows]) == counts[0] == counts[1] == counts[2]

    run(main())


def test_rows_are_written_while_a_stream_of_the_same_transaction_is_read(narrow: Place) -> None:
    """P43: on the one connection of both; rolling back a savepoint does not end the stream."""

    async def main() -> None:
        async with atomic(narrow.alias), countries(narrow).stream(1) as rows:
            async for row in rows:
                row.name = f"new {row.code}"
                await adj.run_sync(row.save)
                with suppress(ZeroDivisionError):
                    async with atomic(narrow.alias):
                        await adj.run_sync(Country.objects.using(narrow.alias).update, name="undone")
                        raise ZeroDivisionError
        names = await countries(narrow).values_list("name", flat=True).run()
        assert names == [f"new {code}" for code in CODES]

    run(main())


def with_books(author: Any) -> tuple[Any, list[Any]]:
    """An author and the books that were fetched with it."""
    return author, list(author.books.all())


def test_each_chunk_is_prefetched_for_itself() -> None:
    """P46: the rows are Django's, and so is the number of queries."""
    authors = Author.objects.order_by("pk").prefetch_related(Prefetch("books", Book.objects.order_by("pk")))
    with CaptureQueriesContext(connections["default"]) as captured:
        expected = list(map(with_books, authors.iterator(chunk_size=3)))

    async def main() -> list[Any]:
        async with q(authors).stream(chunk_size=3) as rows:
            return [with_books(author) async for author in rows]

    with override_settings(ADJ={"default": {"engine": "django"}}):
        assert run(main()) == expected
    assert len(captured) == 1 + -(-len(expected) // 3)


@pytest.mark.parametrize(("size", "error"), [(None, TypeError), (0, ValueError)])
def test_a_generator_needs_the_size_of_its_chunks(size: Any, error: type[Exception]) -> None:
    """P46: with the errors of Django's `aiterator()`."""

    async def main() -> None:
        async for _ in q(Author).prefetch_related("books").aiterator(size):
            break

    with pytest.raises(error, match="positive integer"):
        run(main())


# -- under ASGI --------------------------------------------------------------------------------------------------------


async def lines(place: Place) -> AsyncGenerator[str]:
    async with countries(place).values_list("code", flat=True).stream(1) as rows:
        async for code in rows:
            yield code


class Client:
    """Sends a request, reads the parts of its response, and goes away after so many."""

    def __init__(self, parts: int | None = None) -> None:
        self._parts = parts
        self._has_left = asyncio.Event()
        self._has_asked = False
        self.read: list[str] = []

    async def receive(self) -> dict[str, Any]:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if body := message.get("body"):
            self.read.append(body.decode())
        if len(self.read) == self._parts:
            self._has_left.set()
            await asyncio.sleep(60)


async def respond(view: Any, client: Client, place: Place, *, is_native: bool) -> None:
    """Run one request as a server for ASGI does."""
    urls = type("Urls", (), {"urlpatterns": [path("", view)]})
    handler: Any = ASGIHandler()
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    with override_settings(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"]):
        application = NativeMiddleware(handler, place.alias) if is_native else handler
        await application(scope, client.receive, client.send)


@pytest.mark.parametrize("is_native", [False, True], ids=["plain", "native"])
@pytest.mark.parametrize("is_atomic", [False, True], ids=["view", "atomic view"])
def test_a_response_is_streamed_after_its_view_has_returned(narrow: Place, is_atomic: bool, is_native: bool) -> None:
    """P45: the view's transaction is over; a client that goes away ends the stream, though the response is kept."""
    kept: list[Any] = []

    async def view(request: HttpRequest) -> StreamingResponse:
        assert await countries(narrow).aexists()
        response = StreamingResponse(lines(narrow), content_type="text/plain")
        kept.append(response)
        return response

    async def main() -> None:
        shown = atomic_view(narrow.alias)(view) if is_atomic else view
        async with asyncio.timeout(10):
            patient, hasty = Client(), Client(parts=2)
            await respond(shown, patient, narrow, is_native=is_native)
            assert patient.read == CODES
            await respond(shown, hasty, narrow, is_native=is_native)
            assert hasty.read == CODES[:2]
        assert not adj.in_transaction(narrow.alias)
        await assert_free(narrow)

    # Django's own queries in a native request use another connection.
    with override_settings(ADJ=connections_at_most(2 if is_native else 1, narrow)):
        run(main())


@pytest.mark.parametrize("parts", [1, len(CODES)])
def test_a_response_is_closed_under_the_client_of_django_s_tests(narrow: Place, parts: int) -> None:
    """`AsyncClient` closes responses on the event loop; one that is not read to its end gives its connection back."""
    closed = asyncio.Event()

    async def content() -> AsyncGenerator[str]:
        try:
            async with aclosing(lines(narrow)) as rows:
                async for row in rows:
                    yield row
        finally:
            closed.set()

    async def view(request: HttpRequest) -> StreamingResponse:
        return StreamingResponse(content(), content_type="text/plain")

    async def main() -> list[str]:
        response: Any = await AsyncClient().get("/")
        read: list[str] = []
        async for chunk in response.streaming_content:
            read.append(chunk.decode())
            if len(read) == parts < len(CODES):
                response.close()
                break
        async with asyncio.timeout(10):
            await closed.wait()
        await assert_free(narrow)
        return read

    urls = type("Urls", (), {"urlpatterns": [path("", view)]})
    with override_settings(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"]):
        assert run(main()) == CODES[:parts]


def test_a_stream_that_is_open_when_its_loop_ends_is_closed(narrow: Place) -> None:
    """P45: nothing is said, and no lock is kept, though somebody still has the generator."""
    kept = lines(narrow)

    async def main() -> None:
        assert await anext(kept) == "+1"

    run(main())
    narrow.execute("UPDATE shop_country SET name = 'x' WHERE code = %s", "+1")
