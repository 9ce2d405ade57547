"""Calls that take more than their signature says: a query where Django takes a QuerySet, and other rows of a model."""

from __future__ import annotations

from typing import Final

from mypy.nodes import TypeInfo
from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.types import CallableType, FunctionLike, Instance, Type, UnionType, get_proper_type

from adj_mypy import compat
from adj_mypy.call import QUERY
from adj_mypy.compat import Api

SUBQUERY: Final = "django.db.models.expressions.Subquery"
OPERATORS: Final = frozenset({"__or__", "__and__", "__xor__"})


def takes_queries(info: TypeInfo | None) -> bool:
    """Whether a class is an expression around a nested query: `Subquery`, `Exists`, and a project's own."""
    return info is not None and info.has_base(SUBQUERY)


def nested_query(context: FunctionSigContext) -> FunctionLike:
    """`Exists(q(...))`: a query has what Django asks of a QuerySet, a `query`."""
    signature, api = context.default_signature, Api(context.api)
    if not isinstance(signature, CallableType) or not signature.arg_types:
        return signature
    query = api.named(QUERY, [compat.any_type(), compat.any_type()])
    first, *others = signature.arg_types
    return signature.copy_modified(arg_types=[UnionType.make_union([first, query]), *others])


def operator(context: MethodSigContext) -> FunctionLike:
    """`a | b`: another query of the model, whatever its rows carry; the rows of the result are those of the left."""
    signature = context.default_signature
    if not isinstance(signature, CallableType) or len(signature.arg_types) != 1:
        return signature
    return signature.copy_modified(arg_types=[_of_any_rows(signature.arg_types[0])])


def _of_any_rows(typ: Type) -> Type:
    """`AsyncQuery[Book[...], Book[...]]` as one of `Book`, which is compatible with every state of it."""
    proper = get_proper_type(typ)
    if isinstance(proper, UnionType):
        return UnionType.make_union([_of_any_rows(item) for item in proper.items])
    if not isinstance(proper, Instance) or len(proper.args) != 2:
        return typ
    model = get_proper_type(proper.args[0])
    plain = model.copy_modified(args=[]) if isinstance(model, Instance) else model
    return proper.copy_modified(args=[plain, compat.any_type()])
