"""Methods of queries in local variables: `find = q(Book).filter`, and later `find(title="Emma")`."""

from __future__ import annotations

from typing import NamedTuple

from mypy.nodes import CallExpr, MemberExpr, NameExpr, Var
from mypy.plugin import FunctionContext, MethodContext
from mypy.types import Instance, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.positions import positions
from adj_mypy.models.project import Project


class Method(NamedTuple):
    """A method, and its call as mypy would pass it to the hook of methods."""

    name: str
    context: MethodContext


def method_of_variable(project: Project, context: FunctionContext) -> Method | None:
    """Return the method of a query that a local variable holds, if it never holds anything else."""
    api, call = Api(context.api), context.context
    if not isinstance(call, CallExpr) or not isinstance(call.callee, NameExpr) or not isinstance(call.callee.node, Var):
        return None
    value = positions(*api.surroundings()).value_of(call.callee)
    receiver = get_proper_type(api.type_of(value.expr)) if isinstance(value, MemberExpr) else None
    if not isinstance(value, MemberExpr) or not isinstance(receiver, Instance) or not receiver.type.has_base(QUERY):
        return None
    return Method(value.name, MethodContext(receiver, *context))
