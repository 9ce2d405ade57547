"""What is asked: a frozen list of clauses and how the query ends. Data only; the compiler makes SQL of it."""

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
class Finish:
    """How the query ends, with the operands of its ending: `aearliest("published")`, `aaggregate(n=Count("pk"))`.

    `returning` are the columns of changed rows that are asked for, none of them for whole instances.
    """

    answer: Answer = Answer.ROWS
    args: tuple[object, ...] = ()
    kwargs: Operands = field(default_factory=dict)
    returning: Names | None = None


ROWS = Finish()


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """The project's code that a statement's next method calls.

    `reason` says why the statement takes the Django path: every query method is then called on the statement's base at
    once, and `told` are the clauses that the base has already. Without a reason only the methods that `manager` itself
    defines are called, and only as the first ones. `is_start` marks a manager's rows, of which `all()` is no copy.
    """

    reason: str | None = None
    manager: Any = None
    is_start: bool = False
    told: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A question to a database.

    `base` is the QuerySet the question starts from; without one it starts from the model's default manager.
    `alias` is what `using()` named; without it the router decides at run time. `seconds` is what `timeout()` allows.
    `owner` is there where a class of the project may have its own way.
    """

    # A model is any class of Django's; the typed face of this is AsyncQuery[M, R].
    model: type[Model]
    base: QuerySet[Any, Any] | None = None
    clauses: tuple[Clause, ...] = ()
    alias: str | None = None
    seconds: float | None = None
    owner: Owner | None = None

    def with_clause(self, clause: Clause) -> Statement:
        """The same question with one more clause."""
        # Not by replace(), which takes three times as long on the way of every query.
        statement = Statement(self.model, self.base, (*self.clauses, clause), self.alias, self.seconds)
        if self.owner is not None and self.owner.reason is not None:
            return replace(statement, owner=self.owner)
        return statement

    def on(self, alias: str | None) -> Statement:
        """The same question to another database."""
        return replace(self, alias=alias)

    def within(self, seconds: float | None) -> Statement:
        """The same question, to be answered in time."""
        return replace(self, seconds=seconds)
