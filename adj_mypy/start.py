"""`q()`: where a query starts, and what its rows carry then."""

from __future__ import annotations

from mypy.types import Instance, Type, get_proper_type

from adj_mypy.call import QUERY, Call, named_model
from adj_mypy.managers import default_manager, manager_at, starting_state
from adj_mypy.project import model_info
from adj_mypy.state import row_type, state_of


def q(call: Call) -> Type:
    """Rows of a model carry what its default manager gives them, and those of a manager what that one does.

    What a QuerySet of the project's carries is not known.
    """
    result = get_proper_type(call.result)
    arguments = call.positional()
    if not isinstance(result, Instance) or result.type.fullname != QUERY or len(arguments) != 1:
        return call.result
    source = arguments[0].expression
    manager = manager_at(call.project, source)
    model = call.project.model_of(result.args[0]) if manager is None else manager.model
    if model is None or state_of(call.project, result.args[1]) is not None:
        return call.result
    if manager is None and _is_class(arguments[0].type):
        manager = default_manager(model)
    if manager is None:
        return call.result
    state = starting_state(call.project, call.api, model, manager)
    if state is None:
        return call.result
    row = row_type(call.project, call.api, model, state.as_row())
    return result.copy_modified(args=[named_model(call.project, call.api, model, state), row])


def _is_class(typ: Type) -> bool:
    """Whether the argument is a model's class, and no manager of it."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
