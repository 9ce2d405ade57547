"""What a server tells of a session without being asked: that there is news, and whether it only reads."""

from __future__ import annotations

import select
from typing import Any


def has_unread_data(socket: int) -> bool:
    """Whether a server has sent something that nobody asked for, as it does when it ends a session. Does not wait."""
    if (new_poll := getattr(select, "poll", None)) is None:
        # Windows, and processes that eventlet or gevent has patched. On POSIX, select() refuses large numbers.
        return bool(select.select([socket], [], [], 0)[0])
    poll = new_poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def is_read_only(pgconn: Any) -> bool:
    """Whether PostgreSQL has said that a session can only read: on a replica, or by the server's settings.

    It says so with the answer to the next statement when either changes, too. `pgconn` is libpq's connection.
    """
    status = pgconn.parameter_status
    return b"on" in (status(b"in_hot_standby"), status(b"default_transaction_read_only"))
