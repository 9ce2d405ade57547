"""The connections that `native()` blocks keep for a while, for engines whose connections are few.

Such a block keeps a connection between two calls only while something is open on it. A query in the block that took
another one meanwhile could wait for ever, once all of them are kept by blocks that do the same; so it joins.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from adj.abc import Connection


class Holder(Protocol):
    """A block that may keep a connection."""

    def join(self, engine: Any, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
        """The connection that the block keeps of an engine, if it does and nobody has it exclusively."""
        ...


_holders: ContextVar[tuple[Holder, ...]] = ContextVar("adj_block_connections", default=())


@contextmanager
def joinable(holder: Holder) -> Generator[None]:
    """Let the code of the block find what a holder keeps."""
    before = _holders.get()
    _holders.set((holder, *before))
    try:
        yield
    finally:
        # Not by its token: a fixture's block may end in another context than it began in.
        _holders.set(before)


def joined(engine: Any, *, exclusive: bool) -> AbstractAsyncContextManager[Any] | None:
    """The connection of an engine that a block around the running code keeps; None if none does."""
    for holder in _holders.get():
        if (found := holder.join(engine, exclusive=exclusive)) is not None:
            return found
    return None
