"""The type variables of a query: its model, its row, and any one value."""

from __future__ import annotations

from django.db.models import Model
from typing_extensions import TypeVar

M = TypeVar("M", bound=Model)
"""The model a query is about."""

Owner = TypeVar("Owner", bound=Model, default=Model)
"""The model of a manager; `Model` itself until the class that has the manager says more."""

R = TypeVar("R", default=M, covariant=True)  # noqa: PLC0105  # R as in the documentation
"""What one row is; the model itself unless `values()` and its kin say otherwise. A query only gives rows: it never
takes one, so that a query of rows with annotations is one of the model too."""

R_co = TypeVar("R_co", covariant=True)
"""The same, of what only gives rows."""

Q = TypeVar("Q")
"""A query, by its class."""

Q_co = TypeVar("Q_co", covariant=True)
"""The same, of what gives one."""

T = TypeVar("T")
"""Any value."""
