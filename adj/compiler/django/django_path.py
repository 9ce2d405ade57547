"""The Django path: statements that a project's QuerySet, manager or Query builds and runs.

If the class overrides how queries are built, each query method is called immediately, on the user's line and with the
user's values, and the result is the next base; its errors propagate. The first method is called on the manager if the
manager overrides it, as in `Model.objects.filter(...)`.

Private Django API used here: `QuerySet._db`, `QuerySet._result_cache`, `Query.filter_is_sticky`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import QuerySet

from adj.compiler.django.build import build, build_on, kept
from adj.compiler.django.substitute import Verbatim
from adj.compiler.keys.overrides import (
    MethodNames,
    begins_with_every_row,
    django_reason,
    has_own_async,
    is_patched,
    overridden,
    overridden_terminals,
    own_methods,
)
from adj.statement import clauses as ask
from adj.statement.clauses import DjangoQuerySet
from adj.statement.statement import ProjectCode, Statement
from adj.statement.structure import StatementHolder

# -- where statements start --------------------------------------------------------------------------------------------


def statement_of(queryset: DjangoQuerySet, seconds: float | None = None) -> Statement:
    """The statement of a QuerySet, based on a copy without cached rows."""
    reason = django_reason(queryset)
    project = None if reason is None else ProjectCode(reason)
    return Statement(queryset.model, kept(queryset), seconds=seconds, project=project)


def statement_of_manager(manager: Any) -> Statement:
    """The statement of a manager: its rows, and the manager itself if it overrides query methods."""
    own = own_methods(manager)
    if own and "all" not in own and begins_with_every_row(manager) and not overridden(manager._queryset_class):
        return Statement(manager.model, project=ProjectCode(manager=manager, is_start=True))
    queryset = manager.all() if "all" in own else manager.get_queryset()
    if not isinstance(queryset, QuerySet):
        raise _not_a_queryset(queryset, f"{type(manager).__name__}'s rows")
    base, reason = _own_copy(queryset), django_reason(queryset)
    if reason is None and own <= _ALL and not base.query.filter_is_sticky:
        return Statement(base.model, base)
    project = ProjectCode(reason, None if own <= _ALL else manager, is_start=True)
    return Statement(base.model, base, project=project)


_ALL = frozenset({"all"})


def _own_copy(queryset: DjangoQuerySet) -> DjangoQuerySet:
    """A QuerySet returned by a manager or a method; a copy if it has rows or patched methods."""
    if queryset._result_cache is not None or is_patched(queryset):
        return kept(queryset)
    # Reading `query` applies a deferred filter, which would otherwise change the QuerySet during its first use.
    _ = queryset.query
    return queryset


def _not_a_queryset(value: object, name: str) -> TypeError:
    return TypeError(f"{name} must be a QuerySet, not {type(value).__name__}.")


# -- query methods -----------------------------------------------------------------------------------------------------


class _AsWritten(Verbatim):
    """The user's values, in the user's order."""

    def of_clause(self) -> Verbatim:
        """The operands of another clause."""
        return self

    def keywords(self, pairs: Mapping[str, object]) -> dict[str, object]:
        """`path=operand` pairs."""
        return {path: self.node(operand) for path, operand in pairs.items()}


_AS_WRITTEN = _AsWritten()


def stepped(statement: Statement, clause: ask.Clause) -> Statement | None:
    """The statement after a query method of the project's code; None if adj records the clause itself."""
    source = _source_of_step(statement, clause)
    if source is None:
        return None
    result = clause.applied(source, _AS_WRITTEN)
    applied = () if statement.project is None else statement.project.applied
    name = clause.method or type(clause).__name__.lower()
    return _followed(source, name, result, statement, (*applied, *statement.clauses, clause), statement.alias)


def _followed(
    source: object, name: str, result: object, before: Statement, applied: tuple[ask.Clause, ...], alias: str | None
) -> Statement:
    """The statement of the QuerySet that a method returned."""
    if not isinstance(result, QuerySet):
        raise _not_a_queryset(result, f"The result of {type(source).__name__}.{name}()")
    base, reason = _own_copy(result), django_reason(result)
    project = None if reason is None else ProjectCode(reason, applied=applied)
    return Statement(base.model, base, (), alias, before.seconds, project)


def _source_of_step(statement: Statement, clause: ask.Clause) -> Any:
    """The object that the method of a clause is called on; None if adj records the clause itself."""
    project = statement.project
    if project is None:
        # Django may return the other query, or include it in this one.
        return build(statement) if isinstance(clause, ask.Combine) and _combines_own(clause) else None
    if project.manager is not None and clause.method in own_methods(project.manager):
        return project.manager
    return None if project.reason is None else statement.base


def _combines_own(clause: ask.Combine) -> bool:
    return any(map(_is_owned, clause.others))


def _is_owned(other: object) -> bool:
    if isinstance(other, StatementHolder):
        project = other.statement.project
        return project is not None and project.reason is not None
    return isinstance(other, QuerySet) and django_reason(other) is not None


def on_alias(statement: Statement, alias: str | None) -> Statement:
    """The statement for another database, as `using()` returns it."""
    project = statement.project
    if project is not None and project.manager is not None and "using" in own_methods(project.manager):
        source: Any = project.manager
    elif project is not None and project.reason is not None:
        source = statement.base
    else:
        return replace(statement, base=_consumed(statement), alias=alias, project=None)
    result = source.using(alias)
    return _followed(source, "using", result, statement, project.applied, getattr(result, "_db", None))


def copied(statement: Statement) -> Statement:
    """The statement after `all()`: without its manager; with a copy of a project's QuerySet."""
    project, base = statement.project, statement.base
    if project is not None and project.is_start:
        kept_code = None if project.reason is None else ProjectCode(project.reason, applied=project.applied)
        return replace(statement, project=kept_code)
    if project is not None and project.reason is not None and base is not None:
        return _followed(base, "all", base.all(), statement, project.applied, statement.alias)
    return replace(statement, base=_consumed(statement)) if _is_sticky(statement) else statement


def _consumed(statement: Statement) -> DjangoQuerySet | None:
    """The base after a query method that adds nothing to it."""
    base = statement.base
    return base.all() if base is not None and _is_sticky(statement) else base


def _is_sticky(statement: Statement) -> bool:
    """Whether the next filter reuses the joins of the last one, as on a related manager."""
    base = statement.base
    return base is not None and not statement.clauses and bool(base.query.filter_is_sticky)


# -- terminal methods --------------------------------------------------------------------------------------------------


def terminal_reason(statement: Statement, names: MethodNames) -> str | None:
    """Why the project's code has to run a terminal method; None if adj may run it."""
    project, base = statement.project, statement.base
    if project is not None:
        if project.reason is not None:
            return project.reason
        if project.manager is not None and (own := own_methods(project.manager) & names):
            return f"{type(project.manager).__name__} overrides {', '.join(sorted(own))}"
    if base is not None and (own := overridden_terminals(type(base)) & names):
        return f"{type(base).__name__} overrides {', '.join(sorted(own))}"
    return None


def terminal_source(statement: Statement, alias: str, names: MethodNames) -> object:
    """The object that a terminal method is called on, for a given database: a manager or a QuerySet."""
    project = statement.project
    if project is not None and project.manager is not None and own_methods(project.manager) & names:
        return project.manager.db_manager(alias)
    return build_on(statement, alias)


def call_terminal(source: Any, name: str, /, *args: object, **kwargs: object) -> Any:
    """Call a terminal method of a manager or a QuerySet, as Django's asynchronous method does.

    If the class overrides the asynchronous method, that one is called. Blocks on the database.
    """
    if has_own_async(source, name):
        return async_to_sync(getattr(source, f"a{name}"))(*args, **kwargs)
    return getattr(source, name)(*args, **kwargs)
