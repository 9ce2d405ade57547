"""Who watches queries: the execute wrappers, the query log and the debug cursor of the connection that the caller sees.

Code that wants to see queries asks `django.db.connection` where it stands: in a test around the event loop, or in a
coroutine. The connection that runs the query is another one, which takes these over for as long as it does.

Private Django API used here: `ConnectionHandler._connections`, `asyncio._set_running_loop`, `CursorWrapper._execute`,
`CursorWrapper._execute_with_wrappers`, `BaseDatabaseWrapper._cursor`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections
from django.db.backends import utils
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.djangos import is_djangos
from adj.engines.session.thread_session import session_of_wrapper
from adj.engines.watching.query_log import QueryLog, connecting_unlogged, is_counted

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Counting:
    """Watches for a block that counts, and for the connection that watches anyway, if there is one."""

    execute_wrappers: list[Any]
    queries_log: QueryLog
    force_debug_cursor: bool = True


def watcher_of(alias: str) -> Any:
    """Who watches the queries of the current code on an alias: a connection that the code sees, or a block that counts.

    None if nobody does.
    """
    watcher = _watching_connection(alias)
    if not is_counted(alias):
        return watcher
    if watcher is None:
        return _Counting([], QueryLog(alias))
    return _Counting(watcher.execute_wrappers, QueryLog(alias, watcher.queries_log))


class _CursorPatches:
    """Whether a package has put functions of its own into Django's cursors, as those for tracing do."""

    functions: tuple[Any, ...] = ()
    are_patched = False

    @classmethod
    def check(cls, functions: tuple[Any, ...]) -> bool:
        """Look at functions that are not those of the last time."""
        cls.functions, cls.are_patched = functions, not all(map(is_djangos, functions))
        return cls.are_patched


def are_cursors_patched() -> bool:
    """Whether statements have to go through Django's cursors, since somebody else's code waits there."""
    cursor: Any = utils.CursorWrapper
    base: Any = BaseDatabaseWrapper
    now = (cursor.execute, cursor._execute_with_wrappers, cursor._execute, base.cursor, base._cursor, base.make_cursor)
    return _CursorPatches.are_patched if now == _CursorPatches.functions else _CursorPatches.check(now)


def watchers_of_others(alias: str) -> dict[str, Any]:
    """Who watches the queries that the current code sends to other aliases than one, by alias."""
    others = (other for other in connections.settings if other != alias)
    return {other: watcher for other in others if (watcher := watcher_of(other)) is not None}


def _watching_connection(alias: str) -> Any:
    # The stubs do not have it. In a coroutine it is another place than in the synchronous code around its loop.
    places: Any = connections
    if _watches(connection := getattr(places._connections, alias, None)):
        return connection
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        connection = getattr(places._connections, alias, None)
    finally:
        asyncio._set_running_loop(loop)
    return connection if _watches(connection) else None


def _watches(connection: Any) -> bool:
    if connection is None:
        return False
    # A worker's connection has one of adj's own, which watches for nobody.
    return connection.force_debug_cursor or not all(map(session_of_wrapper, connection.execute_wrappers))


@contextmanager
def watched_by(watcher: Any, connection: Any) -> Generator[None]:
    """Let a connection show its queries to the one that watches."""
    before = connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log
    own = [wrapper for wrapper in connection.execute_wrappers if wrapper not in watcher.execute_wrappers]
    # Those that a package has installed when the connection was made see the statements, too.
    connection.execute_wrappers = [*own, *watcher.execute_wrappers] if own else watcher.execute_wrappers
    connection.force_debug_cursor = watcher.force_debug_cursor
    connection.queries_log = watcher.queries_log
    try:
        yield
    finally:
        connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log = before


@contextmanager
def others_watched_by(watchers: Mapping[str, Any], wrappers: Mapping[str, Any]) -> Generator[None]:
    """Let connections, by alias, show their queries as well; they may connect in the block."""
    with ExitStack() as stack:
        for alias, watcher in watchers.items():
            if alias in wrappers:
                stack.enter_context(connecting_unlogged(wrappers[alias]))
                stack.enter_context(watched_by(watcher, wrappers[alias]))
        yield


def run_watched(
    watchers: Mapping[str, Any], alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function on the thread that has an alias' connection; this and its others show their queries meanwhile."""
    connection = connections[alias]
    others = {other: watcher for other, watcher in watchers.items() if other != alias}
    with others_watched_by(others, {other: connections[other] for other in others}):
        if alias not in watchers:
            return function(*args, **kwargs)
        # What Django asks when it connects is not the function's, which meets the same error.
        with suppress(DatabaseError):
            connection.ensure_connection()
        with watched_by(watchers[alias], connection):
            return function(*args, **kwargs)
