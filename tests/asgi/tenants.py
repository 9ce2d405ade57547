"""The ways in which projects tell a request's tenant: adj's `session`, and middleware that sets the search path.

The tenant's name is the last part of the request's path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware, sync_only_middleware

_tenant: ContextVar[str] = ContextVar("tenant", default="")

AsyncView = Callable[[HttpRequest], Awaitable[HttpResponse]]
SyncView = Callable[[HttpRequest], HttpResponse]


def session() -> dict[str, str]:
    """For `ADJ[alias]["session"]`."""
    return {"search_path": f"{_tenant.get()}, public"} if _tenant.get() else {}


def name_of(request: HttpRequest) -> str:
    """The request's tenant."""
    return request.path.rstrip("/").rpartition("/")[2]


def set_search_path(name: str) -> None:
    """Set it on Django's connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {name}, public")


@async_only_middleware
def by_context(view: AsyncView) -> AsyncView:
    """Set the context variable that `session()` reads."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        _tenant.set(name_of(request))
        return await view(request)

    return middleware


@async_only_middleware
def by_statement(view: AsyncView) -> AsyncView:
    """Set the search path, as asynchronous middleware."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        await sync_to_async(set_search_path)(name_of(request))
        return await view(request)

    return middleware


@sync_only_middleware
def by_sync_statement(view: SyncView) -> SyncView:
    """Set the search path, as middleware of a synchronous project."""

    def middleware(request: HttpRequest) -> HttpResponse:
        set_search_path(name_of(request))
        return view(request)

    return middleware


@async_only_middleware
def by_set_schema(view: AsyncView) -> AsyncView:
    """Tell the backend of django-tenants, as its middleware does, and then set the context variable."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/tenant/", "/native/")):
            await sync_to_async(set_schema)(name_of(request))
            _tenant.set(name_of(request))
        return await view(request)

    return middleware


def set_schema(name: str) -> None:
    """Set the schema that the backend of django-tenants sends before each statement."""
    backend: Any = connection
    backend.set_schema(name)
