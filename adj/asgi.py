"""For ASGI applications: Django's own ORM on adj's engine in each request, views in transactions, and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import StreamingHttpResponse

from adj.blocks.atomic import atomic
from adj.blocks.native import native

P = ParamSpec("P")
T = TypeVar("T")
Y = TypeVar("Y")
S = TypeVar("S")

# The types of ASGI, https://asgi.readthedocs.io/en/latest/specs/main.html; a message may hold anything.
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class NativeMiddleware:
    """An ASGI middleware that runs each HTTP request inside `adj.native()`.

    ```python
    application = NativeMiddleware(get_asgi_application())
    ```

    `using` is the alias, `default` if omitted.
    """

    def __init__(self, application: Application, using: str | None = None) -> None:
        self._application, self._using = application, using

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an HTTP request in the block. Others run outside it: a WebSocket could keep its connection for hours."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        async with native(self._using):
            await self._application(scope, receive, send)


@overload
def atomic_view(using: Callable[P, Coroutine[Y, S, T]], /) -> Callable[P, Coroutine[Y, S, T]]: ...
@overload
def atomic_view(
    using: str | None = None, **options: Any
) -> Callable[[Callable[P, Coroutine[Y, S, T]]], Callable[P, Coroutine[Y, S, T]]]: ...
def atomic_view(using: Any = None, **options: Any) -> Any:
    """Decorate an async view, so that each request runs in a transaction, which an exception rolls back.

    ```python
    @atomic_view(isolation="serializable", retry=3)
    async def transfer(request): ...
    ```

    This replaces `ATOMIC_REQUESTS`, which Django does not support for async views; decorated views are exempt from it.
    Takes the options of `atomic()`.
    """
    if callable(using):
        view: Any = using
        return atomic_view()(view)

    def decorate(view: Callable[P, Coroutine[Y, S, T]]) -> Callable[P, Coroutine[Y, S, T]]:
        wrapped: Any = atomic(using, **options)(view)
        exempt: Callable[P, Coroutine[Y, S, T]] = transaction.non_atomic_requests(using)(wrapped)
        return exempt

    return decorate


class StreamingResponse(StreamingHttpResponse):
    """Django's `StreamingHttpResponse`, which also closes its async generator when it is closed.

    When a client disconnects, Django closes the response, but not the generator: a stream of rows in it would keep its
    connection until Python's garbage collector runs.
    """

    def __init__(self, streaming_content: Any = (), *args: Any, **kwargs: Any) -> None:
        super().__init__(streaming_content, *args, **kwargs)
        self._content = streaming_content

    def close(self) -> None:
        """Close the generator and then the response; Django calls this at the end of a request.

        On an event loop, where Django's `AsyncClient` calls it, this cannot wait: a task closes the generator.
        """
        try:
            if isinstance(self._content, AsyncGenerator):
                _close(self._content)
        finally:
            super().close()


# asyncio keeps only weak references to tasks: one that is not in this set could be collected while it waits.
_closing: set[asyncio.Task[None]] = set()


def _close(generator: AsyncGenerator[Any]) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        async_to_sync(_closed)(generator)
        return
    task = loop.create_task(_closed(generator))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _closed(generator: AsyncGenerator[Any]) -> None:
    await generator.aclose()
