"""The type variables of a query: its model, its row, and any one value."""

from __future__ import annotations

from django.db.models import Model
from typing_extensions import TypeVar

M = TypeVar("M", bound=Model)
"""The model a query is about."""

R = TypeVar("R", default=M)
"""What one row is; the model itself unless `values()` and its kin say otherwise."""

T = TypeVar("T")
"""Any value."""
