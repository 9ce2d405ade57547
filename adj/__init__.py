"""adj: a typed async query builder for Django models.

`await q(Book).filter(author__name="Le Guin").run()`
"""

from __future__ import annotations

from adj.atomic_block import atomic, gather, in_transaction, on_commit, run_sync, set_rollback
from adj.compiler.cache import CacheStats
from adj.compiler.prepare import plan_cache
from adj.databases import close
from adj.errors import (
    AdjError,
    CannotLoad,
    CompileError,
    CrossTaskTransaction,
    EngineNotOpen,
    InvalidOperand,
    NestingError,
    NotLoaded,
    PoolTimeout,
    QueryError,
    QueryTimeout,
    ResourceError,
    ShapeError,
    TransactionAborted,
    TransactionError,
    UnknownField,
    UnknownLookup,
    UnsupportedFeature,
    UnsupportedRelation,
)
from adj.events import QueryEvent, observe
from adj.facade import q
from adj.load import load
from adj.native_block import native
from adj.query import AsyncQuery
from adj.raw import AsyncRawQuery
from adj.related import RelatedQuery, related
from adj.results import SQL, RowAt
from adj.stream import RowStream

__version__ = "0.1.0"

__all__ = [
    "SQL",
    "AdjError",
    "AsyncQuery",
    "AsyncRawQuery",
    "CacheStats",
    "CannotLoad",
    "CompileError",
    "CrossTaskTransaction",
    "EngineNotOpen",
    "InvalidOperand",
    "NestingError",
    "NotLoaded",
    "PoolTimeout",
    "QueryError",
    "QueryEvent",
    "QueryTimeout",
    "RelatedQuery",
    "ResourceError",
    "RowAt",
    "RowStream",
    "ShapeError",
    "TransactionAborted",
    "TransactionError",
    "UnknownField",
    "UnknownLookup",
    "UnsupportedFeature",
    "UnsupportedRelation",
    "atomic",
    "close",
    "gather",
    "in_transaction",
    "load",
    "native",
    "observe",
    "on_commit",
    "plan_cache",
    "q",
    "related",
    "run_sync",
    "set_rollback",
]
