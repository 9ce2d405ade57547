"""The connections that `native()` blocks keep.

A block keeps a connection between two calls only while something is open on it. If a query in the block checked out a
second connection, it could wait forever once all connections are kept by such blocks. So it uses the block's.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from adj.abc import Connection, Engine
from adj.engines.lease.access import access


def connection_of_native_block(engine: Engine, *, exclusive: bool) -> AbstractAsyncContextManager[Connection] | None:
    """The connection of an engine that a block around the running code keeps; None if there is none."""
    for block in access().native_blocks:
        if (checkout := block.join(engine, exclusive=exclusive)) is not None:
            return checkout
    return None
