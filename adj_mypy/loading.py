"""Which relations and columns rows carry: `select_related()`, `prefetch_related()`, `only()`, `defer()`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from mypy.nodes import Context, Expression
from mypy.types import Type

from adj.schema.paths import ResolvedPath
from adj_mypy import compat, paths
from adj_mypy.call import Call
from adj_mypy.codes import LOOKUP, SHAPE
from adj_mypy.compat import Api
from adj_mypy.project import ModelClass, Project, Relation, relations, single_relations, target_of
from adj_mypy.state import State, row_type, state_of
from adj_mypy.words import suggestion

Fail: TypeAlias = Callable[[str], None]


def select_related(call: Call) -> Type:
    """`select_related()`: relations to one row, and paths of them."""
    return _loaded(call, "fields", single_only=True)


def prefetch_related(call: Call) -> Type:
    """`prefetch_related()`: relations from either side, and paths of them."""
    return _loaded(call, "lookups", single_only=False)


def _loaded(call: Call, formal: str, *, single_only: bool) -> Type:
    query, names = call.query, call.texts(formal)
    if query is None or names is None:
        return call.result
    state = query.row_state(call.project)
    for path, at in names:
        state = _with_path(call, at, query.model, state, path, single_only=single_only)
    if state is None or query.row_state(call.project) is None:
        return call.result
    return call.asking(row=row_type(call.project, call.api, query.model, state))


def _with_path(
    call: Call, at: Expression, model: ModelClass, state: State | None, path: str, *, single_only: bool
) -> State:
    def fail(message: str) -> None:
        call.fail(message, at, LOOKUP)

    return with_path(call.project, call.api, model, state or State(), path, fail, single_only=single_only)


def with_path(
    project: Project, api: Api, model: ModelClass, state: State, path: str, fail: Fail, *, single_only: bool
) -> State:
    """The state with the relations of a path, and of what they lead to; what the model does not have is reported."""
    return _with_parts(project, api, model, state, path.split(paths.SEPARATOR), fail, single_only)


def _with_parts(
    project: Project, api: Api, model: ModelClass, state: State, parts: Sequence[str], fail: Fail, single_only: bool
) -> State:
    head, *rest = parts
    known = single_relations(model) if single_only else relations(model)
    if head not in known:
        if single_only and head in relations(model):
            fail(f'"{model.__name__}.{head}" leads to many rows: use prefetch_related("{head}")')
        elif head not in state.annotations:
            kind = "relation to one row" if single_only else "relation"
            fail(f'{model.__name__} has no {kind} "{head}"{suggestion(head, known)}')
        return state
    target = target_of(known[head])
    if target is None:
        return state.with_loaded(head, compat.any_type())
    nested = state_of(project, state.loaded.get(head)) or State()
    if rest:
        nested = _with_parts(project, api, target, nested, rest, fail, single_only)
    return state.with_loaded(head, row_type(project, api, target, nested))


def only(call: Call) -> Type:
    """`only()`: the columns that rows carry."""
    return _deferred(call, lambda model, chosen, _: _columns(model) - chosen)


def defer(call: Call) -> Type:
    """`defer()`: columns that rows do not carry."""
    return _deferred(call, lambda model, chosen, before: before | (chosen - _keys(model)))


def _deferred(call: Call, deferred: Callable[[ModelClass, frozenset[str], frozenset[str]], frozenset[str]]) -> Type:
    query, names = call.query, call.texts("fields")
    state = None if query is None else query.row_state(call.project)
    if query is None or names is None:
        return call.result
    chosen = frozenset(name for path, at in names for name in _names_of(call, at, query.model, path))
    if state is None or not names:
        return call.result
    new = state.with_deferred(deferred(query.model, chosen, state.deferred))
    return call.asking(row=row_type(call.project, call.api, query.model, new))


def _names_of(call: Call, at: Context, model: ModelClass, path: str) -> Iterable[str]:
    """Both names of a column of the model itself; a path beyond it changes what another row carries."""
    found = paths.column(call, at, model, path, {})
    if not isinstance(found, ResolvedPath) or paths.SEPARATOR in path:
        return ()
    if not getattr(found.field, "concrete", False):
        call.fail(f'"{model.__name__}.{path}" is no column, and cannot be deferred', at, SHAPE)
        return ()
    return (found.field.name, found.field.attname)


def _columns(model: ModelClass) -> frozenset[str]:
    """The names of every column but the primary key, which every row carries."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    return frozenset(name for field in fields for name in (field.name, field.attname))


def _keys(model: ModelClass) -> frozenset[str]:
    key = model._meta.pk
    return frozenset({key.name, key.attname})


def is_single(model: ModelClass, name: str) -> Relation | None:
    """The relation to one row that an attribute reads."""
    return single_relations(model).get(name)
