"""How a database is told, from another thread, to end the statement that a connection of Django's waits for.

SQLite ends whatever runs on a connection. A server is told over a connection of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

CONNECT_SECONDS = 5
"""How long a server may take to accept the connection over which it is told."""


def interrupt(connection: Any) -> bool:
    """Let the database end what a connection waits for; whether it was told.

    It is not told where the driver has no way to, and where the server does not listen.
    """
    send, raw = _INTERRUPTS.get(connection.vendor), connection.connection
    if send is None or raw is None:
        return False
    try:
        send(connection, raw)
    # Whatever the driver raises; the statement goes on, and its caller learns that.
    except Exception:  # noqa: BLE001
        return False
    return True


def _interrupt_sqlite(connection: Any, raw: Any) -> None:
    raw.interrupt()


def _cancel_on_postgresql(connection: Any, raw: Any) -> None:
    if (cancel_safe := getattr(raw, "cancel_safe", None)) is not None:
        cancel_safe(timeout=CONNECT_SECONDS)
    else:
        # psycopg2, and psycopg before 3.2.
        raw.cancel()


def _kill_on_mysql(connection: Any, raw: Any) -> None:
    # The connection stays, and so does its transaction: only the statement ends, even if the session is idle by then.
    parameters = {"connect_timeout": CONNECT_SECONDS, **connection.get_connection_params()}
    second = connection.get_new_connection(parameters)
    try:
        second.cursor().execute(f"KILL QUERY {int(raw.thread_id())}")
    finally:
        second.close()


_INTERRUPTS: Mapping[str, Callable[[Any, Any], None]] = {
    "sqlite": _interrupt_sqlite,
    "postgresql": _cancel_on_postgresql,
    "mysql": _kill_on_mysql,
}
"""By vendor. A database is on the list if an interrupt that comes when nothing runs has no effect on what runs next."""
