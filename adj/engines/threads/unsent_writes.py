"""Keeps a transaction usable if Django's code fails before it sends anything, because a value is invalid.

Django prepares values while it executes a write, inside the block that marks the transaction for rollback. It prepares
the values of a second table or batch after it has sent the first.

Private Django API used here: `Field.get_db_prep_save`, to validate values as Django will;
`DatabaseWrapper.needs_rollback`, to restore the mark; `DatabaseWrapper.make_debug_cursor`, to keep unsent statements
out of the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

from adj.engines.django_wrapper import DjangoWrapper, thread_wrapper
from adj.engines.driver_errors import reached_server

P = ParamSpec("P")
T = TypeVar("T")


class FieldLike(Protocol):
    """A model field, as far as it is used here."""

    def get_db_prep_save(self, value: object, connection: BaseDatabaseWrapper) -> object:
        """The value as the driver gets it."""
        ...


def call_keeping_transaction(
    alias: str,
    values: Iterable[tuple[FieldLike, object]],
    function: Callable[P, T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function that writes values, each given with its field.

    Nothing is sent if a value is invalid. An error before anything was sent does not affect the transaction.
    """
    connection = thread_wrapper(alias)
    guard = _StatementGuard(connection, _refusal(values, connection))
    before = connection.needs_rollback
    try:
        with connection.execute_wrapper(guard), guard.unlogged():
            return function(*args, **kwargs)
    except Exception:
        if not guard.has_sent:
            connection.needs_rollback = before
        raise


class _StatementGuard:
    """An execute wrapper that records whether a statement reached the server, and sends none if a value is invalid."""

    def __init__(self, connection: DjangoWrapper, refusal: Exception | None) -> None:
        self._connection, self._refusal = connection, refusal
        self.has_sent = False

    @contextmanager
    def unlogged(self) -> Generator[None]:
        """Keep statements that will not be sent out of the query log."""
        if self._refusal is None:
            yield
            return
        vars(self._connection)["make_debug_cursor"] = self._connection.make_cursor
        try:
            yield
        finally:
            del vars(self._connection)["make_debug_cursor"]

    def __call__(self, execute: Callable[..., T], *statement: object) -> T:
        """Execute a statement, as an execute wrapper of Django does."""
        if self._refusal is not None:
            # Not earlier, since an error that Django raises before this point comes first.
            raise self._refusal
        try:
            result = execute(*statement)
        except BaseException as error:
            self.has_sent = self.has_sent or reached_server(self._connection, error)
            raise
        self.has_sent = True
        return result


def _refusal(values: Iterable[tuple[FieldLike, object]], connection: DjangoWrapper) -> Exception | None:
    """The error of the first value that its field, or the JSON encoder of the driver, refuses."""
    try:
        for field, value in values:
            _check_json(field.get_db_prep_save(value, connection=connection))
    # A field may raise any error.
    except Exception as error:  # noqa: BLE001
        return error
    return None


def _check_json(prepared: object) -> None:
    """Raise the encoder's error for JSON that cannot be encoded, which the driver would raise when it sends it."""
    if type(prepared).__name__ in {"Json", "Jsonb"}:
        (getattr(prepared, "dumps", None) or json.dumps)(getattr(prepared, "obj", None))
