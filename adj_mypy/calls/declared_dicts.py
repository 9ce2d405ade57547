"""Rows of `values()` whose type the project declares: `rows: list[dict[str, Any]] = await q(Book).values().run()`.

For mypy a TypedDict is not a `dict`, because its keys cannot be deleted, and not a TypedDict with wider values, because
a wider value could be assigned to a key. These rows have just been created and nothing else refers to them, so they may
have the declared type.
"""

from __future__ import annotations

from collections.abc import Iterator

from mypy.types import CallableType, Instance, Type, TypedDictType, UnionType, get_proper_type

from adj_mypy.boundary.api import Api, expected_type
from adj_mypy.boundary.fullnames import MODEL
from adj_mypy.boundary.types import any_type, is_subtype
from adj_mypy.boundary.words import type_text
from adj_mypy.calls.call import Call


def as_expected(call: Call, result: Type) -> Type:
    """Return the result of a call, with the dicts or TypedDicts that its context expects, if only these fit."""
    wanted = get_proper_type(expected_type(call.context))
    if wanted is None or isinstance(wanted, CallableType):
        return result
    rows = list(_typed_dicts(result))
    if not rows or is_subtype(result, wanted):
        return result
    for declared in _typed_dicts(wanted):
        general = _replaced(result, declared)
        if not is_subtype(general, wanted):
            continue
        differing = [problem for row in rows for problem in _differing(call.api, row, declared)]
        if not differing:
            return general
        text = f"The rows of values() do not fit {type_text(call.api, declared)}: {differing[0]}"
        call.api.note(text, call.context.context)
    general = _replaced(result, _dict(call.api))
    return general if is_subtype(general, wanted) else result


def _differing(api: Api, row: TypedDictType, declared: TypedDictType) -> Iterator[str]:
    """Yield what is wrong with each key of a declared TypedDict."""
    for key, typ in declared.items.items():
        if key not in row.items:
            if key in declared.required_keys:
                yield f'they have no key "{key}"'
        elif not is_subtype(row.items[key], typ):
            yield f'"{key}" is {type_text(api, row.items[key])}, not {type_text(api, typ)}'


def _typed_dicts(typ: Type) -> Iterator[TypedDictType]:
    proper = get_proper_type(typ)
    if isinstance(proper, TypedDictType):
        yield proper
    elif isinstance(proper, UnionType):
        for item in proper.items:
            yield from _typed_dicts(item)
    elif isinstance(proper, Instance) and not proper.type.has_base(MODEL):
        # The state of a row is a TypedDict as well.
        for argument in proper.args:
            yield from _typed_dicts(argument)


def _dict(api: Api) -> Type:
    return api.named("builtins.dict", [api.named("builtins.str"), any_type()])


def _replaced(typ: Type, new: Type) -> Type:
    """Return a type with another type for its TypedDicts."""
    proper = get_proper_type(typ)
    if isinstance(proper, TypedDictType):
        return new
    if isinstance(proper, UnionType):
        return UnionType.make_union([_replaced(item, new) for item in proper.items])
    if isinstance(proper, Instance) and not proper.type.has_base(MODEL):
        return proper.copy_modified(args=[_replaced(argument, new) for argument in proper.args])
    return typ
