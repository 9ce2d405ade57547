"""Finds and closes what code has left open on the Django connections of this thread: cursors and transactions.

Private Django API used here: `DatabaseWrapper._cursor`, through which all cursors of a connection are created.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, Protocol, TypeVar, cast

from django.db import DatabaseError, connections
from django.db.backends.utils import CursorWrapper

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper, thread_wrappers

P = ParamSpec("P")
T = TypeVar("T")


class _Cursor(Protocol):
    """A cursor, whose method can be replaced."""

    close: Callable[[], object]


_CURSORS = "_adj_open_cursors"

# Of pymysql and mysqlclient: SERVER_STATUS_IN_TRANS, https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html
_IN_TRANSACTION = 1


def run_and_report(report: Callable[[bool], None], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function on this thread, then report whether something is open on the thread's connections."""
    for connection in usable_connections():
        _watch_cursors(connection)
    try:
        return function(*args, **kwargs)
    finally:
        report(any(map(_is_in_use, thread_wrappers().values())))


def close_open_work() -> None:
    """Close the connections on which something is open, before other code uses the thread."""
    for connection in thread_wrappers().values():
        if _is_in_use(connection):
            for cursor in list(_cursors_of(connection)):
                with suppress(DatabaseError):
                    cursor.close()
            connection.in_atomic_block = False
            with suppress(DatabaseError):
                connection.close()


def usable_connections() -> list[DjangoWrapper]:
    """This thread's connections to all databases, open or not, except those whose driver is not installed."""
    usable: list[DjangoWrapper] = []
    for alias in connections.settings:
        with suppress(Exception):
            usable.append(thread_wrapper(alias))
    return usable


def _cursors_of(connection: DjangoWrapper) -> weakref.WeakSet[_Cursor]:
    cursors: weakref.WeakSet[_Cursor] = vars(connection).get(_CURSORS) or weakref.WeakSet()
    return cursors


def _watch_cursors(connection: DjangoWrapper) -> None:
    """Keep a set of the cursors of a connection that are open."""
    if _CURSORS in vars(connection):
        return
    cursors: weakref.WeakSet[_Cursor] = weakref.WeakSet()
    make_cursor = connection._cursor

    def watched(name: str | None = None) -> CursorWrapper:
        cursor = make_cursor(name)
        # The driver's close(), which CursorWrapper returns from its __getattr__().
        cursors.add(cast("_Cursor", cursor))
        _report_closing(cast("_Cursor", cursor), cursors)
        return cursor

    vars(connection).update({"_cursor": watched, _CURSORS: cursors})


def _report_closing(cursor: _Cursor, cursors: weakref.WeakSet[_Cursor]) -> None:
    # A weak reference: a strong one would be a cycle, and keep a cursor that is not closed until the garbage collector
    # runs.
    close, cursor_if_alive = cursor.close, weakref.ref(cursor)

    def closed() -> object:
        if (known := cursor_if_alive()) is not None:
            cursors.discard(known)
        return close()

    cursor.close = closed


def _is_in_use(connection: DjangoWrapper) -> bool:
    raw = connection.connection
    return raw is not None and bool(
        connection.in_atomic_block
        or connection.autocommit is not connection.settings_dict["AUTOCOMMIT"]
        or _cursors_of(connection)
        or is_in_transaction(raw)
    )


def is_in_transaction(raw: object) -> bool:
    """Whether a driver's connection is in a transaction, for example after a BEGIN that Django did not send."""
    status = getattr(getattr(raw, "info", None), "transaction_status", 0)
    server = getattr(raw, "server_status", 0)
    return bool(getattr(raw, "in_transaction", False) or int(status) or int(server) & _IN_TRANSACTION)
