"""Where a query starts: `q()`, and the shortcuts that take what it takes."""

from __future__ import annotations

from typing import Final

from mypy.types import CallableType, Instance, Type, TypeType, get_proper_type

from adj_mypy import compat
from adj_mypy.call import QUERY, Argument, Call, Query, named_model
from adj_mypy.managers import default_manager, manager_at, starting_state
from adj_mypy.project import ModelClass, model_info
from adj_mypy.state import OPEN, State, row_type, state_of

_QUERYSET: Final = "django.db.models.query.QuerySet"
_MANAGER: Final = "django.db.models.manager.BaseManager"
_PLAIN: Final = frozenset({_QUERYSET, _MANAGER, "django.db.models.manager.Manager"})
"""Classes of Django, which add no names of their own to the rows' columns."""


def q(call: Call) -> Type:
    """Rows of a model carry what its default manager gives them, and those of a manager what that one does.

    What a QuerySet of the project's carries is not known.
    """
    result = get_proper_type(call.result)
    arguments = call.positional()
    if not isinstance(result, Instance) or result.type.fullname != QUERY or len(arguments) != 1:
        return call.result
    source = arguments[0]
    model = _model_at(call, source) or call.project.model_of(result.args[0])
    if model is None or state_of(call.project, result.args[1]) is not None:
        return call.result
    state = _starting_state(call, source, model)
    if state is not None:
        row = row_type(call.project, call.api, model, state.as_row())
        return result.copy_modified(args=[named_model(call.project, call.api, model, state), row])
    if _is_projects(source.type):
        return result.copy_modified(args=[named_model(call.project, call.api, model, _open()), result.args[1]])
    return call.result


def query_of_source(call: Call) -> Query | None:
    """The query of a shortcut's first argument, as far as its conditions need it."""
    arguments = call.arguments("source")
    if len(arguments) != 1:
        return None
    source = arguments[0]
    query, row = call.query_of(source.type), _row_of(source.type)
    model = _model_at(call, source) or call.project.model_of(row)
    if query is not None or model is None or row is None:
        return query
    state = _starting_state(call, source, model) or state_of(call.project, row) or State()
    return Query(model, _open() if _is_projects(source.type) else state, row)


def _model_at(call: Call, source: Argument) -> ModelClass | None:
    """The model of a manager that is named as an attribute of it."""
    manager = manager_at(call.project, source.expression)
    return None if manager is None else manager.model


def _starting_state(call: Call, source: Argument, model: ModelClass) -> State | None:
    manager = manager_at(call.project, source.expression)
    if manager is None and _is_class(source.type):
        manager = default_manager(model)
    return None if manager is None else starting_state(call.project, call.api, model, manager)


def _row_of(source: Type) -> Type | None:
    """The row of a model's class, of a manager or of a QuerySet."""
    match get_proper_type(source):
        case TypeType(item=item):
            return item
        case CallableType(ret_type=made):
            return made
        case Instance() as instance:
            mapped = compat.map_to_base(instance, _QUERYSET) or compat.map_to_base(instance, _MANAGER)
            return mapped.args[0] if mapped is not None and mapped.args else None
        case _:
            return None


def _is_projects(source: Type) -> bool:
    """Whether it is a manager or a QuerySet of the project's own class, whose methods may annotate."""
    proper = get_proper_type(source)
    if not isinstance(proper, Instance) or proper.type.fullname in _PLAIN:
        return False
    return any(proper.type.has_base(base) for base in _PLAIN)


def _open() -> State:
    return State(annotations={OPEN: compat.any_type()})


def _is_class(typ: Type) -> bool:
    """Whether the argument is a model's class, and no manager of it."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
