"""What a lease on a thread has open: cursors and COPY statements, which end with it."""

from __future__ import annotations

from typing import Protocol, TypeAlias


class Closeable(Protocol):
    """A cursor or a COPY statement."""

    def close(self) -> object:
        """Close it."""
        ...


Opened: TypeAlias = set[Closeable]
