"""From a statement to what runs: a plan from the cache with this run's values, or a plan made now.

Private Django API used here: `SQLCompiler.qualify`, `SQLCompiler.select`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import setting_changed
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from adj.compiler.build import build_on, build_with_slots
from adj.compiler.cache import PlanCache
from adj.compiler.clauses import DjangoQuerySet, structure_of_statement
from adj.compiler.deleting import is_one_statement
from adj.compiler.dialect import (
    AsksDatabase,
    Captured,
    Dialect,
    capturing,
    forget_dialects,
    refresh_time_zones,
)
from adj.compiler.django_path import terminal_reason, terminal_source
from adj.compiler.endings import WRITTEN_BY_DJANGO, finish_by_one_statement
from adj.compiler.forget import forget_arguments
from adj.compiler.keys import key_of, structure_with_ending
from adj.compiler.overrides import Names, django_reason, method_names
from adj.compiler.plan import Guard, KeyParameters, Parameter, Plan, binder_for, check_for
from adj.compiler.returning import check_backend, refuse_foreign, returned_columns
from adj.compiler.row_keys import KeysMarker, holds_keys
from adj.compiler.slots import Marker, Recording, Refused, real_parameters
from adj.compiler.structure import Structure, Uncacheable, Unkeyed
from adj.compiler.typed import is_typed
from adj.hydrate.layout import Layout, aggregate_layout, layout_of
from adj.hydrate.rows import code_check_for, hydrator_for
from adj.settings import plan_cache_size
from adj.shapes import Answer, RowShape
from adj.statement import Finish, Statement

plan_cache: PlanCache[Plan] = PlanCache(plan_cache_size)
"""The plans of this process. `plan_cache.stats()` tells how queries fare; `plan_cache.clear()` starts anew."""


@receiver(setting_changed)
def _drop_plans(setting: str, **kwargs: object) -> None:
    """Tests change settings, and Django's signal tells of it; plans and dialects have read some of them."""
    if setting in {"USE_TZ", "TIME_ZONE", "DATABASES", "ADJ_PLAN_CACHE_SIZE"}:
        if setting == "DATABASES":
            forget_dialects()
        refresh_time_zones()
        plan_cache.clear()


@receiver(post_migrate)
def _drop_plans_of_other_tables(**kwargs: object) -> None:
    """Django gives content types new keys after a flush, as tests do it, and plans have read the old ones."""
    plan_cache.clear()


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement that only has to be sent: the plan's SQL with the parameters of this run."""

    plan: Plan
    sql: str
    parameters: tuple[object, ...]
    was_cached: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A statement whose answer is known without a query, such as the count of an empty set."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Foreign:
    """A statement that takes the Django path, and why.

    `source` is what its terminal method is called on: a QuerySet, or a manager that defines the method itself.
    """

    source: Any
    reason: str


Prepared: TypeAlias = Ready | Answered | Foreign


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its ending and its structure, as the compiler takes it."""

    statement: Statement
    structure: Structure | Unkeyed
    finish: Finish


def prepare(question: Question, dialect: Dialect) -> Prepared:
    """The SQL and parameters of a question. No I/O.

    Raises whatever Django raises for a question that cannot be compiled.
    """
    if (foreign := _on_django_path(question, dialect)) is not None:
        return foreign
    structure = structure_with_ending(question.structure, question.finish)
    if isinstance(structure, Unkeyed):
        plan_cache.count_uncacheable()
        return _compiled_once(question, dialect, structure.reason)
    key = key_of(question.statement.model, question.finish.answer, structure, dialect)
    plan = plan_cache.get(key)
    if plan is None:
        return _compiled(question, structure, dialect, key, plan_cache.count_miss)
    try:
        sql, parameters = plan.bind(structure.values, structure.bounds)
    except Refused:
        return _compiled(question, structure, dialect, key, plan_cache.count_refusal)
    plan_cache.count_hit()
    return Ready(plan, sql, parameters, was_cached=True)


def _compiled(
    question: Question, structure: Structure, dialect: Dialect, key: Hashable, count: Callable[[], None]
) -> Prepared:
    """Compile a statement and keep its plan, if it proves to be one."""
    if not _is_as_written(question):
        plan_cache.count_uncacheable()
        return _compiled_once(question, dialect, "an operand has changed since the query was written")
    recording = Recording(structure.values)
    with dialect.lent():
        try:
            queryset, finish = build_with_slots(question.statement, question.finish, structure, recording)
            if (reason := django_reason(queryset)) is not None:
                raise Uncacheable(reason)
            captured = _capture(queryset, finish, dialect.alias)
            returned = _returned(question, dialect)
            if _merges_columns(captured):
                raise Uncacheable("Django selects a column once that two names stand for")
        except (Uncacheable, SynchronousOnlyOperation) as uncacheable:
            plan_cache.count_uncacheable()
            return _compiled_once(question, dialect, str(uncacheable))
    if not isinstance(captured, Captured):
        plan_cache.count_uncacheable()
        return Answered(_unasked(captured, finish))
    parameters = real_parameters(captured.parameters)
    plan = _plan(queryset, captured, finish, recording, dialect, returned)
    recording.seal()
    ready = _proven(plan, structure, plan.sql, parameters)
    if ready is None or recording.objection is not None:
        plan_cache.count_uncacheable()
        return _compiled_once(question, dialect, recording.objection or "its SQL depends on its values")
    plan_cache.store(key, plan)
    count()
    return ready


def _is_as_written(question: Question) -> bool:
    """Whether the operands still say what the key says: a Q inside an expression is its owner's, who may change it."""
    written, now = question.structure, structure_of_statement(question.statement)
    if isinstance(written, Unkeyed) or isinstance(now, Unkeyed):
        return False
    return written.key == now.key and all(map(operator.is_, written.values, now.values))


def _compiled_once(question: Question, dialect: Dialect, reason: str) -> Prepared:
    """Compile a statement for one run, with its operands as they are."""
    try:
        with dialect.lent():
            queryset = build_on(question.statement, dialect.alias)
            if (foreign := django_reason(queryset)) is not None:
                return _foreign(question, queryset, foreign)
            captured = _capture(queryset, question.finish, dialect.alias)
            returned = _returned(question, dialect)
    except (AsksDatabase, SynchronousOnlyOperation) as asked:
        # On the connection's thread it may ask; building it here may not, and Django says so itself.
        return _foreign(question, build_on(question.statement, dialect.alias), str(asked))
    if not isinstance(captured, Captured):
        return Answered(_unasked(captured, question.finish))
    if _merges_columns(captured):
        return _foreign(question, build_on(question.statement, dialect.alias), reason)
    plan = _plan(queryset, captured, question.finish, Recording(()), dialect, returned)
    return Ready(plan, plan.sql, tuple(captured.parameters), was_cached=False)


def _foreign(question: Question, source: Any, reason: str) -> Foreign:
    """A question for Django's own code. Raises `UnsupportedFeature` if that cannot give its answer."""
    if question.finish.returning is not None:
        refuse_foreign(question.statement, question.finish, reason)
    return Foreign(source, reason)


def _on_django_path(question: Question, dialect: Dialect) -> Foreign | None:
    """A question for Django's own code: its owner ends it, it is several statements, or has hooks of the project."""
    statement, finish = question.statement, question.finish
    if finish.returning is not None:
        check_backend(statement, finish, dialect.wrapper)
    names = method_names(finish.answer)
    if (reason := terminal_reason(statement, names)) is not None:
        return _foreign(question, terminal_source(statement, dialect.alias, names), reason)
    if finish.answer in WRITTEN_BY_DJANGO:
        return Foreign(build_on(statement, dialect.alias), "instances are saved")
    if finish.answer is Answer.DELETE and not is_one_statement(statement.model, dialect.alias):
        return Foreign(build_on(statement, dialect.alias), "other rows or signals hang on the rows")
    return None


def prepare_iteration(question: Question, dialect: Dialect, names: Names) -> Prepared:
    """The same for rows that arrive as they are iterated over, by methods that an owner may replace."""
    if (reason := terminal_reason(question.statement, names)) is not None:
        return Foreign(terminal_source(question.statement, dialect.alias, names), reason)
    return prepare(question, dialect)


def _unasked(answer: Any, finish: Finish) -> Any:
    """What is answered without a query; no rows have been changed."""
    return answer if finish.returning is None else []


def _returned(question: Question, dialect: Dialect) -> tuple[str, Layout] | None:
    """The end of a statement that returns the rows which it changes, and their layout."""
    names = question.finish.returning
    return None if names is None else returned_columns(question.statement.model, names, dialect.alias)


def _merges_columns(captured: Any) -> bool:
    """Whether rows have fewer columns than names: around a filtered window function Django keeps equal ones once.

    What Django makes of such rows, or how it fails, is Django's affair.
    """
    if not isinstance(captured, Captured) or not getattr(captured.compiler, "qualify", None):
        return False
    compiler: Any = captured.compiler
    selected = [expression for expression, _, _ in compiler.select or ()]
    return len(set(selected)) < len(selected)


def _capture(queryset: DjangoQuerySet, finish: Finish, alias: str) -> Any:
    """What Django would execute to finish a QuerySet, as `Captured`; or the answer, where it needs no query."""
    try:
        with capturing():
            return finish_by_one_statement(queryset.using(alias), finish)
    except Captured as captured:
        return captured.with_traceback(None)


def _plan(
    queryset: DjangoQuerySet,
    captured: Captured,
    finish: Finish,
    recording: Recording,
    dialect: Dialect,
    returned: tuple[str, Layout] | None,
) -> Plan:
    """Everything worth keeping of a compiled statement."""
    compiler = captured.compiler
    numbers = {id(rendering): number for number, rendering in enumerate(recording.renderings)}

    def place(marker: Marker) -> Parameter | KeyParameters:
        number = numbers[id(marker.rendering)]
        return KeyParameters(number) if isinstance(marker, KeysMarker) else Parameter(number, marker.position)

    template = tuple(place(entry) if isinstance(entry, Marker) else entry for entry in captured.parameters)
    is_sequential = _is_sequential(template, recording)
    # Asked before the binders take over what they are made of.
    typed = is_sequential and is_typed(captured.sql, recording.renderings)
    keys = next((entry.binder for entry in template if isinstance(entry, KeyParameters)), None)
    binders = tuple(binder_for(rendering) for rendering in recording.renderings)
    unrendered = (cell for cell in recording.cells if cell.rendering is None)
    checks = tuple(check_for(cell.slot, *cell.origin) for cell in unrendered if cell.origin is not None)
    forget_arguments(compiler.query)
    ending, layout = returned or ("", _layout(queryset, compiler, finish.answer, dialect.alias))
    return Plan(
        dialect=dialect,
        sql=captured.sql + ending,
        template=template,
        binders=binders + checks,
        guards=tuple(Guard(one, other, equal) for one, other, equal in recording.guards),
        parameter_guards=tuple(
            Guard(place(one), place(other), equal) for one, other, equal in recording.parameter_guards
        ),
        hydrate=hydrator_for(layout),
        calls_project_code=code_check_for(layout),
        locks_rows=dialect.locks_rows,
        is_sequential=is_sequential,
        is_typed=typed and keys is None,
        keys=keys,
    )


def _is_sequential(template: tuple[object, ...], recording: Recording) -> bool:
    in_order = tuple(
        KeyParameters(number) if holds_keys(rendering) else Parameter(number, position)
        for number, rendering in enumerate(recording.renderings)
        for position in range(len(rendering.parameters))
    )
    return template == in_order


def _layout(queryset: DjangoQuerySet, compiler: Any, answer: Answer, alias: str) -> Layout:
    match answer:
        case Answer.COUNT:
            return aggregate_layout(compiler, alias, RowShape.SCALAR)
        case Answer.AGGREGATE:
            return aggregate_layout(compiler, alias, RowShape.DICT)
        case Answer.EXISTS | Answer.UPDATE | Answer.DELETE:
            return Layout(RowShape.TUPLE, (), (), alias, compiler.connection)
        case _:
            return layout_of(queryset, compiler, alias)


def _proven(plan: Plan, structure: Structure, sql: str, parameters: Sequence[object]) -> Ready | None:
    """A plan has to give for its first values what Django gave."""
    try:
        bound_sql, bound = plan.bind(structure.values, structure.bounds)
    except Refused:
        return None
    if plan.sql != sql or len(bound) != len(parameters) or not all(map(_are_same, bound, parameters)):
        return None
    return Ready(plan, bound_sql, bound, was_cached=False)


def _are_same(one: object, other: object) -> bool:
    # Some drivers' wrappers, as psycopg's Jsonb, do not compare; NaN is not equal to itself.
    return type(one) is type(other) and (one == other or repr(one) == repr(other))
