"""The functions that run on a thread with a Django connection. Everything here is synchronous and blocks.

Private Django API used here: `DatabaseWrapper.close_at`, since workers apply CONN_MAX_AGE = 0 differently;
`DatabaseWrapper.rollback_exc`, to set the cause of a broken transaction as Django does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, ProgrammingError, connections
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError

from adj.abc import Command, DatabaseRow
from adj.engines.choice.backends import display_name
from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper, thread_wrappers
from adj.engines.driver_errors import reached_server
from adj.engines.outcome import remove_outcome_note
from adj.errors import EngineNotOpen

T = TypeVar("T")


def open_connection(alias: str) -> DjangoWrapper:
    """This thread's Django connection to an alias, open.

    Raises `EngineNotOpen` if the database does not accept the connection.
    """
    connection = thread_wrapper(alias)
    if connection.connection is None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            name = connection.settings_dict["NAME"]
            raise EngineNotOpen(
                alias=alias,
                reason=f'cannot connect to the {display_name(connection)} database "{name}": {str(error).strip()}.',
                advice=f'Check DATABASES["{alias}"], and that the server is running and the database exists.',
            ) from error
        except (TypeError, ProgrammingError) as error:
            _explain_option(connection, error)
            raise
    return connection


def _explain_option(connection: DjangoWrapper, error: Exception) -> None:
    """Raise `ImproperlyConfigured` if a driver's error is about a connection option that it does not know."""
    text = str(error).strip()
    # The driver may suggest a known name after the unknown one, so the first name in its text counts.
    places = {
        text.find(f"{quote}{option}{quote}"): option
        for option in connection.settings_dict["OPTIONS"]
        for quote in ('"', "'")
    }
    if positions := sorted(place for place in places if place >= 0):
        raise ImproperlyConfigured(
            f'DATABASES["{connection.alias}"]["OPTIONS"]: the driver of {display_name(connection)} does not accept '
            f'"{places[positions[0]]}": {text}'
        ) from error


def refresh_connections() -> None:
    """Close this thread's connections that are too old or broken, to all aliases, as Django does between requests.

    With `CONN_HEALTH_CHECKS`, Django checks them before their next use.
    """
    for connection in thread_wrappers().values():
        if connection.settings_dict["CONN_MAX_AGE"] == 0:
            # Outside requests, idle workers end instead; see `LINGER_SECONDS`.
            connection.close_at = None
        try:
            connection.close_if_unusable_or_obsolete()
        except DatabaseError:
            # Closing a lost connection raises. The next query opens another one.
            connection.connection = None


def refuse_lock_outside_transaction(connection: DjangoWrapper, command: Command) -> None:
    """Raise what Django raises for `SELECT ... FOR UPDATE` in autocommit."""
    if command.locks_rows and connection.get_autocommit():
        raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


def fetch_all(alias: str, command: Command, receive: Callable[[list[DatabaseRow]], T]) -> T:
    """Run a statement, and return what `receive` returns for its rows."""
    connection = open_connection(alias)
    refuse_lock_outside_transaction(connection, command)
    with connection.cursor() as cursor, _marking_failure(connection, command):
        cursor.execute(command.sql, cast("Sequence[Any]", command.parameters))
        rows = _rows_of(cursor, command)
    return receive(rows)


def _rows_of(cursor: CursorWrapper, command: Command) -> list[DatabaseRow]:
    if not command.returns_rows:
        return [(cursor.rowcount,)]
    # MariaDB sends no result set for DELETE ... RETURNING if it knows that no row matches, and then drivers raise.
    return [] if cursor.description is None else list(cursor.fetchall())


@contextmanager
def _marking_failure(connection: DjangoWrapper, command: Command) -> Generator[None]:
    """Mark the transaction for rollback if a statement that writes fails in the block, as Django's `update()` does."""
    try:
        yield
    except Exception as error:
        if not command.writes:
            remove_outcome_note(error)
        elif connection.in_atomic_block and reached_server(connection, error):
            connection.needs_rollback, connection.rollback_exc = True, error
        raise


def close_connections() -> None:
    """Close all Django connections of this thread."""
    connections.close_all()
