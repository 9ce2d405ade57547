"""Signatures that accept more than the stubs declare: adj's queries where Django takes a QuerySet, and other rows of a
model; and keyword arguments that keep their types.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import ARG_STAR2, Expression, TypeInfo
from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    Type,
    TypeVarLikeType,
    TypeVarType,
    UnionType,
    flatten_nested_unions,
    get_proper_type,
)

from adj_mypy.boundary.api import Api, expected_type
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.types import any_type, make_simplified_union

SUBQUERY: Final = "django.db.models.expressions.Subquery"
PREFETCH: Final = "django.db.models.query.Prefetch"
OPERATORS: Final = frozenset({"__or__", "__and__", "__xor__"})
CONDITIONS: Final = frozenset({"django.db.models.query_utils.Q", "django.db.models.expressions.When"})


def takes_queries(info: TypeInfo | None) -> bool:
    """Return whether a class takes a subquery: `Subquery`, `Exists`, their subclasses, and `Prefetch`."""
    return info is not None and (info.has_base(SUBQUERY) or info.fullname == PREFETCH)


def nested_query(context: FunctionSigContext) -> FunctionLike:
    """`Exists(q(...))`: like a QuerySet, adj's query has the attribute `query` that Django needs."""
    signature, info = context.default_signature, Api(context.api).info(QUERY)
    if info is None or not isinstance(signature, CallableType) or not signature.arg_types:
        return signature
    at = signature.arg_names.index("queryset") if "queryset" in signature.arg_names else 0
    query = Instance(info, [any_type(), any_type()])
    items = map(get_proper_type, flatten_nested_unions([signature.arg_types[at]]))
    variable = next((item for item in items if isinstance(item, TypeVarType)), None)
    if variable is not None and not _is_prefetch_expected(context):
        return signature.copy_modified(variables=[_or(each, query, variable) for each in signature.variables])
    types = list(signature.arg_types)
    types[at] = make_simplified_union([types[at], query])
    return signature.copy_modified(arg_types=types)


def _is_prefetch_expected(context: FunctionSigContext) -> bool:
    """Return whether the context of a call decides the type variables of a `Prefetch`: `lookups: list[Prefetch]`.

    Then its query is not one of them, because the defaults of the variables only stand for QuerySets.
    """
    expected = get_proper_type(expected_type(context))
    items = flatten_nested_unions([expected] if expected is not None else [])
    proper = [get_proper_type(item) for item in items]
    return any(isinstance(item, Instance) and item.type.fullname == PREFETCH for item in proper)


def _or(declared: TypeVarLikeType, query: Instance, meant: TypeVarType) -> TypeVarLikeType:
    """Return a type variable that may stand for a query, too."""
    if not isinstance(declared, TypeVarType) or declared.id != meant.id:
        return declared
    return declared.copy_modified(upper_bound=make_simplified_union([declared.upper_bound, query]))


def exact_keywords(context: FunctionSigContext | MethodSigContext) -> FunctionLike:
    """Replace `Any` by `object` for keyword arguments, so that mypy infers their own types.

    In the context of `Any`, mypy infers `list[Any]` for `["a"]`, and errors in it cannot be found.
    """
    signature = context.default_signature
    if not isinstance(signature, CallableType) or ARG_STAR2 not in signature.arg_kinds:
        return signature
    at = signature.arg_kinds.index(ARG_STAR2)
    if not isinstance(get_proper_type(signature.arg_types[at]), AnyType):
        return signature
    anything = Api(context.api).named("builtins.object")
    unpacked = {*context.args[at]} if at < len(context.args) else set[Expression]()
    types = list(signature.arg_types)
    types[at] = anything
    for place, given in enumerate(context.args):
        if place != at and unpacked.intersection(given):
            # mypy checks all values after `**` against every parameter that they might be for.
            types[place] = anything
    return signature.copy_modified(arg_types=types)


def operator(context: MethodSigContext) -> FunctionLike:
    """`a | b`: any query of the model; the result has the rows of the left side."""
    signature = context.default_signature
    if not isinstance(signature, CallableType) or len(signature.arg_types) != 1:
        return signature
    return signature.copy_modified(arg_types=[_of_any_rows(signature.arg_types[0])])


def _of_any_rows(typ: Type) -> Type:
    """Return `AsyncQuery[Book[...], Book[...]]` without its state, so that it accepts every state."""
    proper = get_proper_type(typ)
    if isinstance(proper, UnionType):
        return UnionType.make_union([_of_any_rows(item) for item in proper.items])
    if not isinstance(proper, Instance) or len(proper.args) != 2:
        return typ
    model = get_proper_type(proper.args[0])
    plain = model.copy_modified(args=[]) if isinstance(model, Instance) else model
    return proper.copy_modified(args=[plain, any_type()])
