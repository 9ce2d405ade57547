"""What runs on a thread that owns a Django connection. Everything here is synchronous and blocks.

Private Django API used here: the computed attributes of `DatabaseFeatures` and `DatabaseWrapper`,
`DatabaseWrapper.close_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError
from django.utils.functional import cached_property

from adj.abc import Command, DatabaseRow, ServerFacts
from adj.engines.choice.backends import display_name
from adj.engines.driver_errors import reached_server
from adj.engines.outcome import remove_outcome_note
from adj.errors import EngineNotOpen

T = TypeVar("T")

# Features that Django finds out by writing to the database, or that only its own tests ask for; and what holds on to
# the connection.
_NOT_FACTS = ("supports_transactions", "introspected_", "django_test_", "test_", "wrap_database_errors")


def open_connection(alias: str) -> BaseDatabaseWrapper:
    """This thread's Django connection, open.

    Raises `EngineNotOpen` when the database does not let it in.
    """
    connection = connections[alias]
    if connection.connection is None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            name = connection.settings_dict["NAME"]
            raise EngineNotOpen(
                alias=alias,
                reason=f'the {display_name(connection)} database "{name}" does not open: {str(error).strip()}.',
                advice=f'Check DATABASES["{alias}"], and that the database exists and its server runs.',
            ) from error
        except (TypeError, ProgrammingError) as error:
            _explain_option(connection, error)
            raise
    return connection


def _explain_option(connection: BaseDatabaseWrapper, error: Exception) -> None:
    """Raise `ImproperlyConfigured` if an error of the driver is about a connection option that it does not know."""
    text = str(error).strip()
    # The driver may suggest another name behind the one that it does not know.
    places = {
        text.find(f"{quote}{option}{quote}"): option
        for option in connection.settings_dict["OPTIONS"]
        for quote in ('"', "'")
    }
    if positions := sorted(place for place in places if place >= 0):
        raise ImproperlyConfigured(
            f'DATABASES["{connection.alias}"]["OPTIONS"]: the driver of {display_name(connection)} does not accept '
            f'"{places[positions[0]]}". It says: {text}'
        ) from error


def refresh_connections() -> None:
    """Before this thread's connections are used again: close those that are too old or broken, and have their health
    checked if asked. Prefetching may have opened one to another database.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["CONN_MAX_AGE"] == 0:
            # "Not kept between requests" is what an idle worker's end stands for; see ThreadsEngine.
            connection.close_at = None
        try:
            connection.close_if_unusable_or_obsolete()
        except DatabaseError:
            # Closing tells of a connection that was lost; the next query opens another one.
            connection.connection = None


def refuse_lock_outside_transaction(connection: BaseDatabaseWrapper, command: Command) -> None:
    """Raise what Django raises for `SELECT ... FOR UPDATE` in autocommit."""
    if command.locks_rows and connection.get_autocommit():
        raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")


def fetch_all(alias: str, command: Command, receive: Callable[[list[DatabaseRow]], T]) -> T:
    """Run a statement, and make of its rows what the caller wants while they are here."""
    connection = open_connection(alias)
    refuse_lock_outside_transaction(connection, command)
    cursor: Any
    with connection.cursor() as cursor, _marking_failure(connection, command):
        cursor.execute(command.sql, command.parameters)
        rows = _rows_of(cursor, command)
    return receive(rows)


def _rows_of(cursor: Any, command: Command) -> list[DatabaseRow]:
    if not command.returns_rows:
        return [(cursor.rowcount,)]
    # MariaDB sends no result set for DELETE ... RETURNING if it can tell that no row matches, and then drivers raise.
    return [] if cursor.description is None else list(cursor.fetchall())


@contextmanager
def _marking_failure(connection: Any, command: Command) -> Generator[None]:
    """A block whose error fails the transaction around it, if the statement writes; as Django's `update()` has it."""
    try:
        yield
    except Exception as error:
        if not command.writes:
            remove_outcome_note(error)
        elif connection.in_atomic_block and reached_server(connection, error):
            connection.needs_rollback, connection.rollback_exc = True, error
        raise


def read_facts(alias: str) -> ServerFacts:
    """Everything the compiler may ask of a connection, computed on an open one."""
    connection = open_connection(alias)
    features = _computed(connection.features, (cached_property, property))
    return ServerFacts(connection.vendor, features, _computed(connection, (cached_property,)))


def _computed(owner: Any, kinds: tuple[type, ...]) -> dict[str, object]:
    """The computed attributes of a Django object, those that can be had."""
    facts = {}
    for name in _computed_names(type(owner), kinds):
        # A backend that cannot tell raises what it likes; it will do so again when somebody asks.
        with suppress(Exception):
            facts[name] = getattr(owner, name)
    return facts


def _computed_names(owner: type, kinds: tuple[type, ...]) -> Iterator[str]:
    names = {name for base in owner.__mro__ for name, value in vars(base).items() if isinstance(value, kinds)}
    return (name for name in sorted(names) if not name.startswith(_NOT_FACTS))


def close_connections() -> None:
    """Close every Django connection of this thread."""
    connections.close_all()
