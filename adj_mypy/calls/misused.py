"""Report queries that are used like QuerySets, and coroutines that are not awaited: `if q(Book):`, `await q(Book)`.

mypy has no hook for a variable whose truth value is read. So each call checks the conditions of its function: the call
itself, the variable that holds its result, and every other name whose type is known by then.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import Context, MemberExpr, NameExpr, Var
from mypy.plugin import AttributeContext
from mypy.types import Instance, NoneType, Type, UnionType, get_proper_type

from adj.queryset_names import NO_TRUTH_VALUE, NOT_AWAITABLE, NOT_ITERABLE, SURFACE, advice
from adj_mypy.boundary.api import Api
from adj_mypy.boundary.codes import ATTR_DEFINED, SHAPE, TRUTH
from adj_mypy.boundary.fullnames import ANNOTATED, QUERY, RAW_QUERY
from adj_mypy.boundary.positions import positions
from adj_mypy.boundary.types import erroneous
from adj_mypy.calls.call import Call

_COROUTINES: Final = frozenset({"typing.Coroutine", "types.CoroutineType"})
ITERATION: Final = "__iter__"
_QUERIES: Final = (QUERY, RAW_QUERY)


def checked(call: Call, result: Type) -> Type:
    """Return the result of a call; report where it is used like the result of a QuerySet's method."""
    at, found = call.context.context, positions(*call.api.surroundings())
    if found.tested:
        if at in found.tested:
            _check(call, at, result)
        variable = found.fixed_variable(at)
        for name in found.tested_names:
            if variable is not None and name.node is variable:
                _check(call, name, result)
            else:
                _check_query(call, name, _type_of(call, name))
    if at in found.awaited and _is_query(result):
        call.fail(NOT_AWAITABLE.format(query="query"), at, SHAPE)
        return erroneous()
    return result


def _type_of(call: Call, name: NameExpr | MemberExpr) -> Type | None:
    """Return the type of a name where it stands, or before mypy has checked that line, its declared type."""
    known = call.api.type_of(name)
    if known is None and isinstance(name.node, Var) and not name.node.is_inferred:
        return name.node.type
    return known


def _check(call: Call, at: Context, typ: Type) -> None:
    proper = get_proper_type(typ)
    if isinstance(proper, Instance) and proper.type.fullname in _COROUTINES:
        call.fail(f"{call.name}() returns a coroutine, which is always true; add await", at, TRUTH)
    else:
        _check_query(call, at, typ)


def _check_query(call: Call, at: Context, typ: Type | None) -> None:
    """Report a query, or an optional one."""
    proper = get_proper_type(typ)
    if isinstance(proper, UnionType):
        rest = [item for item in proper.items if not isinstance(get_proper_type(item), NoneType)]
        if rest and all(map(_is_query, rest)):
            call.fail(f"{NO_TRUTH_VALUE} To find out whether there is a query, use `is not None`.", at, TRUTH)
    elif proper is not None and _is_query(proper):
        call.fail(NO_TRUTH_VALUE, at, TRUTH)


def _is_query(typ: Type) -> bool:
    proper = get_proper_type(typ)
    return isinstance(proper, Instance) and any(map(proper.type.has_base, _QUERIES))


# -- names of a QuerySet ----------------------------------------------------------------------------------------------

REFUSED: Final = {name: advice(fate) for name, fate in SURFACE.items() if advice(fate) and not name.startswith("__")}
"""Names of Django's QuerySet that a query does not have, and what to use instead."""


def read(attribute: str, context: AttributeContext) -> Type:
    """Report `query.get`, and `for row in query`."""
    api, receiver = Api(context.api), get_proper_type(context.type)
    if attribute == ITERATION:
        api.fail(NOT_ITERABLE, context.context, SHAPE)
    else:
        name = receiver.type.name.removesuffix(ANNOTATED) if isinstance(receiver, Instance) else "AsyncQuery"
        api.fail(f'"{name}" has no attribute "{attribute}"{REFUSED[attribute]}', context.context, ATTR_DEFINED)
    return erroneous()
