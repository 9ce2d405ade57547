"""From a statement to what runs: a plan from the cache with this run's values, or a plan made now.

Private Django API used here: `QuerySet._iterable_class`, `SQLCompiler.qualify`, `SQLCompiler.select`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from django.apps import apps
from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import setting_changed
from django.db.models import Field, Model
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.utils import timezone, translation

from adj.compiler.build import build, build_with_slots, is_plain
from adj.compiler.cache import PlanCache
from adj.compiler.clauses import DjangoQuerySet, describe_operands, structure_of_statement
from adj.compiler.dialect import (
    AsksDatabase,
    Captured,
    Dialect,
    capturing,
    forget_dialects,
    refresh_time_zones,
)
from adj.compiler.forget import forget_arguments
from adj.compiler.keys import KeysMarker, holds_keys
from adj.compiler.plan import Guard, KeyParameters, Parameter, Plan, binder_for, check_for
from adj.compiler.slots import Marker, Recording, Refused, real_parameters
from adj.compiler.structure import Structure, Uncacheable, Unkeyed, equality_pattern
from adj.hydrate.layout import ROW_SHAPES, Layout, aggregate_layout, layout_of
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
    """A statement that only Django's own code can run: a QuerySet class with its own way of building or fetching."""

    queryset: DjangoQuerySet
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
    structure = _finished(question)
    if isinstance(structure, Unkeyed):
        plan_cache.count_uncacheable()
        return _compiled_once(question, dialect, structure.reason)
    key = _key(question, structure, dialect)
    plan = plan_cache.get(key)
    if plan is None:
        return _compiled(question, structure, dialect, key, plan_cache.count_miss)
    try:
        sql, parameters = plan.bind(structure.values, structure.bounds)
    except Refused:
        return _compiled(question, structure, dialect, key, plan_cache.count_refusal)
    plan_cache.count_hit()
    return Ready(plan, sql, parameters, was_cached=True)


def _finished(question: Question) -> Structure | Unkeyed:
    """The structure of the statement with its ending's operands."""
    structure, finish = question.structure, question.finish
    if isinstance(structure, Unkeyed) or (finish.answer is Answer.ROWS):
        return structure
    if structure.bounds is not None:
        # An ending adds limits of its own to those of a slice, so that they are structure here.
        structure = structure.extended(Structure((structure.bounds,)))
        structure.bounds = None
    if not finish.args and not finish.kwargs:
        return structure
    operands = describe_operands(finish.args, finish.kwargs)
    return operands if isinstance(operands, Unkeyed) else structure.extended(operands)


def _key(question: Question, structure: Structure, dialect: Dialect) -> Hashable:
    key: tuple[Hashable, ...] = (question.statement.model, dialect, question.finish.answer, structure.key)
    if len(structure.constants) > 1:
        key = (*key, equality_pattern(structure.values, structure.constants))
    if structure.is_local or _models_are_local():
        key = (*key, timezone.get_current_timezone_name(), translation.get_language())
    return key


@cache
def _models_are_local() -> bool:
    """Whether what models bring into SQL by themselves may depend on the current time zone or language."""
    return any(_chooses_columns(model) or _is_ordered_locally(model) for model in apps.get_models())


def _chooses_columns(model: type[Model]) -> bool:
    """Whether a field of the project chooses its column when asked, as translated fields do by language."""
    return any(
        isinstance(getattr(type(field), "column", None), property) or type(field).get_col is not Field.get_col
        for field in model._meta.local_fields
        if not type(field).__module__.startswith("django.")
    )


def _is_ordered_locally(model: type[Model]) -> bool:
    """Whether a model's own order, which is in no clause, truncates or extracts in the current time zone."""
    ordering: Any = model._meta.ordering
    latest: Any = model._meta.get_latest_by or ()
    structure = describe_operands((*ordering, *((latest,) if isinstance(latest, str) else latest)), {})
    return isinstance(structure, Unkeyed) or structure.is_local


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
            if (reason := _foreign_reason(queryset)) is not None:
                raise Uncacheable(reason)
            captured = _capture(queryset, finish, dialect.alias)
            if _merges_columns(captured):
                raise Uncacheable("Django selects a column once that two names stand for")
        except (Uncacheable, SynchronousOnlyOperation) as uncacheable:
            plan_cache.count_uncacheable()
            return _compiled_once(question, dialect, str(uncacheable))
    if not isinstance(captured, Captured):
        plan_cache.count_uncacheable()
        return Answered(captured)
    parameters = real_parameters(captured.parameters)
    plan = _plan(queryset, captured, finish, recording, dialect)
    recording.seal()
    ready = _proven(plan, structure, captured.sql, parameters)
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
            queryset = build(question.statement).using(dialect.alias)
            if (foreign := _foreign_reason(queryset)) is not None:
                return Foreign(queryset, foreign)
            captured = _capture(queryset, question.finish, dialect.alias)
    except (AsksDatabase, SynchronousOnlyOperation) as asked:
        # On the connection's thread it may ask; building it here may not, and Django says so itself.
        return Foreign(build(question.statement).using(dialect.alias), str(asked))
    if not isinstance(captured, Captured):
        return Answered(captured)
    if _merges_columns(captured):
        return Foreign(build(question.statement).using(dialect.alias), reason)
    plan = _plan(queryset, captured, question.finish, Recording(()), dialect)
    return Ready(plan, captured.sql, tuple(captured.parameters), was_cached=False)


def _foreign_reason(queryset: DjangoQuerySet) -> str | None:
    """Why only Django's own code can run a QuerySet, if so."""
    if not is_plain(type(queryset)):
        return f"{type(queryset).__name__} has its own way of building or fetching"
    iterable: Any = queryset._iterable_class
    return None if iterable in ROW_SHAPES else f"{iterable.__name__} makes the rows"


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
            return _FINISHES[finish.answer](queryset.using(alias), finish)
    except Captured as captured:
        return captured.with_traceback(None)


def finish_in_django(queryset: DjangoQuerySet, finish: Finish) -> Any:
    """Finish a QuerySet with Django's own code; blocks on the database."""
    return list(queryset) if finish.answer is Answer.ROWS else _FINISHES[finish.answer](queryset, finish)


def _rows(queryset: DjangoQuerySet, finish: Finish) -> list[Any]:
    return list(queryset.query.get_compiler(queryset.db).execute_sql())


def _get(queryset: DjangoQuerySet, finish: Finish) -> Any:
    return queryset.get()


def _names(finish: Finish) -> tuple[Any, ...]:
    return finish.args


_FINISHES: dict[Answer, Callable[[DjangoQuerySet, Finish], Any]] = {
    Answer.ROWS: _rows,
    Answer.GET: _get,
    Answer.FIRST: lambda queryset, finish: queryset.first(),
    Answer.LAST: lambda queryset, finish: queryset.last(),
    Answer.EARLIEST: lambda queryset, finish: queryset.earliest(*_names(finish)),
    Answer.LATEST: lambda queryset, finish: queryset.latest(*_names(finish)),
    Answer.COUNT: lambda queryset, finish: queryset.count(),
    Answer.EXISTS: lambda queryset, finish: queryset.exists(),
    Answer.AGGREGATE: lambda queryset, finish: queryset.aggregate(*finish.args, **finish.kwargs),
}


def _plan(queryset: DjangoQuerySet, captured: Captured, finish: Finish, recording: Recording, dialect: Dialect) -> Plan:
    """Everything worth keeping of a compiled statement."""
    compiler = captured.compiler
    numbers = {id(rendering): number for number, rendering in enumerate(recording.renderings)}

    def place(marker: Marker) -> Parameter | KeyParameters:
        number = numbers[id(marker.rendering)]
        return KeyParameters(number) if isinstance(marker, KeysMarker) else Parameter(number, marker.position)

    template = tuple(place(entry) if isinstance(entry, Marker) else entry for entry in captured.parameters)
    binders = tuple(binder_for(rendering) for rendering in recording.renderings)
    unrendered = (cell for cell in recording.cells if cell.rendering is None)
    checks = tuple(check_for(cell.slot, *cell.origin) for cell in unrendered if cell.origin is not None)
    forget_arguments(compiler.query)
    layout = _layout(queryset, compiler, finish.answer, dialect.alias)
    return Plan(
        dialect=dialect,
        sql=captured.sql,
        template=template,
        binders=binders + checks,
        guards=tuple(Guard(one, other, equal) for one, other, equal in recording.guards),
        parameter_guards=tuple(
            Guard(place(one), place(other), equal) for one, other, equal in recording.parameter_guards
        ),
        hydrate=hydrator_for(layout),
        calls_project_code=code_check_for(layout),
        locks_rows=dialect.locks_rows,
        is_sequential=_is_sequential(template, recording),
        keys=next((entry.binder for entry in template if isinstance(entry, KeyParameters)), None),
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
        case Answer.EXISTS:
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
