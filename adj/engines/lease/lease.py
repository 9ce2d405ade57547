"""The right to use a connection: a lease is open, and then it has ended. After that nothing is sent.

Each connection object has one, and every way to the server goes through `check()` or `end()`. Code that comes late (a
generator that is collected, a task that outlives its block, a stream that was kept) is refused without I/O: the
connection may belong to another task by then.
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
        """From now on whoever still has the connection object is refused."""
        self.has_ended = True

    def leave(self) -> None:
        """End the lease for one last call. Raises `CrossTaskTransaction` if it has ended already."""
        self.check()
        self.end()
