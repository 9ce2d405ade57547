"""What is noted while one of two sides asks or writes: every statement, on whatever thread, and the error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

from django.db.backends.utils import CursorWrapper

from adj.engines.postgres.pooled_connection import PooledConnection
from adj.engines.postgres.streaming_cursor import StreamingCursor
from tests.parity.plain import plain


@dataclass(slots=True)
class Side:
    """What came of one side."""

    answer: Any = None
    error: BaseException | None = None
    executed: list[Any] = field(default_factory=list)


@contextmanager
def observed(side: Side) -> Generator[None]:
    """Note what is executed in the block, and the error that ends it, which goes no further."""
    with _executed(side.executed):
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever it is, the other side has to raise the like
            side.error = error


def shown(error: BaseException | None) -> str:
    """An error for messages; that of a hostile value may have no text."""
    try:
        return repr(error)
    except Exception as failure:  # noqa: BLE001  # whatever the value raises
        return f"{type(error).__name__} without a text: {type(failure).__name__}"


def as_sent(sql: str, parameters: Any) -> Any:
    """A statement, to be compared."""
    return (sql, tuple(plain(parameter) for parameter in parameters or ()))


@contextmanager
def _executed(log: list[Any]) -> Generator[None]:
    # The stubs do not have the method; it is where every statement of a cursor passes, on either side.
    wrapper: Any = CursorWrapper
    execute = wrapper._execute

    def logged(cursor: Any, sql: str, params: Any, *context: Any) -> Any:
        log.append(as_sent(sql, params))
        return execute(cursor, sql, params, *context)

    def sent(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        log.append(as_sent(command.sql, command.parameters))
        return fetch(self, command, *args, **kwargs)

    def streamed(self: Any) -> Any:
        log.append(as_sent(self._command.sql, self._command.parameters))
        return enter(self)

    # The native engine's own statements go to the driver without a Django cursor, and must continue to do so: what
    # is set here is not to be taken for a package that patches cursors.
    native, cursor_class = cast("Any", PooledConnection), cast("Any", StreamingCursor)
    fetch, enter = native.fetch, cursor_class.__aenter__
    wrapper._execute, native.fetch, cursor_class.__aenter__ = logged, sent, streamed
    try:
        with patch("adj.engines.postgres.pooled_connection.are_cursors_patched", lambda: False):
            yield
    finally:
        wrapper._execute, native.fetch, cursor_class.__aenter__ = execute, fetch, enter
