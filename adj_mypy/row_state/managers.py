"""What the rows of a manager have before any clause: managers may join, prefetch, defer and annotate.

The `get_queryset()` of the live manager is called as at run time, and its QuerySet is inspected. This runs no query:
if `get_queryset()` tries to, Django raises, and nothing is known of the manager's rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db.models import Manager, Model, Prefetch, QuerySet
from django.db.models.manager import BaseManager
from django.db.models.query import ModelIterable
from django.db.models.sql.constants import LOUTER
from mypy.nodes import Expression, MemberExpr
from mypy.plugin import AttributeContext
from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.types import any_type
from adj_mypy.expressions.names import Names
from adj_mypy.expressions.nulls import Scope, is_nullable
from adj_mypy.models.fields import optional, type_of_field
from adj_mypy.models.project import SEPARATOR, ModelClass, Project, full_name
from adj_mypy.row_state.clauses import Clauses
from adj_mypy.row_state.masks import Masking
from adj_mypy.row_state.row_types import row_type
from adj_mypy.row_state.state import NOTHING, State
from adj_mypy.row_state.trees import Lookup, Trees

_PREFETCHES: Final = "_prefetch_related_lookups"


def first_state(project: Project, api: Api, model: ModelClass) -> State:
    """Return what the rows of a model's default manager have."""
    known = first_rows(project, api, default_manager(model))
    return State() if known is None else known[1]


def default_manager(model: ModelClass) -> Any:
    """Return the manager that `q(Model)` and multi-valued relations start from."""
    return model._default_manager


def trees(project: Project, api: Api, prefetched: frozenset[str] = frozenset()) -> Trees:
    """Return `Trees` whose multi-valued relations start from the default managers of their models."""
    return Trees(project, api, prefetched, partial(first_state, project, api))


def first_rows(project: Project, api: Api, manager: Any) -> tuple[State, State] | None:
    """Return the names for later clauses, and the state of rows; None if they cannot be known."""
    if getattr(type(manager), "get_queryset", None) is BaseManager.get_queryset:
        return NOTHING, NOTHING
    queryset = _queryset(manager)
    if queryset is None:
        return None
    try:
        return _described(project, api, queryset)
    except (FieldDoesNotExist, FieldError, AttributeError, TypeError):
        return None


@cache
def _queryset(manager: Any) -> Any:
    """Return a manager's QuerySet; None if its rows are not instances, or if it cannot be created here."""

    async def start() -> Any:
        # Inside an event loop Django itself refuses to query a database.
        return manager if isinstance(manager, QuerySet) else manager.get_queryset()

    try:
        queryset = asyncio.run(start())
    except Exception:  # noqa: BLE001  # the project's own code
        return None
    is_plain = isinstance(queryset, QuerySet) and vars(queryset).get("_iterable_class") is ModelIterable
    return queryset if is_plain and not queryset.query.combinator else None


def _described(project: Project, api: Api, queryset: Any) -> tuple[State, State]:
    query, model = queryset.query, queryset.model
    annotations = {name: _type(project, api, query, made) for name, made in query.annotations.items()}
    names = Names(annotations, is_open=bool(query.extra))
    selected = {name: typ for name, typ in annotations.items() if name in query.annotation_select}
    builder, state = trees(project, api), State(annotations=names.keeping(selected))
    if query.select_related is True:
        state = builder.with_every_join(model, state)
    for path in _paths(query.select_related or {}):
        state = builder.with_join(model, state, path, _ignore)
    prefetched: set[str] = set()
    for prefetch in getattr(queryset, _PREFETCHES):
        lookup = _lookup(project, api, prefetch)
        prefetched |= builder.new_steps(model, state, lookup)
        state = builder.with_prefetch(model, state, lookup, _ignore)
    columns, is_defer = query.deferred_loading
    clauses = Clauses(frozenset(columns), is_defer, frozenset(prefetched), query.select_related is True)
    masked, _ = Masking(project, api, clauses).masked(model, state)
    return State(annotations=names).selecting([*query.annotation_select]).with_clauses(clauses), masked


def _paths(joined: bool | Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the paths of a `select_related` tree."""
    if isinstance(joined, bool):
        return
    for name, inner in joined.items():
        yield prefix + name
        yield from _paths(inner, f"{prefix}{name}{SEPARATOR}")


def _lookup(project: Project, api: Api, prefetched: Any) -> Lookup:
    if not isinstance(prefetched, Prefetch):
        return Lookup(str(prefetched))
    prefetch: Any = prefetched
    path: str = prefetch.prefetch_through
    to_attr = prefetch.prefetch_to.rpartition(SEPARATOR)[2] if prefetch.to_attr else None
    if prefetch.queryset is None:
        return Lookup(path, None, to_attr)
    rows = first_rows(project, api, prefetch.queryset)
    row = any_type() if rows is None else row_type(project, api, prefetch.queryset.model, rows[1])
    return Lookup(path, row, to_attr)


def _type(project: Project, api: Api, query: Any, annotation: Any) -> Type:
    """Return the type of an annotation that Django has resolved."""
    outer = frozenset(name for name, join in query.alias_map.items() if join.join_type == LOUTER)
    try:
        typ = type_of_field(project, api, annotation.output_field)
        is_optional = is_nullable(annotation, Scope(query.model, outer=outer))
    except Exception:  # noqa: BLE001  # Django may not know the type, and raises various errors then
        return any_type()
    return optional(typ) if is_optional else typ


def tracked(project: Project, attribute: str, declared: Type, context: AttributeContext) -> Type:
    """Return the type of a model's `AsyncManager`, with the state of its rows."""
    model, manager = project.class_of(context.type), get_proper_type(declared)
    if model is None or not isinstance(manager, Instance) or len(manager.args) != 1:
        return declared
    rows = first_rows(project, Api(context.api), getattr(model, attribute))
    if rows is None or not _is_of(project, manager.args[0], model):
        return declared
    return manager.copy_modified(args=[row_type(project, Api(context.api), model, rows[1])])


def _is_of(project: Project, owner: Type, model: ModelClass) -> bool:
    """Return whether a manager's type has this model, or none: mypy may not have analyzed the class yet."""
    proper = get_proper_type(owner)
    is_none = isinstance(proper, Instance) and proper.type.fullname == full_name(Model)
    return is_none or project.model_of(proper) is model


def live_manager(project: Project, api: Api, source: Expression) -> Any:
    """Return the manager that an expression such as `Book.objects` names; None for other expressions."""
    model = project.class_of(api.type_of(source.expr)) if isinstance(source, MemberExpr) else None
    if model is None or not isinstance(source, MemberExpr):
        return None
    manager = getattr(model, source.name, None)
    return manager if isinstance(manager, Manager) or hasattr(manager, "get_queryset") else None


def _ignore(message: str) -> None:
    """Django itself reports errors in a manager."""
