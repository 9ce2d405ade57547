"""What a step of a chain starts from, and the query that it gives."""

from __future__ import annotations

from typing import Protocol

from adj.statement.clauses import Clause
from adj.statement.statement import Statement
from adj.statement.structure import Structure, Unkeyed
from adj.typevars import Q_co


class Source(Protocol[Q_co]):
    """A query, or a manager. A query gives one of its own class, a manager one of its rows."""

    @property
    def statement(self) -> Statement:
        """What is asked so far."""
        ...

    @property
    def structure(self) -> Structure | Unkeyed:
        """Its structure."""
        ...

    def _with(self, clause: Clause) -> Q_co: ...

    def _asking(self, statement: Statement, structure: Structure | Unkeyed) -> Q_co: ...
