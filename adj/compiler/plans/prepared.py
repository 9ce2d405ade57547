"""The input of the compiler, and its results: SQL that is ready to send, a known result, or the Django path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from adj.compiler.plans.plan import Plan
from adj.statement.statement import Statement, TerminalCall
from adj.statement.structure import Structure, Unkeyed


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement that is ready to send: the plan's SQL with the parameters of this run."""

    plan: Plan
    sql: str
    parameters: tuple[object, ...]
    was_cached: bool


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A statement whose result is known without a query, such as the count of an empty set."""

    result: object

    def prepared(self) -> KnownResult:
        """Return itself, for the interface of `CompiledStatement`."""
        return self


@dataclass(frozen=True, slots=True)
class DjangoPath:
    """A statement that takes the Django path, and why.

    The terminal method is called on `source`: a QuerySet, or a manager that overrides the method.
    """

    source: Any
    reason: str

    def prepared(self) -> DjangoPath:
        """Return itself, for the interface of `CompiledStatement`."""
        return self


Prepared: TypeAlias = Ready | KnownResult | DjangoPath


@dataclass(frozen=True, slots=True)
class Execution:
    """A statement with its structure and its terminal method: the input of the compiler."""

    statement: Statement
    structure: Structure | Unkeyed
    terminal: TerminalCall
