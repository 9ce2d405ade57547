"""Conditions and orders: `filter()`, `exclude()`, `aget()`, `order_by()`, `distinct()` and their kin."""

from __future__ import annotations

from mypy.nodes import CallExpr, Expression, OpExpr, RefExpr, UnaryExpr
from mypy.types import Type

from adj.schema.paths import ResolvedPath
from adj_mypy import operands, paths
from adj_mypy.call import Argument, Call, Query, literal_text
from adj_mypy.evaluate import UNKNOWN, Evaluator
from adj_mypy.expressions import Scope, check_names

_CONDITIONS = frozenset({"django.db.models.query_utils.Q", "django.db.models.expressions.When"})


def conditions(call: Call) -> Type:
    """Lookups as keywords, and in `Q` objects that are written in the call."""
    query = call.query
    if query is None:
        return call.result
    for argument in call.arguments("args", "kwargs", "filter_obj"):
        if argument.is_unpacked:
            continue
        if argument.keyword is None or argument.keyword == "filter_obj":
            _check_condition(call, query, argument.expression)
        else:
            check_lookup(call, query, argument.keyword, argument.expression, argument.type)
    return call.result


def check_lookup(call: Call, query: Query, path: str, at: Expression, given: Type) -> None:
    """Report a path that the model does not have, or a value that it does not take."""
    known = query.known.annotations
    found = paths.lookup(call, at, query.model, path, known)
    if isinstance(found, ResolvedPath):
        operands.check(call, at, given, path, operands.of_lookup(call.project, call.api, found))
    elif found is not None:
        operands.check(call, at, given, path, operands.of_annotation(found))
    made = Evaluator(call.api).evaluate(at)
    if made is not UNKNOWN and hasattr(made, "resolve_expression"):
        check_names(call, at, made, Scope(query.model, known))


def _check_condition(call: Call, query: Query, expression: Expression) -> None:
    """The lookups of `Q(a=1) | ~Q(b=2)`; a condition that is kept in a variable is not looked into."""
    match expression:
        case OpExpr():
            _check_condition(call, query, expression.left)
            _check_condition(call, query, expression.right)
        case UnaryExpr():
            _check_condition(call, query, expression.expr)
        case CallExpr(callee=RefExpr() as callee) if callee.fullname in _CONDITIONS:
            for name, value in zip(expression.arg_names, expression.args, strict=True):
                if name is None:
                    _check_condition(call, query, value)
                elif name not in {"_connector", "_negated", "then", "condition"}:
                    given = call.api.type_of(value)
                    if given is not None:
                        check_lookup(call, query, name, value, given)
        case _:
            return


def order_by(call: Call) -> Type:
    """The names to sort by."""
    query = call.query
    if query is None:
        return call.result
    for argument in call.arguments("field_names"):
        text = literal_text(argument)
        if text is not None:
            _check_order(call, query, argument, text.removeprefix("-").removeprefix("+"))
            continue
        made = Evaluator(call.api).evaluate(argument.expression)
        if made is not UNKNOWN and hasattr(made, "resolve_expression"):
            check_names(call, argument.expression, made, Scope(query.model, query.known.annotations))
    return call.result


def _check_order(call: Call, query: Query, argument: Argument, path: str) -> None:
    if path != "?" and path not in (query.keys or {}):
        paths.column(call, argument.expression, query.model, path, query.known.annotations)


def columns(call: Call) -> Type:
    """The names of `distinct()` and `aearliest()`."""
    query = call.query
    names = call.texts("field_names") or call.texts("fields")
    if query is not None and names is not None:
        for path, at in names:
            paths.column(call, at, query.model, path.removeprefix("-"), query.known.annotations)
    return call.result
