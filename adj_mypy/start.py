"""`q()`: where a query starts, and what its rows carry then."""

from __future__ import annotations

from typing import Any

from mypy.nodes import CallExpr, Expression, MemberExpr
from mypy.types import Instance, Type, get_proper_type

from adj_mypy.call import QUERY, Call, named_model
from adj_mypy.managers import default_manager, first_rows, live_manager
from adj_mypy.state import plain_row, row_type, state_of


def q(call: Call) -> Type:
    """Rows of a model carry what its default manager gives them, those of another manager what that one does.

    Of a QuerySet of the project's nothing is known, as it may have any clauses.
    """
    result, given = get_proper_type(call.result), call.arguments("source")
    if not isinstance(result, Instance) or result.type.fullname != QUERY or len(given) != 1:
        return call.result
    manager = _manager(call, given[0].expression, given[0].type)
    if manager is None or state_of(call.project, result.args[1]) is not None:
        return call.result
    model, rows = manager.model, first_rows(call.project, call.api, manager)
    if rows is None:
        plain = plain_row(call.project, call.api, model)
        return result.copy_modified(args=[plain, plain])
    known, state = rows
    row = row_type(call.project, call.api, model, state)
    return result.copy_modified(args=[named_model(call.project, call.api, model, known), row])


def _manager(call: Call, source: Expression, typ: Type) -> Any:
    """The live manager that a query starts from: of `Book`, `Book.objects` or `Book.objects.all()`."""
    model = call.project.class_of(typ)
    if model is not None:
        return default_manager(model)
    if isinstance(source, CallExpr) and not source.args:
        source = source.callee
        if not isinstance(source, MemberExpr) or source.name != "all":
            return None
        source = source.expr
    return live_manager(call.project, call.api, source)
