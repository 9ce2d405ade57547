"""Why a server refuses a connection: it is full or not ready yet, or it will never accept this one.

libpq passes on the message of a refused connection but not its SQLSTATE, so the text has to tell. If the server's
messages are in another language, an earlier connection is taken as a sign that it will accept one again.
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
    """Whether a server that refused a connection with a message may accept one soon.

    Other reasons, such as a refused TCP connection, count as temporary if a connection was open before.
    """
    if _NEVER.search(message):
        return False
    return was_open or _FULL_OR_NOT_READY.search(message) is not None
