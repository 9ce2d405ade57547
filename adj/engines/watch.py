"""Who watches queries: the execute wrappers, the query log and the debug cursor of the connection that the caller sees.

Code that wants to see queries asks `django.db.connection` where it stands: in a test around the event loop, or in a
coroutine. The connection that runs the query is another one, which takes these over for as long as it does.

Private Django API used here: `ConnectionHandler._connections`, `asyncio._set_running_loop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def watcher_of(alias: str) -> Any:
    """The connection of an alias that the current code sees and that has something to watch with; None if none has."""
    # The stubs do not have it. In a coroutine it is another place than in the synchronous code around its loop.
    places: Any = connections
    if _watches(found := getattr(places._connections, alias, None)):
        return found
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        found = getattr(places._connections, alias, None)
    finally:
        asyncio._set_running_loop(loop)
    return found if _watches(found) else None


def _watches(connection: Any) -> bool:
    return connection is not None and bool(connection.execute_wrappers or connection.force_debug_cursor)


@contextmanager
def watched_by(watcher: Any, connection: Any) -> Generator[None]:
    """Let a connection show its queries to the one that watches."""
    before = connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log
    connection.execute_wrappers = watcher.execute_wrappers
    connection.force_debug_cursor = watcher.force_debug_cursor
    connection.queries_log = watcher.queries_log
    try:
        yield
    finally:
        connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log = before


def run_watched(watcher: Any, alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on the thread that has the connection, which shows its queries meanwhile."""
    with watched_by(watcher, connections[alias]):
        return function(*args, **kwargs)
