"""Record every statement that a Django connection of this process executes, on any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL as it was sent to the database, with its parameters."""

    sql: str
    params: tuple[object, ...]


class Recorder:
    """An execute wrapper that records statements while a list is active."""

    def __init__(self) -> None:
        self._heard: list[Statement] | None = None

    def __call__(
        self, execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, object]
    ) -> object:
        if self._heard is not None:
            self._heard.append(Statement(sql, tuple(params) if isinstance(params, tuple | list) else ()))
        return execute(sql, params, many, context)

    def install(self, connection: BaseDatabaseWrapper, **_signal: object) -> None:
        """Install the recorder on a connection, permanently."""
        connection.execute_wrappers.append(self)

    @contextmanager
    def listen(self) -> Iterator[list[Statement]]:
        """A list of the statements that are executed inside the block."""
        heard: list[Statement] = []
        self._heard = heard
        try:
            yield heard
        finally:
            self._heard = None


recorder: Final = Recorder()


def install() -> None:
    """Install the recorder on each connection that is opened from now on."""
    connection_created.connect(recorder.install)
