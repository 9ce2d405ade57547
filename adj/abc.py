"""The seam between deciding and waiting: what an engine offers, and what it tells about its server."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Parameters: TypeAlias = Sequence[object]
DatabaseRow: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One statement as the driver takes it.

    `locks_rows` marks `SELECT ... FOR UPDATE`, which a connection refuses outside a transaction. `writes` marks what
    changes rows: it is sent once, and when it fails, Django's transaction around it has failed. `is_typed` says that
    the server knows the types of all parameters by itself, so that the statement can be prepared. `seconds` is how long
    somebody waits for it. `returns_rows` is False for a statement that answers with the number of changed rows.
    """

    sql: str
    parameters: Parameters
    locks_rows: bool = False
    writes: bool = False
    is_typed: bool = False
    seconds: float | None = None
    returns_rows: bool = True


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What compiling wants to know of a server, read once when an engine opens.

    `features` and `attributes` are the computed values of Django's `DatabaseFeatures` and `DatabaseWrapper`, by name.
    """

    vendor: str
    features: Mapping[str, object]
    attributes: Mapping[str, object]


RunCall: TypeAlias = Callable[..., Coroutine[object, None, Any]]
"""A coroutine function that runs a function with its arguments on a connection: `Connection.run`, or one around it."""


class Cursor(Protocol):
    """The rows of one statement, as the server sends them."""

    async def fetch(self, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """What `receive` makes of the next rows; it gets none at the end. See `Connection.fetch`."""
        ...


class Copy(Protocol):
    """Rows on their way to a server that takes them by COPY."""

    async def write(self, rows: Iterable[DatabaseRow]) -> None:
        """Send rows, which may be made on the way."""
        ...


class Connection(Protocol):
    """A connection that one query, or one stream, has for itself."""

    async def fetch(self, command: Command, receive: Callable[[list[DatabaseRow]], T], *, may_query: bool = False) -> T:
        """Run a statement and return what `receive` makes of all its rows.

        A command that returns no rows gives one, with the number of those that it changed. `receive` is synchronous.
        With `may_query` it may use the database: it runs where `run()` runs its function.
        """
        ...

    def cursor(self, command: Command, size: int) -> AbstractAsyncContextManager[Cursor]:
        """Run a statement and give its rows in lists of at most `size`; the cursor is closed at block exit."""
        ...

    def copy(self, statement: str) -> AbstractAsyncContextManager[Copy]:
        """Run `COPY ... FROM STDIN`; the statement ends with the block, and an error in the block undoes it."""
        ...

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code where it finds this connection as `connections[alias]`."""
        ...

    async def leave(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """End the lease with one more function, which runs after what is running; all other calls are refused.

        They raise `CrossTaskTransaction` without I/O, a second `leave()` among them.
        """
        ...

    @property
    def patience(self) -> float:
        """Seconds that the ends of a transaction may take once its task is cancelled; its deadline may be sooner."""
        ...

    def was_not_started(self, error: Exception) -> bool:
        """Whether an error proves that the server has not started the statement; then a read can be sent again."""
        ...

    def is_needed(self) -> bool:
        """Whether something is open on it, or was changed, that a later call may count on."""
        ...

    def for_other_loop(self) -> Connection:
        """The same for code on another event loop, which synchronous code of a task has called and waits for."""
        ...

    def share(self, *, may_return: bool = False) -> None:
        """From now on several tasks may use the connection: they take turns.

        With `may_return` it goes back after any call that leaves nothing open, which `is_needed()` tells.
        """
        ...


class Engine(Protocol):
    """The I/O of one alias on one event loop."""

    def connection(self, *, exclusive: bool = False) -> AbstractAsyncContextManager[Connection]:
        """Check out a connection. Waits while all are in use.

        With `exclusive`, for a transaction, other code does not get it meanwhile, even if there is only one.
        """
        ...

    def thread_executor(self, run: RunCall) -> concurrent.futures.Executor | None:
        """For asgiref: runs what Django's own asynchronous methods send to their thread, each call by `run`.

        None where that thread has the engine's connection anyway.
        """
        ...

    def stats(self) -> Any:
        """The `PoolStats` of the engine's pool; None where it has none."""
        ...

    async def close(self) -> None:
        """Close every connection and end every thread. Safe to call twice."""
        ...

    def abandon(self) -> None:
        """The same when the event loop was closed before: closes what is open at once, and waits for no coroutine."""
        ...
