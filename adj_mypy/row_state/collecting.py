"""Putting rows into a collection: `rows.append(await q(Book).aget())` after rows of another query.

mypy knows a list by its first rows. It accepts every row of the model for the others, except one without annotations
among rows with some; there the signature of the method is made to accept it. And a list that got a row with less loaded
has rows with less loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import CallExpr, MemberExpr, NameExpr, Var
from mypy.plugin import MethodContext, MethodSigContext
from mypy.types import CallableType, FunctionLike, Instance, Type, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import ANNOTATED
from adj_mypy.boundary.types import is_proper_subtype
from adj_mypy.models.project import ModelClass, Project
from adj_mypy.row_state.reassigning import common
from adj_mypy.row_state.row_types import plain_row, replace_rows

OF_ROWS: Final = frozenset({"append", "appendleft", "insert", "add", "setdefault"})
"""The methods whose last argument is a row."""

OF_COLLECTIONS: Final = frozenset({"extend", "extendleft", "update"})
"""The methods whose arguments are collections of rows."""

ADDING: Final = OF_ROWS | OF_COLLECTIONS

UNITING: Final = frozenset({"__add__", "__or__"})
"""The operators that return a new collection of both sides' rows."""

TAKING: Final = ADDING | {
    *("remove", "index", "count", "discard", "__setitem__", "__iadd__", "__ior__"),
    *("__sub__", "__isub__", "__iand__", "__xor__", "__ixor__"),
}
"""The methods with rows as arguments."""

COLLECTIONS: Final = frozenset(
    {
        *("builtins.list", "builtins.dict", "builtins.set"),
        *(f"collections.{name}" for name in ("deque", "defaultdict", "OrderedDict")),
    }
)


def signature(project: Project, context: MethodSigContext) -> FunctionLike:
    """Return the signature of a method that accepts rows without annotations among rows with some."""
    declared = context.default_signature
    receiver = get_proper_type(context.type)
    if not isinstance(declared, CallableType) or not isinstance(receiver, Instance) or not _is_annotated(receiver):
        return declared
    api = Api(context.api)

    def accepted(model: ModelClass, row: Type) -> Type:
        return plain_row(project, api, model)

    types = [replace_rows(project, typ, accepted) for typ in declared.arg_types]
    return declared.copy_modified(arg_types=types)


def _is_annotated(collection: Instance) -> bool:
    """Return whether the items are rows with annotations."""
    item = get_proper_type(collection.args[-1]) if collection.args else None
    return isinstance(item, Instance) and item.type.name.endswith(ANNOTATED)


def added(project: Project, name: str, context: MethodContext) -> Type:
    """Let a variable's collection have the rows that a method adds to it."""
    call, receiver = context.context, get_proper_type(context.type)
    target = call.callee.expr if isinstance(call, CallExpr) and isinstance(call.callee, MemberExpr) else None
    is_variable = isinstance(target, NameExpr) and isinstance(target.node, Var) and target.node.is_inferred
    if not is_variable or not isinstance(receiver, Instance) or not receiver.args:
        return context.default_return_type
    item = receiver.args[-1]
    if project.model_of(item) is None:
        return context.default_return_type
    new = item
    for row in _rows(name, context):
        if not is_proper_subtype(row, new):
            new = common(project, new, row)
    if new is not item and isinstance(target, NameExpr) and isinstance(target.node, Var):
        api = Api(context.api)
        collection = receiver.copy_modified(args=[*receiver.args[:-1], new])
        api.declare(target.node, collection)
        api.narrow(target, collection)
    return context.default_return_type


def united(project: Project, context: MethodContext) -> Type:
    """Return the result of `rows + others`: rows that have what both have."""
    result = get_proper_type(context.default_return_type)
    rows = list(_rows("", context))
    if not isinstance(result, Instance) or not result.args or len(rows) != 1:
        return context.default_return_type
    item = result.args[-1]
    if project.model_of(item) is None or is_proper_subtype(rows[0], item):
        return context.default_return_type
    return result.copy_modified(args=[*result.args[:-1], common(project, item, rows[0])])


def _rows(name: str, context: MethodContext) -> Iterator[Type]:
    """Yield the types of the rows in the arguments of a method."""
    types = [typ for formal in context.arg_types for typ in formal]
    if name in OF_ROWS:
        yield from types[-1:]
        return
    for typ in types:
        collection = get_proper_type(typ)
        if isinstance(collection, Instance) and collection.args:
            yield collection.args[-1]
