"""A lease: the right to use a connection until the lease ends. Nothing is sent after that.

Each connection object has a lease, and checks it before anything is sent. Code that runs late (a generator that is
garbage-collected, a task that outlives its block, a stream that was kept) is refused without I/O, since another task
may have the connection by then.
"""

from __future__ import annotations

from adj.errors import CrossTaskTransaction


class Lease:
    """The lease of one connection object."""

    __slots__ = ("alias", "has_ended")

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.has_ended = False

    def check(self) -> None:
        """Raise `CrossTaskTransaction` once the lease has ended."""
        if self.has_ended:
            raise CrossTaskTransaction.after_the_end(self.alias)

    def end(self) -> None:
        """End the lease. Code that still has the connection object is refused."""
        self.has_ended = True

    def leave(self) -> None:
        """End the lease before one last call. Raises `CrossTaskTransaction` if it has already ended."""
        self.check()
        self.end()
