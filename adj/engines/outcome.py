"""What an error of the database leaves behind: a transaction that is gone, a write that may be done or not.

Django's wrapper translates every error of a driver in one place, `wrap_database_errors`; a subclass takes note there,
so that it does not matter who has sent the statement, and who catches its error.

Private Django API used here: `DatabaseWrapper.wrap_database_errors`, `DatabaseWrapper.needs_rollback`,
`DatabaseWrapper.rollback_exc`, `DatabaseWrapper.mysql_is_mariadb`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from django.db import Error, connections
from django.db.utils import DatabaseErrorWrapper

from adj.errors import Outcome

P = ParamSpec("P")
T = TypeVar("T")

OUTCOME_UNKNOWN = "The server's answer was lost: what was sent may be done or not."
"""The note on an error that leaves open whether a transaction is committed, or a statement in autocommit has run."""

# MySQL and MariaDB: the server is shutting down, or has ended the session (1053, 1927, 4031); 2000 to 2999 are errors
# of the client, among them "gone away" (2006) and "lost connection" (2013).
_MYSQL_ENDED = frozenset({1053, 1927, 4031, *range(2000, 3000)})
# A deadlock, also of XA: InnoDB rolls the whole transaction back, and the next statement begins another one.
_MYSQL_ROLLED_BACK = frozenset({1213, 1614})
# A lock wait timeout and a changed snapshot do that depending on settings.
_MYSQL_MAY_ROLL_BACK = frozenset({1205, 1020})

# Connection exceptions, operator intervention (shutdown), system and internal errors; 40003 says so itself.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNKNOWN_CLASSES = frozenset({"08", "57", "58", "XX"})
_COMPLETION_UNKNOWN = "40003"


class RecordingErrorWrapper(DatabaseErrorWrapper):
    """Translates a driver's errors as Django does, and notes what they have done to the connection."""

    wrapper: Any

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error_type is None or not issubclass(error_type, Exception):
            # Django's would look at the wrapper, which is gone where a coroutine is collected together with it.
            return
        try:
            super().__exit__(error_type, error, traceback)
        except Error as translated:
            _note(self.wrapper, translated)
            raise


def call_recording_errors(alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and take note of the errors of this thread's connection, which is Django's, meanwhile."""
    connection: Any = connections[alias]
    before = connection.wrap_database_errors
    connection.wrap_database_errors = RecordingErrorWrapper(connection)
    try:
        return function(*args, **kwargs)
    finally:
        connection.wrap_database_errors = before


def _note(connection: Any, error: Error) -> None:
    if not connection.in_atomic_block:
        if _is_lost(connection, error):
            add_outcome_note(error)
    elif not connection.needs_rollback:
        # The cause, should the block end as if all were well.
        connection.rollback_exc = error
        # Otherwise the next statement would run outside of the transaction, and be all that is committed.
        connection.needs_rollback = _is_transaction_gone(connection, error)


def add_outcome_note(error: BaseException) -> None:
    """Say that the outcome is unknown, once."""
    if not has_outcome_note(error):
        error.add_note(OUTCOME_UNKNOWN)


def has_outcome_note(error: BaseException) -> bool:
    """Whether an error says that the outcome is unknown."""
    return OUTCOME_UNKNOWN in getattr(error, "__notes__", ())


def remove_outcome_note(error: BaseException) -> None:
    """Take the note back: what was sent only reads, or begins a transaction."""
    if has_outcome_note(error):
        error.__notes__.remove(OUTCOME_UNKNOWN)


def record_outcome(error: BaseException, outcome: Outcome) -> None:
    """Note on a cancellation what has become of the statement that it met."""
    vars(error)["adj_outcome"] = outcome


def outcome_of(error: BaseException | None) -> Outcome:
    """What has become of a statement that was cancelled, or failed when its time was over."""
    if error is None:
        return "stopped"
    if has_outcome_note(error):
        return "unknown"
    outcome: Outcome = vars(error).get("adj_outcome", "stopped")
    return outcome


def reached_server(connection: Any, error: BaseException) -> bool:
    """Whether a statement failed at the server; what Django or the driver refuses was not sent."""
    if not isinstance(error, Error):
        return False
    cause: Any = error.__cause__
    match connection.vendor:
        case "postgresql":
            return getattr(cause, "sqlstate", None) is not None or _is_lost(connection, error)
        case "sqlite":
            return hasattr(cause, "sqlite_errorcode")
        case _:
            return True


def is_definite_failure(connection: Any, error: Error) -> bool:
    """Whether an error of a COMMIT says that nothing is committed: a clear answer of the server."""
    cause: Any = error.__cause__
    match connection.vendor:
        case "postgresql":
            state = getattr(cause, "sqlstate", None) or _COMPLETION_UNKNOWN
            return state != _COMPLETION_UNKNOWN and state[:2] not in _UNKNOWN_CLASSES
        case "sqlite":
            return True
        case _:
            return isinstance(code := _code(error), int) and code not in _MYSQL_ENDED


def _is_lost(connection: Any, error: Error) -> bool:
    raw = connection.connection
    if raw is None:
        # It was not there yet.
        return False
    # psycopg has `closed`, the drivers of MySQL `open`, and none of SQLite's is ever lost.
    return bool(getattr(raw, "closed", False)) or not getattr(raw, "open", True) or _code(error) in _MYSQL_ENDED


def _is_transaction_gone(connection: Any, error: Error) -> bool:
    if _is_lost(connection, error):
        return True
    match connection.vendor:
        case "sqlite":
            # It rolls back by itself when its disk is full, for example, or a trigger says so.
            return not connection.connection.in_transaction
        case "mysql":
            code = _code(error)
            return code in _MYSQL_ROLLED_BACK or (code in _MYSQL_MAY_ROLL_BACK and _has_mariadb_rolled_back(connection))
        case _:
            # PostgreSQL refuses whatever comes next, until a rollback.
            return False


def _has_mariadb_rolled_back(connection: Any) -> bool:
    if not connection.mysql_is_mariadb:
        return False
    try:
        with connection.connection.cursor() as cursor:
            cursor.execute("SELECT @@in_transaction")
            return bool(cursor.fetchone()[0] == 0)
    # Whatever the driver raises: a server that cannot be asked has no transaction of ours.
    except Exception:  # noqa: BLE001
        return True


def _code(error: Error) -> object:
    return error.args[0] if error.args else None
