"""What a server means by refusing a connection: that it is full or not ready yet, or that it will never accept it.

PostgreSQL's client library passes on the message of a refused connection, but not its SQLSTATE, so that messages are
all there is to go by. A server that speaks another language is judged by whether it has accepted a connection before.
"""

from __future__ import annotations

import re

# https://www.postgresql.org/docs/current/errcodes-appendix.html: 53300 and 57P03, as PostgreSQL, pgbouncer, MySQL
# and MariaDB word them.
_FULL_OR_NOT_READY = re.compile(
    r"too many (?:clients|connections|open connections)|connection slots are reserved|no more connections allowed"
    r"|the database system is (?:starting up|shutting down|in recovery mode|not (?:yet )?accepting connections)"
    r"|server login has been failing|max_user_connections",
    re.IGNORECASE,
)
# 28P01, 28000 and 3D000.
_NEVER = re.compile(
    r"authentication failed|no pg_hba\.conf entry|not permitted to log in|Access denied for user"
    r"|Unknown database|(?:database|role) \"[^\"]*\" does not exist|no such database",
    re.IGNORECASE,
)


def is_temporary(message: str, *, was_open: bool) -> bool:
    """Whether a server that refuses a connection with a message may accept one soon.

    What cannot be told, as that nobody listens at its address, may pass where it was open before.
    """
    if _NEVER.search(message):
        return False
    return was_open or _FULL_OR_NOT_READY.search(message) is not None
