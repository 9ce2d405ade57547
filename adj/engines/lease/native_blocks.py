"""The connections that `native()` blocks keep for a while, for engines whose connections are few.

Such a block keeps a connection between two calls only while something is open on it. A query in the block that took
another one meanwhile could wait for ever, once all of them are kept by blocks that do the same; so it joins.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from adj.engines.lease.access import access


def connection_of_native_block(engine: Any, *, exclusive: bool) -> AbstractAsyncContextManager[Any] | None:
    """The connection of an engine that a block around the running code keeps; None if none does."""
    for block in access().native_blocks:
        if (checkout := block.join(engine, exclusive=exclusive)) is not None:
            return checkout
    return None
