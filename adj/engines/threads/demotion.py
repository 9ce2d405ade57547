"""Sessions on a server that was demoted: they could write, and since a failover they can only read.

A server refuses the first write then. Whether it does so for every write, or only for this one's transaction, is asked.
"""

from __future__ import annotations

from typing import Any

# read_only_sql_transaction
_POSTGRESQL = "25006"
# ER_OPTION_PREVENTS_STATEMENT, as for --read-only; ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION; ER_READ_ONLY_MODE.
_MYSQL = frozenset({1290, 1792, 1836})

_QUESTIONS = {
    "postgresql": "SHOW transaction_read_only",
    "mysql": "SELECT @@global.read_only + @@global.innodb_read_only",
}


def is_refused_write(connection: Any, error: BaseException) -> bool:
    """Whether a driver's error says that a statement writes where it may only read."""
    if connection.vendor == "mysql":
        return bool(error.args) and error.args[0] in _MYSQL
    return getattr(error, "sqlstate", None) == _POSTGRESQL


def refuses_writes(connection: Any) -> bool:
    """Ask the server of an open connection, outside of a transaction, whether it refuses whatever writes.

    Raises what the driver raises.
    """
    question = _QUESTIONS.get(connection.vendor)
    if question is None or connection.connection is None:
        return False
    # The driver's cursor, as of all that adj sends for itself: nobody counts or logs it.
    with connection.connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0] not in (0, "off")
