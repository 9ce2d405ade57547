"""Stops the statement that a Django connection is running, from another thread.

SQLite interrupts the connection itself. Servers are told over a second connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adj.engines.django_wrapper import DjangoWrapper

CONNECT_SECONDS = 5
"""How long a server may take to accept the connection for the request to cancel."""


def interrupt(connection: DjangoWrapper | None) -> bool:
    """Let the database stop the statement that a connection is running. Returns whether it was told to.

    It is not told if the driver cannot do so, or if the server does not accept the request. A worker that is still
    connecting has no connection.
    """
    if connection is None:
        return False
    send = _INTERRUPTS.get(connection.vendor)
    if send is None or connection.connection is None:
        return False
    try:
        send(connection)
    # Drivers differ in what they raise. The statement continues, and the caller is told.
    except Exception:  # noqa: BLE001
        return False
    return True


def _interrupt_sqlite(connection: DjangoWrapper) -> None:
    connection.connection.interrupt()


def _cancel_on_postgresql(connection: DjangoWrapper) -> None:
    raw = connection.connection
    if (cancel_safe := getattr(raw, "cancel_safe", None)) is not None:
        cancel_safe(timeout=CONNECT_SECONDS)
    else:
        # psycopg2, and psycopg before 3.2.
        raw.cancel()


def _kill_on_mysql(connection: DjangoWrapper) -> None:
    # KILL QUERY ends only the statement, not the connection or its transaction, and does nothing on an idle session.
    parameters = {"connect_timeout": CONNECT_SECONDS, **connection.get_connection_params()}
    second = connection.get_new_connection(parameters)
    try:
        second.cursor().execute(f"KILL QUERY {int(connection.connection.thread_id())}")
    finally:
        second.close()


_INTERRUPTS: Mapping[str, Callable[[DjangoWrapper], None]] = {
    "sqlite": _interrupt_sqlite,
    "postgresql": _cancel_on_postgresql,
    "mysql": _kill_on_mysql,
}
"""By vendor. Only databases where an interrupt of an idle connection does not affect the next statement."""
