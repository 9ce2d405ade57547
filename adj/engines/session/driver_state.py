"""What code can change on a Django connection without a statement, so that other code would get it with the thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeAlias

from adj.engines.django_wrapper import DjangoWrapper

_ATTRIBUTES: Final = (
    *("row_factory", "text_factory", "cursor_factory", "server_cursor_factory", "prepare_threshold"),
    *("isolation_level", "read_only", "readonly", "deferrable"),
)
"""Attributes of the drivers' connections: sqlite3, psycopg and psycopg2."""

ExecuteWrapper: TypeAlias = Callable[..., object]


class DriverState:
    """The attributes of a connection that is not in use, and whether they are still the same."""

    def __init__(self, connection: DjangoWrapper) -> None:
        self._connection = connection
        self._wrappers: list[ExecuteWrapper] = list(connection.execute_wrappers)
        self._attributes: list[object] = []
        self._attributes = self._current()

    @contextmanager
    def connecting(self) -> Generator[None]:
        """A block that opens the connection. What receivers of `connection_created` change in it belongs to it."""
        before = list(self._connection.execute_wrappers)
        yield
        self._wrappers += [wrapper for wrapper in self._connection.execute_wrappers if wrapper not in before]
        self._attributes = self._current()

    @property
    def is_changed(self) -> bool:
        """Whether code has changed an attribute. May be called on any thread."""
        connection = self._connection
        if connection.force_debug_cursor or connection.execute_wrappers != self._wrappers:
            return True
        return connection.connection is not None and self._current() != self._attributes

    def restore(self) -> None:
        """Restore the attributes that stay when the connection is closed."""
        self._connection.force_debug_cursor = False
        self._connection.execute_wrappers[:] = self._wrappers

    def _current(self) -> list[object]:
        raw = self._connection.connection
        try:
            return [getattr(raw, name, None) for name in _ATTRIBUTES]
        # A closed connection. Drivers raise different errors; the connection is checked before its next use.
        except Exception:  # noqa: BLE001
            return self._attributes
