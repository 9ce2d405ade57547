"""The statistics of a pool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The statistics of one pool, which belongs to one alias on one event loop.

    `size` counts the connections that exist or are being opened, at most `max_size`; `in_use`, `idle` and `opening` add
    up to it. `waiting` counts the queries that are waiting for a connection now. Since the pool was created, `opened`
    and `failed` count attempts to open a connection, and `wait_seconds` sums how long queries have waited.
    """

    size: int
    max_size: int
    in_use: int
    idle: int
    opening: int
    waiting: int
    opened: int
    failed: int
    wait_seconds: float
