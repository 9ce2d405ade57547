"""Writes by Django's own code that are refused before anything is sent: they leave a transaction as it was.

Django prepares values while it executes, inside of what marks the transaction for a rollback, and those of a second
table or batch after the first one was sent.

Private Django API used here: `Field.get_db_prep_save`, `DatabaseWrapper.needs_rollback`,
`DatabaseWrapper.make_debug_cursor`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from adj.engines.driver_errors import reached_server

P = ParamSpec("P")
T = TypeVar("T")


def call_keeping_transaction(
    alias: str,
    values: Iterable[tuple[Any, object]],
    function: Callable[P, T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function that writes these values, each with its field.

    An error before anything was sent leaves the transaction as it was; nothing is sent if a value is refused.
    """
    connection: Any = connections[alias]
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
    """Watches whether a statement reaches the server, and lets none pass where a value was refused."""

    def __init__(self, connection: Any, refusal: Exception | None) -> None:
        self._connection, self._refusal = connection, refusal
        self.has_sent = False

    @contextmanager
    def unlogged(self) -> Generator[None]:
        """Keep a statement that will not be sent out of the log of queries."""
        if self._refusal is None:
            yield
            return
        self._connection.make_debug_cursor = self._connection.make_cursor
        try:
            yield
        finally:
            del self._connection.make_debug_cursor

    def __call__(self, execute: Callable[..., T], *statement: Any) -> T:
        """Execute, as Django's `execute_wrapper()` has it."""
        if self._refusal is not None:
            # Now, and not earlier: what Django itself refuses before comes first.
            raise self._refusal
        try:
            result = execute(*statement)
        except BaseException as error:
            self.has_sent = self.has_sent or reached_server(self._connection, error)
            raise
        self.has_sent = True
        return result


def _refusal(values: Iterable[tuple[Any, object]], connection: Any) -> Exception | None:
    """The error of the first value that its field, or its driver's JSON, refuses."""
    try:
        for field, value in values:
            _check_json(field.get_db_prep_save(value, connection=connection))
    # Whatever the field says of it.
    except Exception as error:  # noqa: BLE001
        return error
    return None


def _check_json(prepared: Any) -> None:
    """Raise what a driver raises for JSON that cannot be written, which it finds out when it sends."""
    if type(prepared).__name__ in {"Json", "Jsonb"}:
        (getattr(prepared, "dumps", None) or json.dumps)(getattr(prepared, "obj", None))
