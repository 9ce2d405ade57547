"""adj: a typed async query builder for Django models.

`await q(Book).filter(author__name="Le Guin").run()`
"""

from __future__ import annotations

import adj.checks  # noqa: F401  # pyright: ignore[reportUnusedImport]  # registers the system checks
from adj.blocks.atomic import atomic
from adj.blocks.inside import gather, in_transaction, run_sync, set_rollback
from adj.blocks.native import native
from adj.blocks.on_commit import on_commit
from adj.compiler.plans.cache import CacheStats
from adj.compiler.plans.prepare import plan_cache
from adj.compiler.slots.project_code import pure
from adj.engines.choice.choice import EngineChoice, engine_of
from adj.engines.lease.pool_stats import PoolStats
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
    RowTypeMismatch,
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
from adj.execution.databases import close, pools
from adj.loaded import Loaded
from adj.query.async_query import AsyncQuery
from adj.query.entry import q
from adj.query.instances import delete, refresh, save, validate
from adj.query.load import load
from adj.query.pages import Page
from adj.query.raw import AsyncRawQuery
from adj.query.related import RelatedQuery, related
from adj.query.results import SQL, RowAt
from adj.query.returning import ReturningQuery
from adj.query.shortcuts import get_list_or_404, get_object_or_404
from adj.query.stream import RowStream

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
    "RowTypeMismatch",
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
