"""What a server says about a session without a query: that it has sent data, and whether the session is read-only."""

from __future__ import annotations

import select
from typing import Protocol


class PGconn(Protocol):
    """libpq's connection in psycopg, as far as it is used here."""

    def parameter_status(self, name: bytes, /) -> bytes | None:
        """The current value of a server parameter that the server reports."""
        ...


def has_unread_data(socket: int) -> bool:
    """Whether a server has sent data that was not asked for, as it does when it ends a session. Does not wait."""
    if (new_poll := getattr(select, "poll", None)) is None:
        # Windows, or a process patched by eventlet or gevent. On POSIX, select() refuses large file descriptors.
        return bool(select.select([socket], [], [], 0)[0])
    poll = new_poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def is_read_only(pgconn: PGconn) -> bool:
    """Whether PostgreSQL has reported that a session is read-only: on a replica, or by the server's settings.

    When this changes, the server reports it with the result of the next statement.
    """
    status = pgconn.parameter_status
    return b"on" in (status(b"in_hot_standby"), status(b"default_transaction_read_only"))
