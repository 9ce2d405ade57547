"""What rows of a manager carry from the start: its `get_queryset()` may annotate, join and defer.

It is called here as it is when the program runs; building a QuerySet asks no database. One that does is stopped, and
its rows may be anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db.models import QuerySet
from django.db.models.manager import BaseManager
from django.db.models.sql.constants import LOUTER
from mypy.nodes import Expression, MemberExpr, RefExpr, TypeInfo
from mypy.types import Type

from adj_mypy import compat
from adj_mypy.compat import Api
from adj_mypy.expressions import Scope, is_nullable
from adj_mypy.fields import optional, type_of_field
from adj_mypy.loading import with_path
from adj_mypy.project import ModelClass, Project
from adj_mypy.state import OPEN, State


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


def starting_state(project: Project, api: Api, model: ModelClass, manager: Any) -> State | None:
    """What the manager's rows carry; None where they are no instances of the model, or where nobody knows."""
    if type(manager).get_queryset is BaseManager.get_queryset:
        return State()
    queryset = _queryset(manager)
    if queryset is None or queryset.model is not model:
        return State(annotations={OPEN: compat.any_type()})
    return _state(project, api, model, queryset) if _has_instances(queryset) else None


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


def _state(project: Project, api: Api, model: ModelClass, queryset: Any) -> State:
    query = queryset.query
    annotations = {name: _type(project, api, query, made) for name, made in query.annotations.items()}
    state = State(annotations={**annotations, **({OPEN: compat.any_type()} if query.extra else {})})
    for path in _paths(query.select_related):
        state = with_path(project, api, model, state, path, _ignored, single_only=True)
    return state.selecting([*query.annotation_select])


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
