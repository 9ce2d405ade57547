"""Report aggregates of aggregates: `annotate(pages=Sum("pages"), mean=Avg("pages"))` after `values()`.

There the second expression names the first one, and no longer the column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Aggregate, Func, Window
from mypy.nodes import ARG_NAMED, ARG_POS, CallExpr, Expression

from adj_mypy.boundary.codes import SHAPE
from adj_mypy.calls.call import Call
from adj_mypy.calls.chain import steps_before
from adj_mypy.expressions.evaluate import Evaluator
from adj_mypy.expressions.names import NAMING
from adj_mypy.lookups.expression_types import names_in


def check_nested(call: Call) -> None:
    """Report the aggregates in a call of `annotate()` or `alias()` that contain another annotation's aggregate."""
    known: set[str] = set()
    for name, step in [*reversed(list(steps_before(call))), (call.name, call.context.context)]:
        if name not in NAMING or not isinstance(step, CallExpr):
            continue
        for at, alias, evaluated in _annotations(call, step):
            problem = next(_nested(evaluated, known), None)
            if problem is not None and step is call.context.context:
                call.fail(problem, at, SHAPE)
            if _is_aggregate(evaluated, known):
                known.add(alias)
            else:
                known.discard(alias)


def _annotations(call: Call, step: CallExpr) -> Iterator[tuple[Expression, str, Any]]:
    """Yield the expressions of a call with their names, as far as they are known."""
    for kind, name, at in zip(step.arg_kinds, step.arg_names, step.args, strict=True):
        evaluated = Evaluator(call.api).evaluate(at) if kind in {ARG_POS, ARG_NAMED} else None
        alias = name or _default_alias(evaluated)
        if alias is not None:
            yield at, alias, evaluated


def _default_alias(evaluated: Any) -> str | None:
    try:
        return getattr(evaluated, "default_alias", None)
    except TypeError:
        return None


def _is_aggregate(evaluated: Any, known: set[str]) -> bool:
    if not hasattr(evaluated, "resolve_expression") or isinstance(evaluated, Window):
        return False
    return getattr(evaluated, "contains_aggregate", False) or any(name in known for name in names_in(evaluated))


def _nested(evaluated: Any, known: set[str]) -> Iterator[str]:
    if not known or not hasattr(evaluated, "get_source_expressions"):
        return
    if isinstance(evaluated, Aggregate):
        # Not Aggregate's own method: it adds the filter, which may name aggregates.
        for source in Func.get_source_expressions(evaluated):
            for name in names_in(source) if source is not None else ():
                if name in known:
                    refused = f'{type(evaluated).__name__}("{name}")'
                    yield f'Django rejects this expression: Cannot compute {refused}, because "{name}" is an aggregate'
    for source in evaluated.get_source_expressions():
        yield from _nested(source, known)
