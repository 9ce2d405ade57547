"""Rows of `values()` where the project asks for dicts: `rows: list[dict[str, Any]] = await q(Book).values().run()`.

A TypedDict is no `dict` for mypy, since a key could be taken out of it. Nobody else has these rows yet, so they may be
what the annotation says.
"""

from __future__ import annotations

from mypy.types import CallableType, Instance, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api, wanted_type
from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.boundary.types import any_type, is_subtype
from adj_mypy.calls.call import Call


def as_wanted(call: Call, result: Type) -> Type:
    """The result of a call, with dicts for rows if only these fit where it goes."""
    wanted = get_proper_type(wanted_type(call.context))
    if wanted is None or isinstance(wanted, CallableType) or not _has_typed_dict(result) or is_subtype(result, wanted):
        return result
    general = _with_dicts(call.api, result)
    return general if is_subtype(general, wanted) else result


def _has_typed_dict(typ: Type) -> bool:
    match get_proper_type(typ):
        case TypedDictType():
            return True
        case UnionType(items=parts):
            return any(map(_has_typed_dict, parts))
        case Instance(type=info, args=parts):
            # What a row carries is a TypedDict as well.
            return not info.has_base(MODEL) and any(map(_has_typed_dict, parts))
        case _:
            return False


def _with_dicts(api: Api, typ: Type) -> Type:
    proper = get_proper_type(typ)
    if isinstance(proper, TypedDictType):
        return api.named("builtins.dict", [api.named("builtins.str"), any_type()])
    if isinstance(proper, UnionType):
        return UnionType.make_union([_with_dicts(api, item) for item in proper.items])
    if isinstance(proper, Instance):
        return proper.copy_modified(args=[_with_dicts(api, argument) for argument in proper.args])
    return typ
