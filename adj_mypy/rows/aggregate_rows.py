"""Rows that consist of aggregates: another aggregate makes Django group by nothing.

The result is then one row over all rows. It exists even for an empty table, where most aggregates are NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from mypy.nodes import CallExpr, Expression, MemberExpr, StrExpr
from mypy.types import TupleType, Type, TypedDictType, get_proper_type

from adj_mypy.calls.call import Call, Query
from adj_mypy.expressions.names import NAMING
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups.expression_types import expression_type, is_aggregate

_SELECTING: Final = frozenset({"values", "values_list"})


def with_aggregate_rows(call: Call, query: Query) -> Query:
    """Return the query with its rows after the expressions of this call are annotated."""
    if call.project.model_of(query.row) is not None:
        return query
    scope = Scope(query.model, query.known.annotations, is_total=True)
    expressions = [argument.expression for argument in call.arguments("args", "kwargs")]
    columns = _selected(call) if expressions and all(is_aggregate(call, each, scope) for each in expressions) else {}
    if not columns or not all(is_aggregate(call, each, scope) for each in columns.values()):
        return query
    types = {name: expression_type(call, each, scope) for name, each in columns.items()}
    return replace(query, row=_retyped(call, query.row, types))


def _retyped(call: Call, row: Type, types: Mapping[str, Type]) -> Type:
    proper = get_proper_type(row)
    if isinstance(proper, TypedDictType):
        return call.api.typed_dict(dict(types))
    if not isinstance(proper, TupleType):
        return next(iter(types.values()))
    is_plain = proper.partial_fallback.type.fullname == "builtins.tuple"
    return proper.copy_modified(items=list(types.values())) if is_plain else row


def _selected(call: Call) -> Mapping[str, Expression]:
    """Return the expressions of the selected columns, if all are annotations in the same chain."""
    steps = list(_steps(call.context.context))
    if not steps or steps[0][0] not in _SELECTING:
        return {}
    names = [argument.value for argument in steps[0][1].args if isinstance(argument, StrExpr)]
    named = {
        name: expression
        for method, step in reversed(steps)
        for name, expression in zip(step.arg_names, step.args, strict=True)
        if method in NAMING and name is not None
    }
    return {name: named[name] for name in names} if all(name in named for name in names) else {}


def _steps(asked: object) -> Iterator[tuple[str, CallExpr]]:
    """Yield the calls before this one in a chain, the last one first."""
    while isinstance(asked, CallExpr) and isinstance(asked.callee, MemberExpr):
        asked = asked.callee.expr
        if isinstance(asked, CallExpr) and isinstance(asked.callee, MemberExpr):
            yield asked.callee.name, asked
