"""The type of an object whose query methods return a query: what a project's `queryset_method` is called on."""

from __future__ import annotations

from typing import Protocol

from adj.statement.clauses import Clause
from adj.statement.statement import Statement
from adj.statement.structure import Structure, Unkeyed
from adj.typevars import Q_co


class Source(Protocol[Q_co]):
    """A query or a manager. Query methods of a query return its own class, those of a manager a query of its rows."""

    @property
    def statement(self) -> Statement:
        """The statement so far."""
        ...

    @property
    def structure(self) -> Structure | Unkeyed:
        """Its structure."""
        ...

    def _with(self, clause: Clause) -> Q_co: ...

    def _with_statement(self, statement: Statement, structure: Structure | Unkeyed) -> Q_co: ...
