"""What hangs on a model: managers, a mixin with asynchronous methods, and wrappers of a project's own code."""

from __future__ import annotations

from adj.models.mixin import AsyncManager, AsyncModel
from adj.models.wrappers import asynced, queryset_method, terminal

__all__ = ["AsyncManager", "AsyncModel", "asynced", "queryset_method", "terminal"]
