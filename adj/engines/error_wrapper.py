"""Records what each database error does to the connection, where Django translates it.

Django translates every driver error in one place, `wrap_database_errors`. A subclass of its error wrapper therefore
sees all errors, no matter which code sent the statement or catches the error.

Private Django API used here: `DatabaseWrapper.wrap_database_errors`, where all errors pass;
`DatabaseWrapper.rollback_exc`, which Django raises from when a broken transaction is used.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from django.db import Error
from django.db.utils import DatabaseErrorWrapper

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.driver_errors import is_lost, is_transaction_gone
from adj.engines.outcome import add_outcome_note

P = ParamSpec("P")
T = TypeVar("T")


class RecordingErrorWrapper(DatabaseErrorWrapper):
    """Translates a driver's errors as Django does, and records what they did to the connection."""

    wrapper: DjangoWrapper

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None or not issubclass(exc_type, Exception):
            # Django's method reads the wrapper, which may be gone when a coroutine is garbage-collected with it.
            return
        try:
            super().__exit__(exc_type, exc_value, traceback)
        except Error as translated:
            _record(self.wrapper, translated)
            raise


def call_recording_errors(alias: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and record the errors of Django's connection in this thread during the call."""
    connection = thread_wrapper(alias)
    before = connection.wrap_database_errors
    # A cached property: the value is in the instance.
    vars(connection)["wrap_database_errors"] = RecordingErrorWrapper(connection)
    try:
        return function(*args, **kwargs)
    finally:
        vars(connection)["wrap_database_errors"] = before


def _record(connection: DjangoWrapper, error: Error) -> None:
    if not connection.in_atomic_block:
        if is_lost(connection, error):
            add_outcome_note(error)
    elif not connection.needs_rollback:
        # The cause of TransactionAborted, in case the block swallows the error.
        connection.rollback_exc = error
        # Otherwise the next statement would run outside the transaction, and be committed alone.
        connection.needs_rollback = is_transaction_gone(connection, error)
