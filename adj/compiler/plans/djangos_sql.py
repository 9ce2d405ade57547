"""What Django compiles of a statement for one run, as its user wrote it.

Private Django API used here: `SQLCompiler.qualify`, `SQLCompiler.select`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError, SynchronousOnlyOperation

from adj.compiler.django.build import build_on
from adj.compiler.django.dialect import Captured, Dialect, QueriesDatabase, capturing
from adj.compiler.django.returning import refuse_django_path, returned_columns
from adj.compiler.django.terminal_methods import call_by_one_statement
from adj.compiler.keys.overrides import django_reason
from adj.compiler.plans.planning import plan_from
from adj.compiler.plans.prepared import DjangoPath, Execution, KnownResult, Ready
from adj.compiler.slots.slots import Recording
from adj.hydrate.layout import Layout, cuts_composite_keys
from adj.statement.clauses import DjangoQuerySet
from adj.statement.statement import TerminalCall


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A statement that Django has compiled for this run."""

    execution: Execution
    dialect: Dialect
    queryset: DjangoQuerySet
    captured: Captured
    returned: tuple[str, Layout] | None

    @property
    def sql(self) -> str:
        """The SQL to send."""
        return self.captured.sql + (self.returned[0] if self.returned is not None else "")

    @property
    def parameters(self) -> tuple[object, ...]:
        """Its parameters."""
        return tuple(self.captured.parameters)

    def prepared(self) -> Ready | DjangoPath:
        """The statement with a plan for this run only."""
        terminal, recording = self.execution.terminal, Recording(())
        try:
            plan = plan_from(self.queryset, self.captured, terminal, recording, self.dialect, self.returned)
        # A column without a type: Django only fails after the database, which may raise another error.
        except (AttributeError, FieldError):
            if self.returned is not None:
                raise
            queryset = build_on(self.execution.statement, self.dialect.alias)
            return django_path(self.execution, queryset, "its columns have no type")
        return Ready(plan, plan.sql, self.parameters, was_cached=False)


def compiled_by_django(execution: Execution, dialect: Dialect) -> CompiledStatement | KnownResult | DjangoPath:
    """Let Django compile a statement with the user's own operands and base, without slots."""
    try:
        with dialect.installed():
            queryset = build_on(execution.statement, dialect.alias)
            if (reason := django_reason(queryset)) is not None:
                return django_path(execution, queryset, reason)
            captured = capture(queryset, execution.terminal, dialect.alias)
            returned = returned_columns_of(execution, dialect)
    except (QueriesDatabase, SynchronousOnlyOperation, RecursionError) as error:
        # Django's code may query the database, and has a larger stack on the connection's thread. If building raises
        # the error again, it propagates.
        return django_path(execution, build_on(execution.statement, dialect.alias), str(error))
    if not isinstance(captured, Captured):
        return KnownResult(_known_result(captured, execution.terminal))
    if (reason := reason_of_rows(captured)) is not None:
        return django_path(execution, build_on(execution.statement, dialect.alias), reason)
    return CompiledStatement(execution, dialect, queryset, captured, returned)


def django_path(execution: Execution, source: object, reason: str) -> DjangoPath:
    """A statement that takes the Django path. Raises `UnsupportedFeature` if it has `returning()`."""
    if execution.terminal.returning is not None:
        refuse_django_path(execution.statement, execution.terminal, reason)
    return DjangoPath(source, reason)


def _known_result(result: object, terminal: TerminalCall) -> object:
    """The result of a statement that needs no query; no rows have been changed."""
    return result if terminal.returning is None else []


def returned_columns_of(execution: Execution, dialect: Dialect) -> tuple[str, Layout] | None:
    """The `RETURNING` clause of a statement, and the layout of its rows; None without `returning()`."""
    names = execution.terminal.returning
    return None if names is None else returned_columns(execution.statement.model, names, dialect.alias)


def reason_of_rows(captured: object) -> str | None:
    """Why the columns of rows do not match their names, so that Django has to read them; None if they do.

    Around a filtered window function, Django selects equal columns only once.
    """
    if not isinstance(captured, Captured):
        return None
    compiler = captured.compiler
    selected = [expression for expression, _, _ in compiler.select or ()]
    if getattr(compiler, "qualify", None) and len(set(selected)) < len(selected):
        return "Django selects a column once that two names stand for"
    return "Django cuts off columns of a composite key" if cuts_composite_keys(compiler) else None


def capture(queryset: DjangoQuerySet, terminal: TerminalCall, alias: str) -> Any:
    """What Django would execute for a terminal method, as `Captured`; its result if it needs no query."""
    try:
        with capturing():
            return call_by_one_statement(queryset.using(alias), terminal)
    except Captured as captured:
        return captured.with_traceback(None)
