"""Rows of `values()` that the project declares as dicts: `rows: list[dict[str, Any]] = await q(Book).values().run()`.

For mypy a TypedDict is not a `dict`, because its keys cannot be deleted. These rows have just been created, so they may
have the declared type.
"""

from __future__ import annotations

from mypy.types import CallableType, Instance, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api, expected_type
from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.boundary.types import any_type, is_subtype
from adj_mypy.calls.call import Call


def as_expected(call: Call, result: Type) -> Type:
    """Return the result of a call, with dicts for rows if only these fit its context."""
    wanted = get_proper_type(expected_type(call.context))
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
            # The state of a row is a TypedDict as well.
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
