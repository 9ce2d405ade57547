"""The methods that were called on a query before, as far as they are written in the same function."""

from __future__ import annotations

from collections.abc import Iterator

from mypy.nodes import CallExpr, Context, Expression, IndexExpr, MemberExpr, NameExpr, SliceExpr

from adj.queryset_names import SURFACE, Same
from adj_mypy.calls.call import Call
from adj_mypy.calls.positions import Positions, positions

SLICE = "[:]"
"""The name of a slice among the methods."""

_METHODS = frozenset({"timeout", *(name for name, fate in SURFACE.items() if isinstance(fate, Same))})
"""The methods of a query that return a query; a project's methods may do anything."""


def steps_before(call: Call) -> Iterator[tuple[str, Expression]]:
    """Yield the names and expressions of the steps before a call, the last one first.

    A variable that is assigned once stands for its value.
    """
    found = positions(*call.api.surroundings())
    step = _receiver(found, call.context.context)
    while step is not None:
        match step:
            case CallExpr(callee=MemberExpr(name=name)) if name in _METHODS:
                yield name, step
            case IndexExpr(index=SliceExpr()):
                yield SLICE, step
            case _:
                return
        step = _receiver(found, step)


def _receiver(found: Positions, step: Context) -> Expression | None:
    match step:
        case CallExpr(callee=MemberExpr(expr=receiver)) | IndexExpr(base=receiver):
            pass
        case _:
            return None
    for _ in range(10):
        if not isinstance(receiver, NameExpr):
            return receiver
        value = found.value_of(receiver)
        if value is None:
            return None
        receiver = value
    return None
