"""Prepares a statement for execution: binds its values to a cached plan, or compiles a new plan."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable

from django.core.signals import setting_changed
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from adj.compiler.django.build import build_on, build_with_slots
from adj.compiler.django.deleting import is_one_statement
from adj.compiler.django.dialect import Captured, Dialect, forget_dialects, refresh_time_zones
from adj.compiler.django.django_path import terminal_reason, terminal_source
from adj.compiler.django.returning import check_backend
from adj.compiler.django.terminal_methods import WRITTEN_BY_DJANGO
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.keys.overrides import MethodNames, method_names
from adj.compiler.plans.cache import PlanCache
from adj.compiler.plans.djangos_sql import (
    CompiledStatement,
    capture,
    compiled_by_django,
    django_path,
    reason_of_rows,
    returned_columns_of,
)
from adj.compiler.plans.plan import Plan
from adj.compiler.plans.plan_key import key_of, structure_with_terminal_call
from adj.compiler.plans.plan_size import MOST_PARAMETERS, is_too_large, plan_size
from adj.compiler.plans.planning import plan_from
from adj.compiler.plans.prepared import DjangoPath, Execution, KnownResult, Prepared, Ready
from adj.compiler.plans.proof import difference
from adj.compiler.plans.row_converters import check_converters
from adj.compiler.plans.trust import logger, report, verification
from adj.compiler.slots.slots import Recording, UnfitValue
from adj.compiler.slots.slotted_query import recorded
from adj.settings import plan_cache_bytes, plan_cache_size
from adj.statement.key_chain import key_size, rounded
from adj.statement.shapes import Answer
from adj.statement.structure import TOO_DEEP, Structure, Uncacheable, Unkeyed
from adj.statement.text import query_text

plan_cache: PlanCache[Plan] = PlanCache(plan_cache_size, plan_cache_bytes)
"""The plans of this process. `plan_cache.stats()` returns counts; `plan_cache.clear()` drops all plans."""


_READ_BY_PLANS = frozenset(
    {"USE_TZ", "TIME_ZONE", "DATABASES", "ADJ_PLAN_CACHE_SIZE", "ADJ_PLAN_CACHE_BYTES", "ADJ_PROBATION_RUNS"}
)


@receiver(setting_changed)
def _drop_plans(setting: str, **kwargs: object) -> None:
    """Drop plans that depend on a setting which a test changes."""
    if setting in {"ADJ_VERIFY", "ADJ_PROBATION_RUNS"}:
        verification.share = None
    if setting in _READ_BY_PLANS:
        if setting == "DATABASES":
            forget_dialects()
        refresh_time_zones()
        plan_cache.clear()


@receiver(post_migrate)
def _drop_plans_of_other_tables(**kwargs: object) -> None:
    """Drop plans after a flush, when Django creates content types with new keys."""
    plan_cache.clear()


def prepare(execution: Execution, dialect: Dialect) -> Prepared:
    """Prepare a statement, without I/O.

    Raises Django's errors for a statement that cannot be compiled.
    """
    try:
        return _prepared(execution, dialect)
    except Uncacheable:
        return _for_this_run(execution, dialect)
    except RecursionError:
        # adj uses more frames per level than Django.
        return django_path(execution, build_on(execution.statement, dialect.alias), TOO_DEEP)


def _prepared(execution: Execution, dialect: Dialect) -> Prepared:
    if (on_django_path := _on_django_path(execution, dialect)) is not None:
        return on_django_path
    structure = structure_with_terminal_call(execution.statement.model, execution.structure, execution.terminal)
    if isinstance(structure, Unkeyed) or len(structure.values) > MOST_PARAMETERS:
        return _for_this_run(execution, dialect)
    key = key_of(execution.statement.model, execution.terminal.answer, structure, dialect)
    plan = plan_cache.get(key)
    if plan is None:
        if plan_cache.is_rejected(key):
            return _for_this_run(execution, dialect)
        return _first_run(execution, structure, dialect, plan_cache.count_miss)
    try:
        sql, parameters = plan.bind(structure.values, structure.bounds)
    except UnfitValue:
        return _first_run(execution, structure, dialect, plan_cache.count_refusal)
    # Django decides whether the value is invalid.
    except Exception:  # noqa: BLE001
        return _for_this_run(execution, dialect)
    plan_cache.count_hit()
    ready = Ready(plan, sql, parameters, was_cached=True)
    if verification.share == 0 and not plan.trust.left:
        return ready
    is_verified = verification.is_due()
    if is_verified or plan.trust.is_due(parameters):
        return _compared(execution, ready, dialect, key, is_verified=is_verified)
    return ready


def _for_this_run(execution: Execution, dialect: Dialect) -> Prepared:
    """A statement without a plan, compiled for this run."""
    plan_cache.count_uncacheable()
    return compiled_by_django(execution, dialect).prepared()


def _compared(execution: Execution, ready: Ready, dialect: Dialect, key: Hashable, *, is_verified: bool) -> Prepared:
    """A run of a cached plan, compared with Django's SQL, which is used if they differ."""
    djangos = compiled_by_django(execution, dialect)
    if isinstance(djangos, DjangoPath):
        # Django has to query the database first, so the SQL cannot be compared.
        return djangos
    if isinstance(djangos, KnownResult):
        mismatch: str | None = "Django needs no query for these values"
    else:
        mismatch = difference(ready.sql, ready.parameters, djangos.sql, djangos.parameters)
    if mismatch is None:
        ready.plan.trust.gain(ready.parameters)
        return ready
    plan_cache.distrust(key)
    report(query_text(execution.statement, execution.terminal, with_values=False), mismatch, is_verified=is_verified)
    return djangos.prepared()


def _first_run(execution: Execution, structure: Structure, dialect: Dialect, count: Callable[[], None]) -> Prepared:
    """Let Django compile a statement, and cache a plan if it returns the same SQL for the same values."""
    djangos = compiled_by_django(execution, dialect)
    if not isinstance(djangos, CompiledStatement):
        plan_cache.count_uncacheable()
        return djangos
    try:
        plan = _plan_of(execution, structure, dialect)
        _prove(plan, structure, djangos)
    except Uncacheable as uncacheable:
        logger.debug("No plan for %s: %s.", execution.statement.model.__name__, uncacheable)
        plan_cache.count_uncacheable()
        return djangos.prepared()
    # Compiling may have filled Django's cache of content types.
    key = key_of(execution.statement.model, execution.terminal.answer, structure, dialect)
    if is_too_large(plan):
        plan_cache.reject(key, rounded(key_size(key)))
        plan_cache.count_uncacheable()
        return djangos.prepared()
    plan_cache.store(key, plan, plan_size(key, plan))
    count()
    return Ready(plan, djangos.sql, djangos.parameters, was_cached=False)


def _prove(plan: Plan, structure: Structure, djangos: CompiledStatement) -> None:
    """Raise `Uncacheable` unless a plan returns for its first values what Django compiled from the user's objects."""
    try:
        sql, parameters = plan.bind(structure.values, structure.bounds)
    except UnfitValue:
        raise Uncacheable("its SQL depends on its values") from None
    # A node may not compile again without the values that the plan dropped.
    except Exception as error:
        raise Uncacheable(f"{type(error).__name__} where a plan binds its first values") from error
    if (mismatch := difference(sql, parameters, djangos.sql, djangos.parameters)) is not None:
        raise Uncacheable(f"a plan would not give what Django gives: {mismatch}")
    plan.trust.begin(parameters)


def _plan_of(execution: Execution, structure: Structure, dialect: Dialect) -> Plan:
    """Compile a statement with slots for its values. Raises `Uncacheable` if that is not possible.

    Django has already compiled the statement without slots, so errors here are caused by slots.
    """
    if (reason := dialect.plan_objection()) is not None:
        raise Uncacheable(reason)
    if not _is_as_written(execution):
        raise Uncacheable("an operand has changed since the query was written")
    recording = Recording(structure.values)
    try:
        with dialect.installed(), recorded(recording):
            queryset, terminal = build_with_slots(execution.statement, execution.terminal, structure, recording)
            captured = capture(queryset, terminal, dialect.alias)
            returned = returned_columns_of(execution, dialect)
            if not isinstance(captured, Captured):
                raise Uncacheable("Django needs no query with a slot in place of a value")
            if (reason := reason_of_rows(captured)) is not None:
                raise Uncacheable(reason)
            check_converters(captured.compiler)
            recording.check(structure.constants)
            plan = plan_from(queryset, captured, terminal, recording, dialect, returned)
    except (Uncacheable, UnfitValue):
        raise
    # Code that receives a slot instead of a value may raise any exception.
    except Exception as error:
        raise Uncacheable(f"{type(error).__name__} with a slot in place of a value") from error
    finally:
        recording.seal()
    return plan


def _is_as_written(execution: Execution) -> bool:
    """Whether the operands still have the key from their line: a user may change a Q inside an expression."""
    written, now = execution.structure, structure_of_statement(execution.statement)
    if isinstance(written, Unkeyed) or isinstance(now, Unkeyed):
        return False
    return written.key == now.key and all(map(operator.is_, written.values, now.values))


def _on_django_path(execution: Execution, dialect: Dialect) -> DjangoPath | None:
    """The Django path for overridden terminal methods, several statements, cascades or signals; None otherwise."""
    statement, terminal = execution.statement, execution.terminal
    if terminal.returning is not None:
        check_backend(statement, terminal, dialect.wrapper)
    if statement.project is not None or statement.base is not None:
        names = method_names(terminal.answer)
        if (reason := terminal_reason(statement, names)) is not None:
            return django_path(execution, terminal_source(statement, dialect.alias, names), reason)
    read, update, delete, aggregate = dialect.compilers
    now = (read.execute_sql, update.execute_sql, delete.execute_sql, aggregate.execute_sql)
    # Inlined to save a call.
    if now != dialect.plain_execution and (reason := dialect.execution_reason()) is not None:
        return django_path(execution, build_on(statement, dialect.alias), reason)
    if terminal.answer in WRITTEN_BY_DJANGO:
        return DjangoPath(build_on(statement, dialect.alias), "instances are saved")
    if terminal.answer is Answer.DELETE and not is_one_statement(statement.model, dialect.alias):
        return DjangoPath(build_on(statement, dialect.alias), "deleting the rows involves cascades or signals")
    return None


def prepare_iteration(execution: Execution, dialect: Dialect, names: MethodNames) -> Prepared:
    """Prepare a statement whose rows are iterated over by one of the named methods, which may be overridden."""
    if (reason := terminal_reason(execution.statement, names)) is not None:
        return DjangoPath(terminal_source(execution.statement, dialect.alias, names), reason)
    return prepare(execution, dialect)
