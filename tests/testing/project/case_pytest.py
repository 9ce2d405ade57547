"""Tests of pytest-django, run by the plugins of pytest-asyncio and of anyio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.contenttypes.models import ContentType
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.test import TestCase
from django.urls import path

import adj
from adj import atomic, q
from adj.testing import AssertNumQueries, CountQueries


async def write(name: str) -> None:
    await ContentType.objects.acreate(app_label="written", model=name)


async def names() -> list[str]:
    rows = q(ContentType).filter(app_label="written").order_by("model")
    return await rows.values_list("model", flat=True).run()


async def write_and_read() -> None:
    assert await names() == []
    await write("one")
    async with atomic():
        await write("two")
    assert await names() == ["one", "two"]
    assert await ContentType.objects.filter(app_label="written").acount() == 2


@pytest.fixture
def row(db: None) -> ContentType:
    return ContentType.objects.create(app_label="written", model="fixture")


@pytest_asyncio.fixture
async def rows(row: ContentType) -> AsyncGenerator[list[str]]:
    await write("coroutine")
    yield await names()
    assert "coroutine" in await names()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.django_db
@pytest.mark.asyncio
async def test_a_mark_and_asyncio(again: bool) -> None:
    await write_and_read()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.django_db
@pytest.mark.asyncio(loop_scope="session")
async def test_a_mark_and_a_loop_of_the_session(again: bool) -> None:
    await write_and_read()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.anyio
async def test_a_fixture_and_anyio(db: None, again: bool) -> None:
    await write_and_read()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.asyncio
async def test_fixtures_see_each_other(rows: list[str]) -> None:
    assert rows == ["coroutine", "fixture"]


def test_async_to_sync_is_in_the_transaction(row: ContentType) -> None:
    assert async_to_sync(names)() == ["fixture"]


def test_a_loop_of_the_tests_own_is_in_the_transaction(row: ContentType) -> None:
    asyncio.run(write("more"))
    assert asyncio.run(names()) == ["fixture", "more"]


async def view(request: HttpRequest) -> JsonResponse:
    await write("view")
    return JsonResponse(await names(), safe=False)


def synchronous_view(request: HttpRequest) -> JsonResponse:
    found = ContentType.objects.filter(app_label="written").order_by("model")
    return JsonResponse(list(found.values_list("model", flat=True)), safe=False)


urlpatterns = [path("", view), path("synchronous", synchronous_view)]


async def answer(at: str) -> list[str]:
    """The response of the project's ASGI application, which runs each request in a separate context."""
    scope = {"type": "http", "method": "GET", "path": at, "headers": [], "query_string": b"", "root_path": ""}
    # asgiref has no types for it.
    communicate: Any = ApplicationCommunicator
    communicator = communicate(get_asgi_application(), scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    start, body = await communicator.receive_output(), await communicator.receive_output()
    assert start["status"] == 200
    await communicator.wait()
    found: list[str] = json.loads(body["body"])
    return found


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.asyncio
async def test_an_asgi_application_is_in_the_transaction(row: ContentType, settings: Any, again: bool) -> None:
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["*"]
    assert await answer("/") == ["fixture", "view"]
    assert await answer("/synchronous") == ["fixture", "view"]
    assert await names() == ["fixture", "view"]


class InAClass(TestCase):
    async def test_a_test_case_of_djangos(self) -> None:
        await write_and_read()


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio(loop_scope="session")
async def test_one_that_commits_has_the_engine_of_the_settings() -> None:
    await write("committed")
    assert await names() == ["committed"]


@pytest.mark.asyncio(loop_scope="session")
async def test_without_a_mark_the_database_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        await names()
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        await sync_to_async(ContentType.objects.count)()


@pytest.mark.asyncio
async def test_queries_are_counted(
    db: None, adj_count_queries: CountQueries, adj_assert_num_queries: AssertNumQueries
) -> None:
    async with adj_count_queries() as counted:
        await write("one")
        await names()
        await adj.run_sync(ContentType.objects.count)
    assert len(counted) == 3
    with pytest.raises(AssertionError, match="1 queries executed, 2 expected"):
        async with adj_assert_num_queries(2):
            await names()
