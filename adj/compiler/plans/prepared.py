"""What the compiler is asked for, and what it returns: SQL that is ready to be sent, a result, or the Django path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from adj.compiler.plans.plan import Plan
from adj.statement.statement import Finish, Statement
from adj.statement.structure import Structure, Unkeyed


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement that only has to be sent: the plan's SQL with the parameters of this run."""

    plan: Plan
    sql: str
    parameters: tuple[object, ...]
    was_cached: bool


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A statement whose result is known without a query, such as the count of an empty set."""

    result: object

    def prepared(self) -> KnownResult:
        """As `CompiledStatement` has it."""
        return self


@dataclass(frozen=True, slots=True)
class DjangoPath:
    """A statement that takes the Django path, and why.

    `source` is what its terminal method is called on: a QuerySet, or a manager that defines the method itself.
    """

    source: Any
    reason: str

    def prepared(self) -> DjangoPath:
        """As `CompiledStatement` has it."""
        return self


Prepared: TypeAlias = Ready | KnownResult | DjangoPath


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its ending and its structure, as the compiler takes it."""

    statement: Statement
    structure: Structure | Unkeyed
    finish: Finish
