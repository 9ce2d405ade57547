"""adj: a typed async query builder for Django models.

`await q(Book).filter(author__name="Le Guin").run()`
"""

from __future__ import annotations

import adj.checks  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers the system checks
from adj.atomic_block import atomic, gather, in_transaction, on_commit, run_sync, set_rollback
from adj.compiler.cache import CacheStats
from adj.compiler.prepare import plan_cache
from adj.compiler.project_code import pure
from adj.databases import close, pools
from adj.engines.choice import EngineChoice, engine_of
from adj.engines.pool import PoolStats
from adj.errors import (
    AdjError,
    CannotLoad,
    CompileError,
    CrossTaskTransaction,
    EngineNotOpen,
    InvalidCursor,
    InvalidOperand,
    NestingError,
    NotLoaded,
    PlanMismatch,
    PoolTimeout,
    QueryError,
    QueryTimeout,
    ResourceError,
    SessionChanged,
    ShapeError,
    TooManyWaiting,
    TransactionAborted,
    TransactionError,
    UnknownDatabase,
    UnknownField,
    UnknownLookup,
    UnsupportedFeature,
    UnsupportedRelation,
    UnusableModel,
)
from adj.events import QueryEvent, observe
from adj.facade import q
from adj.instances import delete, refresh, save, validate
from adj.load import load
from adj.loaded import Loaded
from adj.native_block import native
from adj.pages import Page
from adj.query import AsyncQuery
from adj.raw import AsyncRawQuery
from adj.related import RelatedQuery, related
from adj.results import SQL, RowAt
from adj.shortcuts import get_list_or_404, get_object_or_404
from adj.stream import RowStream
from adj.writes import ReturningQuery

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
    "EngineChoice",
    "EngineNotOpen",
    "InvalidCursor",
    "InvalidOperand",
    "Loaded",
    "NestingError",
    "NotLoaded",
    "Page",
    "PlanMismatch",
    "PoolStats",
    "PoolTimeout",
    "QueryError",
    "QueryEvent",
    "QueryTimeout",
    "RelatedQuery",
    "ResourceError",
    "ReturningQuery",
    "RowAt",
    "RowStream",
    "SessionChanged",
    "ShapeError",
    "TooManyWaiting",
    "TransactionAborted",
    "TransactionError",
    "UnknownDatabase",
    "UnknownField",
    "UnknownLookup",
    "UnsupportedFeature",
    "UnsupportedRelation",
    "UnusableModel",
    "atomic",
    "close",
    "delete",
    "engine_of",
    "gather",
    "get_list_or_404",
    "get_object_or_404",
    "in_transaction",
    "load",
    "native",
    "observe",
    "on_commit",
    "plan_cache",
    "pools",
    "pure",
    "q",
    "refresh",
    "related",
    "run_sync",
    "save",
    "set_rollback",
    "validate",
]
