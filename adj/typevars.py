"""The type variables of a query: its model, its row, and any one value."""

from __future__ import annotations

from django.db.models import Model
from typing_extensions import TypeVar

M = TypeVar("M", bound=Model, covariant=True)  # noqa: PLC0105  # M as in the documentation
"""The model a query is about. As with Django's QuerySet, a query of books is a query of some model."""

Instance = TypeVar("Instance", bound=Model)
"""The model of an instance that a function takes."""

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
