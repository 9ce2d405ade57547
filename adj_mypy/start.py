"""`q()`: where a query starts, and what its rows carry then."""

from __future__ import annotations

from mypy.types import Instance, Type, get_proper_type

from adj_mypy.call import QUERY, Call
from adj_mypy.project import model_info
from adj_mypy.state import State, row_type, state_of


def q(call: Call) -> Type:
    """Rows of a model carry their own columns. Those of a manager or a QuerySet of the project's are not known."""
    result = get_proper_type(call.result)
    if not isinstance(result, Instance) or result.type.fullname != QUERY:
        return call.result
    source = call.context.arg_types[0][0] if call.context.arg_types and call.context.arg_types[0] else None
    model = call.project.model_of(result.args[0])
    if model is None or source is None or not _is_class(source) or state_of(call.project, result.args[1]) is not None:
        return call.result
    return result.copy_modified(args=[result.args[0], row_type(call.project, call.api, model, State())])


def _is_class(typ: Type) -> bool:
    """Whether the argument is a model's class, and no manager of it."""
    proper = get_proper_type(typ)
    return model_info(proper) is None and not isinstance(proper, Instance)
