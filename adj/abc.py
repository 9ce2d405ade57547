"""The seam between deciding and waiting: what an engine offers, and what it tells about its server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Parameters: TypeAlias = Sequence[object]
DatabaseRow: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One statement as the driver takes it.

    `locks_rows` marks `SELECT ... FOR UPDATE`, which a connection refuses outside a transaction.
    """

    sql: str
    parameters: Parameters
    locks_rows: bool = False


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What compiling wants to know of a server, read once when an engine opens.

    `features` and `attributes` are the computed values of Django's `DatabaseFeatures` and `DatabaseWrapper`, by name.
    """

    vendor: str
    features: Mapping[str, object]
    attributes: Mapping[str, object]


class Cursor(Protocol):
    """The rows of one statement, as the server sends them."""

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T]) -> T:
        """What `receive` makes of the next rows; it gets none at the end."""
        ...


class Connection(Protocol):
    """A connection that one query, or one stream, has for itself."""

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T]) -> T:
        """Run a statement and return what `receive` makes of all its rows.

        `receive` is synchronous and may use the database: it runs where `run()` runs its function.
        """
        ...

    def cursor(self, command: Command, size: int) -> AbstractAsyncContextManager[Cursor]:
        """Run a statement and give its rows in lists of at most `size`; the cursor is closed at block exit."""
        ...

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code where it finds this connection as `connections[alias]`."""
        ...


class Engine(Protocol):
    """The I/O of one alias on one event loop."""

    async def open(self) -> ServerFacts:
        """Reach the server and read its facts. Raises `EngineNotOpen` where that fails."""
        ...

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection; waits while all are in use."""
        ...

    async def close(self) -> None:
        """Close every connection and end every thread. Safe to call twice."""
        ...
