"""adj: a typed async query builder for Django models.

`await q(Book).filter(author__name="Le Guin").run()`
"""

from __future__ import annotations

from adj.compiler.cache import CacheStats
from adj.compiler.prepare import plan_cache
from adj.databases import close
from adj.errors import (
    AdjError,
    CompileError,
    EngineNotOpen,
    InvalidOperand,
    NotLoaded,
    QueryError,
    ResourceError,
    ShapeError,
    UnknownField,
    UnknownLookup,
    UnsupportedFeature,
)
from adj.facade import q
from adj.query import AsyncQuery
from adj.raw import AsyncRawQuery
from adj.results import SQL, RowAt
from adj.stream import RowStream

__version__ = "0.1.0"

__all__ = [
    "SQL",
    "AdjError",
    "AsyncQuery",
    "AsyncRawQuery",
    "CacheStats",
    "CompileError",
    "EngineNotOpen",
    "InvalidOperand",
    "NotLoaded",
    "QueryError",
    "ResourceError",
    "RowAt",
    "RowStream",
    "ShapeError",
    "UnknownField",
    "UnknownLookup",
    "UnsupportedFeature",
    "close",
    "plan_cache",
    "q",
]
