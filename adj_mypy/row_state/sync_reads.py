"""Report rows that Django's own manager would fetch synchronously: `for tag in book.tags.all()` in an `async def`.

Prefetched rows need no query. In synchronous code Django may run one, and nothing is reported.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import CallExpr, Context, Expression, IndexExpr, MemberExpr, SliceExpr
from mypy.plugin import FunctionContext, MethodContext
from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.codes import NOT_LOADED
from adj_mypy.boundary.syntax import called_on
from adj_mypy.models.project import Project, relations, single_relations
from adj_mypy.row_state.blocking import is_asynchronous
from adj_mypy.row_state.row_types import state_of
from adj_mypy.row_state.trees import with_way_back

READS: Final = frozenset(
    {
        *("__iter__", "__len__", "__bool__", "__contains__", "__getitem__"),
        *("count", "exists", "contains", "first", "last", "get"),
    }
)
"""The methods of a manager or QuerySet that query the database synchronously."""

MANAGERS: Final = ("django.db.models.manager.BaseManager", "django.db.models.query.QuerySet")
"""The classes with these methods."""

CONSUMERS: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *("list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "len", "any", "all", "min", "max"),
        *("enumerate", "zip", "map", "filter", "iter", "bool"),
    )
)
"""The builtins that iterate over their arguments."""


def check_method(project: Project, name: str, context: MethodContext) -> None:
    """Report a method that reads rows which were not prefetched."""
    read = _indexed(context.context) if name.startswith("__") else called_on(context.context)
    if read is not None:
        _check(project, Api(context.api), read)


def rows_of(project: Project, context: MethodContext, result: Type) -> Type:
    """Return the result of `book.tags.all()` with the state of its rows, also for a project's own manager classes."""
    manager = called_on(context.context)
    proper = get_proper_type(result)
    if not isinstance(manager, MemberExpr) or not isinstance(proper, Instance):
        return result
    api = Api(context.api)
    row = api.type_of(manager.expr)
    model, state = project.model_of(row), state_of(project, row)
    if row is None or model is None or state is None or not state.has(manager.name):
        return result
    item = with_way_back(project, api, relations(model)[manager.name], state.loaded[manager.name], row)
    target = project.model_of(item)
    if target is None:
        return result
    args = [item if project.model_of(argument) is target else argument for argument in proper.args]
    return proper.copy_modified(args=args)


def check_arguments(project: Project, context: FunctionContext) -> None:
    """Report the arguments of a function that iterates over them."""
    for arguments in context.args:
        for argument in arguments:
            _check(project, Api(context.api), argument)


def _indexed(read: Context) -> Context | None:
    """Return the rows in `book.tags.all()[0]`, and other expressions as they are; None for a slice, which is lazy."""
    if not isinstance(read, IndexExpr):
        return read
    return None if isinstance(read.index, SliceExpr) else read.base


def _check(project: Project, api: Api, read: Expression | Context) -> None:
    """Report reading an expression whose rows were not prefetched."""
    manager = _manager(read)
    if manager is None or not is_asynchronous(api):
        return
    row = api.type_of(manager.expr)
    model, state = project.model_of(row), state_of(project, row)
    if model is None or state is None or state.has(manager.name):
        return
    if manager.name not in relations(model) or manager.name in single_relations(model):
        return
    label = f'"{model.__name__}.{manager.name}"'
    remedy = f'add .prefetch_related("{manager.name}") to the query, or query it with adj.related()'
    hint = "(reading it would query the database, which async code cannot do)"
    api.fail(f"{label} is not loaded: {remedy} {hint}", read, NOT_LOADED)


def _manager(read: Expression | Context) -> MemberExpr | None:
    """Return the manager in `book.tags.all()`."""
    if isinstance(read, MemberExpr):
        return read
    if not isinstance(read, CallExpr) or not isinstance(read.callee, MemberExpr) or read.callee.name != "all":
        return None
    manager = read.callee.expr
    return manager if isinstance(manager, MemberExpr) else None
