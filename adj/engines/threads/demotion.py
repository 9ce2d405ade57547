"""Recognizes sessions on a server that was demoted: after a failover they can only read.

The server refuses the first write then. It is asked whether it refuses all writes, or only those of one transaction.
"""

from __future__ import annotations

from adj.engines.django_wrapper import DjangoWrapper

# read_only_sql_transaction
_POSTGRESQL = "25006"
# ER_OPTION_PREVENTS_STATEMENT, as for --read-only; ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION; ER_READ_ONLY_MODE.
_MYSQL = frozenset({1290, 1792, 1836})

_QUERIES = {
    "postgresql": "SHOW transaction_read_only",
    "mysql": "SELECT @@global.read_only + @@global.innodb_read_only",
}


def is_refused_write(connection: DjangoWrapper, error: BaseException) -> bool:
    """Whether a driver's error says that a statement tried to write in a read-only transaction."""
    if connection.vendor == "mysql":
        return bool(error.args) and error.args[0] in _MYSQL
    return getattr(error, "sqlstate", None) == _POSTGRESQL


def refuses_writes(connection: DjangoWrapper) -> bool:
    """Ask the server whether it refuses all writes. To be called outside a transaction.

    Raises the driver's errors.
    """
    query = _QUERIES.get(connection.vendor)
    if query is None or connection.connection is None:
        return False
    # The driver's cursor, so that adj's own query is not counted or logged.
    with connection.connection.cursor() as cursor:
        cursor.execute(query)
        return bool(cursor.fetchone()[0] not in (0, "off"))
