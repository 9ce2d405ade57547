"""What COPY and streaming cursors need of the connection that they run on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ParamSpec, Protocol, TypeVar

from adj.abc import Command
from adj.engines.postgres.connection import PgConnection

P = ParamSpec("P")
T = TypeVar("T")


class LeasedConnection(Protocol):
    """A connection that is checked out, which several tasks may share."""

    @property
    def raw(self) -> PgConnection:
        """The connection to the server."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the lease has ended."""
        ...

    @property
    def is_shared_in_autocommit(self) -> bool:
        """Whether several tasks share it, and each statement is its own transaction."""
        ...

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """Use the connection alone until the block ends. Raises `CrossTaskTransaction` once the lease has ended."""
        ...

    def refuse_lock_in_autocommit(self, command: Command) -> None:
        """Raise what Django raises for `SELECT ... FOR UPDATE` outside a transaction."""
        ...

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous Django code in a bridge, where it finds this connection as `connections[alias]`."""
        ...
