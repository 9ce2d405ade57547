"""Statements: the model, the clauses and the terminal method of a query. Data only; the compiler turns it into SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from adj.statement.clauses import Clause
from adj.statement.shapes import Answer

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

Names: TypeAlias = tuple[object, ...]
Operands: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class TerminalCall:
    """The terminal method of a query, with its arguments: `aearliest("published")`, `aaggregate(n=Count("pk"))`.

    `returning` are the columns of changed rows to return; an empty tuple stands for instances.
    """

    answer: Answer = Answer.ROWS
    args: tuple[object, ...] = ()
    kwargs: Operands = field(default_factory=dict)
    returning: Names | None = None


ROWS = TerminalCall()


@dataclass(frozen=True, slots=True, eq=False)
class ProjectCode:
    """The project's code that a statement's next method calls.

    `reason` says why the statement takes the Django path: every query method is then called on the statement's base at
    once, and `applied` are the clauses that the base already has. Without a reason, only methods that `manager` defines
    are called, and only as the first method. `is_start` marks a manager's rows, which `all()` does not copy.
    """

    reason: str | None = None
    manager: Any = None
    is_start: bool = False
    applied: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A query without its terminal method.

    `base` is the QuerySet that the query starts from; without one it starts from the model's default manager. `alias`
    is that of `using()`; without one the router chooses when the query runs. `seconds` is the limit of `timeout()`.
    `project` is set if a project's manager or QuerySet class overrides methods.
    """

    # Not generic: AsyncQuery[M, R] knows the types.
    model: type[Model]
    base: QuerySet[Any, Any] | None = None
    clauses: tuple[Clause, ...] = ()
    alias: str | None = None
    seconds: float | None = None
    project: ProjectCode | None = None

    def with_clause(self, clause: Clause) -> Statement:
        """The statement with one more clause."""
        # Not by replace(), which takes three times as long, and every query method calls this.
        statement = Statement(self.model, self.base, (*self.clauses, clause), self.alias, self.seconds)
        if self.project is not None and self.project.reason is not None:
            return replace(statement, project=self.project)
        return statement

    def on(self, alias: str | None) -> Statement:
        """The statement for another database."""
        return replace(self, alias=alias)

    def within(self, seconds: float | None) -> Statement:
        """The statement with a time limit."""
        return replace(self, seconds=seconds)
