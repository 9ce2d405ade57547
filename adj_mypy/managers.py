"""What rows of a manager carry from the start: its `get_queryset()` may annotate, join and defer.

It is called here as it is when the program runs; building a QuerySet asks no database. One that does is stopped, and
its rows may be anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db.models import Prefetch, QuerySet
from django.db.models.manager import BaseManager
from django.db.models.sql.constants import LOUTER
from mypy.nodes import Expression, MemberExpr, RefExpr, TypeInfo
from mypy.plugin import AttributeContext
from mypy.types import Instance, Type, get_proper_type

from adj_mypy import compat
from adj_mypy.clauses import Clauses
from adj_mypy.compat import Api
from adj_mypy.expressions import Scope, is_nullable
from adj_mypy.fields import optional, type_of_field
from adj_mypy.masks import Masking
from adj_mypy.paths import SEPARATOR
from adj_mypy.project import ModelClass, Project
from adj_mypy.state import OPEN, State, row_type, unknown_state
from adj_mypy.trees import Lookup, Trees


def manager_at(project: Project, expression: Expression | None) -> Any:
    """The manager that `Book.objects` is; None for what is no attribute of a model's class."""
    if not isinstance(expression, MemberExpr) or not isinstance(expression.expr, RefExpr):
        return None
    node = expression.expr.node
    model = project.models.get(node.fullname) if isinstance(node, TypeInfo) else None
    found = getattr(model, expression.name, None) if model is not None else None
    return found if isinstance(found, BaseManager) else None


def default_manager(model: ModelClass) -> Any:
    """The manager that `q(Book)` starts from."""
    return model._default_manager


@dataclass(frozen=True, slots=True)
class Start:
    """Where a query begins: what later clauses may name and depend on, and what rows carry."""

    known: State
    row: State


def trees(project: Project, api: Api, prefetched: frozenset[str] = frozenset()) -> Trees:
    """What clauses do to states, where rows of a relation to many come from the default manager of their model."""
    return Trees(project, api, prefetched, partial(_first_state, project, api))


def _first_state(project: Project, api: Api, model: ModelClass) -> State:
    start = starting_state(project, api, model, default_manager(model))
    return State() if start is None else start.row


def starting_state(project: Project, api: Api, model: ModelClass, manager: Any) -> Start | None:
    """Where the queries of a manager begin; None where its rows are no instances of the model, or nobody knows."""
    if type(manager).get_queryset is BaseManager.get_queryset:
        return Start(State(), State())
    queryset = _queryset(manager)
    if queryset is None or queryset.model is not model:
        named = {OPEN: compat.any_type()}
        return Start(State(annotations=named), unknown_state(project, api, model).with_annotations(named))
    if not _has_instances(queryset):
        return None
    try:
        return _start(project, api, queryset)
    except (FieldDoesNotExist, FieldError):
        # Django says so when the query runs.
        return None


@cache
def _queryset(manager: Any) -> Any:
    """The QuerySet that a manager starts from; None if it cannot be had without a database."""

    async def start() -> Any:
        # Where an event loop runs, Django itself refuses to ask a database.
        return manager.get_queryset()

    try:
        queryset = asyncio.run(start())
    except Exception:  # noqa: BLE001  # a project's own code may raise anything
        return None
    return queryset if isinstance(queryset, QuerySet) else None


def _has_instances(queryset: Any) -> bool:
    return getattr(queryset, "_fields", None) is None and not queryset.query.combinator


def _start(project: Project, api: Api, queryset: Any) -> Start:
    query, model = queryset.query, queryset.model
    annotations = {name: _type(project, api, query, made) for name, made in query.annotations.items()}
    named = State(annotations={**annotations, **({OPEN: compat.any_type()} if query.extra else {})})
    known = named.selecting([*query.annotation_select])
    making, state = trees(project, api), known.as_row()
    if query.select_related is True:
        state = making.with_every_join(model, state)
    for path in _paths(query.select_related):
        state = making.with_join(model, state, path, _ignored)
    prefetched: set[str] = set()
    for given in vars(queryset).get("_prefetch_related_lookups", ()):
        lookup = _lookup(project, api, given)
        prefetched |= making.new_steps(model, state, lookup)
        state = making.with_prefetch(model, state, lookup, _ignored)
    names, is_defer = query.deferred_loading
    clauses = Clauses(frozenset(names), is_defer, frozenset(prefetched), query.select_related is True)
    masked, _ = Masking(project, api, clauses).masked(model, state)
    return Start(clauses.remembered(known), masked)


def _lookup(project: Project, api: Api, given: Any) -> Lookup:
    if not isinstance(given, Prefetch):
        return Lookup(str(given))
    made: Any = given
    to_attr = made.prefetch_to.rpartition(SEPARATOR)[2] if made.to_attr else None
    queryset = made.queryset
    if queryset is None:
        return Lookup(made.prefetch_through, None, to_attr)
    start = _start(project, api, queryset) if _has_instances(queryset) else None
    row = compat.any_type() if start is None else row_type(project, api, queryset.model, start.row)
    return Lookup(made.prefetch_through, row, to_attr)


def _type(project: Project, api: Api, query: Any, made: Any) -> Type:
    """The type of an annotation that Django has resolved."""
    outer = frozenset(name for name, join in query.alias_map.items() if join.join_type == LOUTER)
    try:
        typ = type_of_field(project, api, made.output_field)
        is_optional = is_nullable(made, Scope(query.model, {}, outer=outer))
    except Exception:  # noqa: BLE001  # Django may not know it before it runs, and says so in many ways
        return compat.any_type()
    return optional(typ) if is_optional else typ


def _paths(select_related: bool | Mapping[str, Any]) -> list[str]:
    """The paths of a QuerySet's `select_related()`; with no names it has given no promise."""
    if isinstance(select_related, bool):
        return []
    nested = {name: _paths(inner) for name, inner in select_related.items()}
    return [path for name, inner in nested.items() for path in [name, *(f"{name}__{end}" for end in inner)]]


def _ignored(_message: str) -> None:
    """A manager's own joins are Django's to judge."""


def tracked(project: Project, attribute: str, declared: Type, context: AttributeContext) -> Type:
    """The type of an `AsyncManager` of a model, whose rows carry what its QuerySet gives them."""
    model, manager = project.class_of(context.type), get_proper_type(declared)
    if model is None or not isinstance(manager, Instance) or len(manager.args) != 1:
        return declared
    api = Api(context.api)
    start = starting_state(project, api, model, getattr(model, attribute))
    if start is None or project.model_of(manager.args[0]) is not model:
        return declared
    return manager.copy_modified(args=[row_type(project, api, model, start.row)])
