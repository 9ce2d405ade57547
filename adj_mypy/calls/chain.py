"""The methods that were called on a query before, as far as they are written in the same function."""

from __future__ import annotations

from collections.abc import Iterator

from mypy.nodes import ARG_STAR2, CallExpr, Context, Expression, IndexExpr, MemberExpr, NameExpr, SliceExpr
from mypy.types import Type

from adj.queryset_names import SURFACE, Same
from adj_mypy.boundary.positions import Positions, positions
from adj_mypy.boundary.types import any_type
from adj_mypy.calls.call import Call
from adj_mypy.expressions.names import ANY_NAMES, NAMING, Names

SLICE = "[:]"
"""The name of a slice among the methods."""

_SELECTING = NAMING | {"values", "values_list"}
"""The methods whose keyword arguments later clauses may name."""

_METHODS = frozenset({"into", "timeout", *(name for name, fate in SURFACE.items() if isinstance(fate, Same))})
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


def origin(call: Call) -> Expression | None:
    """Return the expression that the chain before a call begins with."""
    steps = list(steps_before(call))
    return _receiver(positions(*call.api.surroundings()), steps[-1][1] if steps else call.context.context)


def annotated_before(call: Call) -> Names:
    """Return the annotations that the chain before a call adds; open if it may have others."""
    names: dict[str, Type] = {}
    for name, step in steps_before(call):
        if name in _SELECTING or name == "extra":
            if not isinstance(step, CallExpr) or name == "extra":
                return ANY_NAMES
            for kind, keyword in zip(step.arg_kinds, step.arg_names, strict=True):
                if keyword is not None:
                    names[keyword] = any_type()
                elif kind == ARG_STAR2 or name in NAMING:
                    return ANY_NAMES
    return Names(names)
