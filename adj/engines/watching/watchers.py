"""Lets execute wrappers, query logs and debug cursors of the connection that the caller sees observe adj's queries.

Code that observes queries uses the `django.db.connection` that it sees: in a test around the event loop, or in a
coroutine. adj runs the query on another connection, which gets these observers while the query runs.

Private Django API used here: `ConnectionHandler._connections`, to find a connection without creating one;
`asyncio._set_running_loop`, to see the connections around the loop; `CursorWrapper._execute`,
`CursorWrapper._execute_with_wrappers` and `BaseDatabaseWrapper._cursor`, to notice when a package has patched them;
`_ExecuteWrapper` of django-stubs, for the type.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast

from django.db import DatabaseError, connections
from django.db.backends import utils
from django.db.backends.base.base import BaseDatabaseWrapper

from adj.djangos import is_djangos
from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.session.own_connections import is_of_session
from adj.engines.watching.query_log import LogEntry, QueryLog, connecting_unlogged, is_counted

if TYPE_CHECKING:
    from django.db.backends.base.base import _ExecuteWrapper as ExecuteWrapper

P = ParamSpec("P")
T = TypeVar("T")


class Watcher(Protocol):
    """An observer of queries: the connection that the caller sees, or a block that counts."""

    @property
    def execute_wrappers(self) -> list[ExecuteWrapper]:
        """The wrappers to call around each statement."""
        ...

    @property
    def queries_log(self) -> deque[LogEntry]:
        """Where Django's debug cursor logs statements."""
        ...

    @property
    def force_debug_cursor(self) -> bool:
        """Whether statements are logged although `DEBUG` is off."""
        ...


@dataclass(frozen=True, slots=True)
class _Counting:
    """Observes for a block that counts, and for a connection that observes as well, if there is one."""

    execute_wrappers: list[ExecuteWrapper]
    queries_log: QueryLog
    force_debug_cursor: bool = True


def watcher_of(alias: str) -> Watcher | None:
    """The observer of the current code's queries on an alias; None if there is none."""
    watcher = _watching_connection(alias)
    if not is_counted(alias):
        return watcher
    if watcher is None:
        return _Counting([], QueryLog(alias))
    return _Counting(watcher.execute_wrappers, QueryLog(alias, watcher.queries_log))


class _CursorPatches:
    """Whether a package has patched Django's cursors, as tracing packages do."""

    functions: tuple[object, ...] = ()
    are_patched = False

    @classmethod
    def check(cls, functions: tuple[object, ...]) -> bool:
        """Check functions that have changed since the last call."""
        cls.functions, cls.are_patched = functions, not all(map(is_djangos, functions))
        return cls.are_patched


def are_cursors_patched() -> bool:
    """Whether statements have to run on Django's cursors, because a package has patched these."""
    # Private methods are not in django-stubs.
    cursor, base = cast("Any", utils.CursorWrapper), cast("Any", BaseDatabaseWrapper)
    now = (cursor.execute, cursor._execute_with_wrappers, cursor._execute, base.cursor, base._cursor, base.make_cursor)
    return _CursorPatches.are_patched if now == _CursorPatches.functions else _CursorPatches.check(now)


def watchers_of_others(alias: str) -> dict[str, Watcher]:
    """The observers of the current code's queries on all aliases except one, by alias."""
    others = (other for other in connections.settings if other != alias)
    return {other: watcher for other in others if (watcher := watcher_of(other)) is not None}


def _watching_connection(alias: str) -> DjangoWrapper | None:
    # Django keeps connections in asgiref's Local: in a coroutine it is another one than around the event loop.
    local: object = vars(connections)["_connections"]
    connection: DjangoWrapper | None = getattr(local, alias, None)
    if _watches(connection):
        return connection
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        connection = getattr(local, alias, None)
    finally:
        asyncio._set_running_loop(loop)
    return connection if _watches(connection) else None


def _watches(connection: DjangoWrapper | None) -> bool:
    if connection is None:
        return False
    # Connections of workers have a wrapper of adj, which is not an observer.
    return connection.force_debug_cursor or not all(map(is_of_session, connection.execute_wrappers))


@contextmanager
def watched_by(watcher: Watcher, connection: DjangoWrapper) -> Generator[None]:
    """Let an observer see the queries of a connection."""
    before = connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log
    own = [wrapper for wrapper in connection.execute_wrappers if wrapper not in watcher.execute_wrappers]
    # Wrappers that a package installed when the connection was created see the statements as well.
    connection.execute_wrappers = [*own, *watcher.execute_wrappers] if own else watcher.execute_wrappers
    connection.force_debug_cursor = watcher.force_debug_cursor
    connection.queries_log = watcher.queries_log
    try:
        yield
    finally:
        connection.execute_wrappers, connection.force_debug_cursor, connection.queries_log = before


@contextmanager
def others_watched_by(watchers: Mapping[str, Watcher], wrappers: Mapping[str, DjangoWrapper]) -> Generator[None]:
    """Let observers, by alias, see the queries of other connections, which may connect in the block."""
    with ExitStack() as stack:
        for alias, watcher in watchers.items():
            if alias in wrappers:
                stack.enter_context(connecting_unlogged(wrappers[alias]))
                stack.enter_context(watched_by(watcher, wrappers[alias]))
        yield


def run_watched(
    watchers: Mapping[str, Watcher], alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a function on the thread of an alias's connection, while observers see the queries of all its connections."""
    connection = thread_wrapper(alias)
    others = {other: watcher for other, watcher in watchers.items() if other != alias}
    with others_watched_by(others, {other: thread_wrapper(other) for other in others}):
        if alias not in watchers:
            return function(*args, **kwargs)
        # Observers do not see the queries of connecting. If it fails, the function gets the same error.
        with suppress(DatabaseError):
            connection.ensure_connection()
        with watched_by(watchers[alias], connection):
            return function(*args, **kwargs)
