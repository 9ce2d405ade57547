"""The native engine for PostgreSQL: psycopg's asynchronous connections from a pool, without a thread."""

from __future__ import annotations

from adj.engines.postgres.engine import PsycopgEngine
from adj.engines.postgres.pinned import PinnedEngine

__all__ = ["PinnedEngine", "PsycopgEngine"]
