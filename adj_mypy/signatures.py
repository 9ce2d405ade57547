"""Signatures that the plugin gives to calls: Django's classes take queries of adj's, and keywords keep their types."""

from __future__ import annotations

from mypy.nodes import ARG_STAR2
from mypy.typeops import make_simplified_union
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    TypeVarLikeType,
    TypeVarType,
    flatten_nested_unions,
    get_proper_type,
)

from adj_mypy import compat
from adj_mypy.call import QUERY


def takes_queries(api: compat.Api, signature: FunctionLike) -> FunctionLike:
    """The signature of Django's `Exists`, `Subquery` or `Prefetch`, whose queryset may be a query of adj's."""
    info = api.info(QUERY)
    if info is None or not isinstance(signature, CallableType) or "queryset" not in signature.arg_names:
        return signature
    at = signature.arg_names.index("queryset")
    types = list(signature.arg_types)
    query = Instance(info, [compat.any_type(), compat.any_type()])
    items = flatten_nested_unions([types[at]])
    variable = next((item for item in map(get_proper_type, items) if isinstance(item, TypeVarType)), None)
    if variable is None:
        types[at] = make_simplified_union([types[at], query])
        return signature.copy_modified(arg_types=types)
    return signature.copy_modified(variables=[_or(each, query, variable) for each in signature.variables])


def _or(declared: TypeVarLikeType, query: Instance, meant: TypeVarType) -> TypeVarLikeType:
    """A type variable that may stand for a query too."""
    if not isinstance(declared, TypeVarType) or declared.id != meant.id:
        return declared
    return declared.copy_modified(upper_bound=make_simplified_union([declared.upper_bound, query]))


def exact_keywords(api: compat.Api, signature: FunctionLike) -> FunctionLike:
    """The signature with `object` for keywords of any type: mypy then infers what stands there by itself.

    For a parameter of type `Any` it takes `["a"]` for a list of `Any`, in which no error can be seen.
    """
    if not isinstance(signature, CallableType) or ARG_STAR2 not in signature.arg_kinds:
        return signature
    at = signature.arg_kinds.index(ARG_STAR2)
    if not isinstance(get_proper_type(signature.arg_types[at]), AnyType):
        return signature
    types = list(signature.arg_types)
    types[at] = api.named("builtins.object")
    return signature.copy_modified(arg_types=types)
