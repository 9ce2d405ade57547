"""Where a query starts: `q()`, and the shortcuts that take what it takes."""

from __future__ import annotations

from typing import Final

from mypy.nodes import CallExpr, Expression, MemberExpr
from mypy.types import CallableType, Instance, Type, TypeType, get_proper_type

from adj_mypy import compat
from adj_mypy.call import MANAGER, QUERY, Argument, Call, Query, named_model
from adj_mypy.managers import Start, default_manager, manager_at, starting_state
from adj_mypy.project import ModelClass, model_info
from adj_mypy.state import OPEN, State, row_type, state_of

_QUERYSET: Final = "django.db.models.query.QuerySet"
_MANAGER: Final = "django.db.models.manager.BaseManager"
_PLAIN: Final = frozenset({"django.db.models.manager.Manager", _MANAGER, _QUERYSET, QUERY, MANAGER})
"""Classes that add no names of their own to the rows' columns."""


def q(call: Call) -> Type:
    """Rows of a model carry what its default manager gives them, and those of a manager what that one does.

    What a QuerySet of the project's carries is not known, and it may have names of its own.
    """
    result = get_proper_type(call.result)
    arguments = call.positional()
    if not isinstance(result, Instance) or result.type.fullname != QUERY or len(arguments) != 1:
        return call.result
    model = _model_of(call, arguments[0], call.project.model_of(result.args[0]))
    if model is None or state_of(call.project, result.args[1]) is not None:
        return call.result
    start = _start(call, arguments[0], model)
    if start is None:
        known = _names_beside(arguments[0].type)
        first = named_model(call.project, call.api, model, known) if known.annotations else result.args[0]
        return result.copy_modified(args=[first, result.args[1]])
    row = row_type(call.project, call.api, model, start.row)
    return result.copy_modified(args=[named_model(call.project, call.api, model, start.known), row])


def _model_of(call: Call, source: Argument, typed: ModelClass | None) -> ModelClass | None:
    manager = manager_at(call.project, without_all(source.expression))
    return typed if manager is None else manager.model


def _start(call: Call, source: Argument, model: ModelClass) -> Start | None:
    """What the rows of a model or of one of its managers carry; None where that is not known."""
    manager = manager_at(call.project, without_all(source.expression))
    if manager is None and _is_class(source.type):
        manager = default_manager(model)
    return None if manager is None else starting_state(call.project, call.api, model, manager)


def without_all(source: Expression) -> Expression:
    """The manager in `Book.objects.all()`."""
    callee = source.callee if isinstance(source, CallExpr) and not source.args else None
    return callee.expr if isinstance(callee, MemberExpr) and callee.name == "all" else source


def _names_beside(source: Type) -> State:
    """The names that rows may have beside their columns: managers and QuerySets of the project's may annotate."""
    proper = get_proper_type(source)
    is_plain = isinstance(proper, Instance) and proper.type.fullname in _PLAIN
    return State() if is_plain else State(annotations={OPEN: compat.any_type()})


def query_of_source(call: Call) -> Query | None:
    """The query of a shortcut's first argument, as far as its conditions need it."""
    arguments = call.positional()
    source = get_proper_type(arguments[0].type) if arguments else None
    if source is None:
        return None
    row = _class_of(source) if _is_class(source) else _row_of(source)
    model = call.project.model_of(row)
    if model is None or row is None:
        return None
    start = _start(call, arguments[0], model)
    state = None if start is None else start.known
    if state is None:
        named = (state_of(call.project, row) or State()).annotations
        state = _names_beside(source).with_annotations(named)
    return Query(model, state, row)


def _row_of(source: Type) -> Type | None:
    """The rows that a query, a QuerySet or a manager gives; the first argument of each is their model."""
    bases = [_mapped(source, name) for name in (QUERY, _QUERYSET, _MANAGER)]
    return next((base.args[0] for base in bases if base is not None and base.args), None)


def _mapped(source: Type, fullname: str) -> Instance | None:
    return compat.map_to_base(source, fullname) if isinstance(source, Instance) else None


def _class_of(source: Type) -> Type | None:
    if isinstance(source, TypeType):
        return source.item
    return source.ret_type if isinstance(source, CallableType) else None


def _is_class(typ: Type) -> bool:
    """Whether the argument is a model's class, and no manager of it."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
