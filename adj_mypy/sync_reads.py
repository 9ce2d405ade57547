"""Rows of a relation to many that Django's own manager would fetch: `for tag in book.tags.all()` in an `async def`.

What was prefetched is there, and asks nothing. In synchronous code Django may ask, and nothing is reported.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import CallExpr, Context, Expression, MemberExpr
from mypy.plugin import FunctionContext, MethodContext

from adj_mypy.blocking import is_asynchronous
from adj_mypy.codes import NOT_LOADED
from adj_mypy.compat import Api
from adj_mypy.project import Project, relations, single_relations
from adj_mypy.state import state_of

READS: Final = frozenset(
    {"__iter__", "__len__", "__bool__", "__contains__", "count", "exists", "contains", "first", "last", "get"}
)
"""The methods of a manager or QuerySet that ask the database and wait."""

CONSUMERS: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *("list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "len", "any", "all", "min", "max"),
        *("enumerate", "zip", "map", "filter", "iter", "bool"),
    )
)
"""The functions that read all of what they are given."""


def check_method(project: Project, name: str, context: MethodContext) -> None:
    """Report a method that reads what was not prefetched."""
    read = context.context
    if not name.startswith("__"):
        callee = getattr(read, "callee", None)
        if not isinstance(callee, MemberExpr):
            return
        read = callee.expr
    _check(project, Api(context.api), read)


def check_arguments(project: Project, context: FunctionContext) -> None:
    """Report arguments of a function that reads all of them."""
    for given in context.args:
        for argument in given:
            _check(project, Api(context.api), argument)


def _check(project: Project, api: Api, read: Expression | Context) -> None:
    """Report that an expression is read whose rows were not prefetched."""
    manager = _manager(read)
    if manager is None or not is_asynchronous(api):
        return
    row = api.type_of(manager.expr)
    model, state = project.model_of(row), state_of(project, row)
    if model is None or state is None or manager.name in state.loaded:
        return
    if manager.name not in relations(model) or manager.name in single_relations(model):
        return
    label = f'"{model.__name__}.{manager.name}"'
    remedy = f'add .prefetch_related("{manager.name}") to the query, or ask for it with adj.related()'
    hint = "(reading it would ask the database, which asynchronous code cannot)"
    api.fail(f"{label} is not loaded: {remedy} {hint}", read, NOT_LOADED)


def _manager(read: Expression | Context) -> MemberExpr | None:
    """The attribute in `book.tags.all()`, which is a manager."""
    if isinstance(read, MemberExpr):
        return read
    if not isinstance(read, CallExpr) or not isinstance(read.callee, MemberExpr) or read.callee.name != "all":
        return None
    manager = read.callee.expr
    return manager if isinstance(manager, MemberExpr) else None
