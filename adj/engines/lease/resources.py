"""What a pool keeps, and what opens, checks and closes it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from adj.errors import EngineNotOpen


class PooledResource(Protocol):
    """A connection or a worker thread, with the two times that its pool records on it."""

    expires_at: float
    idle_since: float


T = TypeVar("T", bound=PooledResource)


class ResourceFactory(Protocol[T]):
    """Opens, checks and closes the resources of a pool."""

    async def open(self) -> T:
        """Open a resource, ready for use. Raises `EngineNotOpen` when the server refuses or cannot be reached."""
        ...

    def is_ready(self, resource: T, /) -> bool:
        """Whether an idle resource can be used as it is. Does not wait."""
        ...

    async def check(self, resource: T, /) -> bool:
        """Whether a resource that is not ready is usable after all; if so, it is made ready."""
        ...

    def close(self, resource: T, /) -> None:
        """Close a resource that is no longer in use."""
        ...

    def is_temporary(self, error: EngineNotOpen, *, was_open: bool) -> bool:
        """Whether the server may accept a connection soon. `was_open`: this pool has opened one before."""
        ...
