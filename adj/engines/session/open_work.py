"""What code has left open on the Django connections of this thread: cursors and transactions.

Private Django API used here: `DatabaseWrapper._cursor`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, connections

P = ParamSpec("P")
T = TypeVar("T")

_CURSORS = "_adj_open_cursors"

# Of pymysql and mysqlclient: SERVER_STATUS_IN_TRANS, https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html
_IN_TRANSACTION = 1


def run_and_report(report: Callable[[bool], None], function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function on this thread, then tell whether something is open on the thread's connections."""
    for connection in usable_connections():
        _watch_cursors(connection)
    try:
        return function(*args, **kwargs)
    finally:
        report(any(map(_is_in_use, connections.all(initialized_only=True))))


def close_open_work() -> None:
    """End the sessions on which something is open, for somebody else's sake."""
    for connection in connections.all(initialized_only=True):
        if _is_in_use(connection):
            for cursor in list(_cursors_of(connection)):
                with suppress(DatabaseError):
                    cursor.close()
            connection.in_atomic_block = False
            with suppress(DatabaseError):
                connection.close()


def usable_connections() -> list[Any]:
    """This thread's connections to all databases, opened or not; without those whose driver is missing."""
    usable: list[Any] = []
    for alias in connections.settings:
        with suppress(Exception):
            usable.append(connections[alias])
    return usable


def _cursors_of(connection: Any) -> weakref.WeakSet[Any]:
    usable: weakref.WeakSet[Any] = vars(connection).get(_CURSORS) or weakref.WeakSet()
    return usable


def _watch_cursors(connection: Any) -> None:
    """Take note of the cursors that a connection makes, until they are closed or collected."""
    if _CURSORS in vars(connection):
        return
    cursors: weakref.WeakSet[Any] = weakref.WeakSet()
    make_cursor = connection._cursor

    def watched(*args: Any, **kwargs: Any) -> Any:
        cursor = make_cursor(*args, **kwargs)
        cursors.add(cursor)
        _report_closing(cursor, cursors)
        return cursor

    connection._cursor = watched
    setattr(connection, _CURSORS, cursors)


def _report_closing(cursor: Any, cursors: weakref.WeakSet[Any]) -> None:
    # Without a reference to the cursor, which would keep one that nobody closes until a collection of garbage. Django's
    # wrapper has no close() of its own: this is the driver's, with its errors translated.
    close, usable = cursor.close, weakref.ref(cursor)

    def closed(*args: Any) -> Any:
        if (known := usable()) is not None:
            cursors.discard(known)
        return close(*args)

    cursor.close = closed


def _is_in_use(connection: Any) -> bool:
    raw = connection.connection
    return raw is not None and bool(
        connection.in_atomic_block
        or connection.autocommit is not connection.settings_dict["AUTOCOMMIT"]
        or _cursors_of(connection)
        or is_in_transaction(raw)
    )


def is_in_transaction(raw: Any) -> bool:
    """Whether a driver's connection says that a transaction is open, as after a BEGIN that Django has not sent."""
    status = getattr(getattr(raw, "info", None), "transaction_status", 0)
    server = getattr(raw, "server_status", 0)
    return bool(getattr(raw, "in_transaction", False) or int(status) or int(server) & _IN_TRANSACTION)
