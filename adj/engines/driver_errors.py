"""What an error of each driver says: whether the statement reached the server, and what is left of its transaction.

Private Django API used here: `DatabaseWrapper.mysql_is_mariadb`, since only MariaDB says whether it has rolled back.
"""

from __future__ import annotations

from typing import cast

from django.db import Error

from adj.engines.django_wrapper import DjangoWrapper, MySQLWrapper

# MySQL and MariaDB: the server is shutting down, or has ended the session (1053, 1927, 4031). 2000 to 2999 are errors
# of the client, such as "gone away" (2006) and "lost connection" (2013).
_MYSQL_ENDED = frozenset({1053, 1927, 4031, *range(2000, 3000)})
# A deadlock, also of XA: InnoDB rolls back the whole transaction, and the next statement begins a new one.
_MYSQL_ROLLED_BACK = frozenset({1213, 1614})
# A lock wait timeout and a changed snapshot do the same, depending on settings.
_MYSQL_MAY_ROLL_BACK = frozenset({1205, 1020})

# Connection exceptions, operator intervention (shutdown), system errors and internal errors.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNKNOWN_CLASSES = frozenset({"08", "57", "58", "XX"})
# statement_completion_unknown
_COMPLETION_UNKNOWN = "40003"


def reached_server(connection: DjangoWrapper, error: BaseException) -> bool:
    """Whether a statement failed on the server. Statements that Django or the driver rejects are not sent."""
    if not isinstance(error, Error):
        return False
    match connection.vendor:
        case "postgresql":
            return _sqlstate(error) is not None or is_lost(connection, error)
        case "sqlite":
            return hasattr(error.__cause__, "sqlite_errorcode")
        case _:
            return True


def is_definite_failure(connection: DjangoWrapper, error: Error) -> bool:
    """Whether an error of COMMIT proves that nothing was committed, because the server said so."""
    match connection.vendor:
        case "postgresql":
            state = _sqlstate(error) or _COMPLETION_UNKNOWN
            return state != _COMPLETION_UNKNOWN and state[:2] not in _UNKNOWN_CLASSES
        case "sqlite":
            return True
        case _:
            return isinstance(code := _code(error), int) and code not in _MYSQL_ENDED


def is_lost(connection: DjangoWrapper, error: Error) -> bool:
    """Whether the connection is unusable after an error."""
    raw = connection.connection
    if raw is None:
        # It had not been opened.
        return False
    # psycopg has `closed` and the drivers of MySQL have `open`. A SQLite connection is never lost.
    return bool(getattr(raw, "closed", False)) or not getattr(raw, "open", True) or _code(error) in _MYSQL_ENDED


def is_transaction_gone(connection: DjangoWrapper, error: Error) -> bool:
    """Whether the server has rolled back the transaction, so that the next statement would run outside of it."""
    if is_lost(connection, error):
        return True
    match connection.vendor:
        case "sqlite":
            # SQLite rolls back by itself, for example when the disk is full or a trigger raises ROLLBACK.
            return not connection.connection.in_transaction
        case "mysql":
            code = _code(error)
            return code in _MYSQL_ROLLED_BACK or (code in _MYSQL_MAY_ROLL_BACK and _has_mariadb_rolled_back(connection))
        case _:
            # PostgreSQL rejects all further statements until a rollback.
            return False


def _has_mariadb_rolled_back(connection: DjangoWrapper) -> bool:
    if not cast("MySQLWrapper", connection).mysql_is_mariadb:
        return False
    try:
        with connection.connection.cursor() as cursor:
            cursor.execute("SELECT @@in_transaction")
            return bool(cursor.fetchone()[0] == 0)
    # Drivers differ in what they raise. A server that does not answer has lost the transaction.
    except Exception:  # noqa: BLE001
        return True


def _sqlstate(error: Error) -> str | None:
    """The SQLSTATE of a psycopg error; None if the server did not send one."""
    return getattr(error.__cause__, "sqlstate", None)


def _code(error: Error) -> object:
    return error.args[0] if error.args else None
