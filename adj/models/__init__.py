"""What a project adds to its models: managers, a mixin with async methods, and wrappers for its own sync code."""

from __future__ import annotations

from adj.models.mixin import AsyncManager, AsyncModel
from adj.models.wrappers import asynced, queryset_method, terminal

__all__ = ["AsyncManager", "AsyncModel", "asynced", "queryset_method", "terminal"]
