"""Conditions and orders: `filter()`, `exclude()`, `aget()`, `order_by()`, `distinct()` and similar methods."""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import Expression
from mypy.types import Instance, Type, get_proper_type

from adj_mypy.boundary.types import any_type
from adj_mypy.calls.call import Call, Query, literal_text
from adj_mypy.calls.start import is_class, query_of_source
from adj_mypy.expressions.names import Names
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups import conditions, paths
from adj_mypy.lookups.expression_types import default_alias
from adj_mypy.row_state.row_types import replace_rows


def filtered(call: Call) -> Type:
    """`filter()` and similar methods: keyword lookups and conditions."""
    if call.query is not None:
        check_filter(call, call.query)
    return call.result


def shortcut(call: Call) -> Type:
    """`get_object_or_404()` and `get_list_or_404()`: lookups on any argument of `q()`."""
    query = query_of_source(call)
    if query is None:
        return call.result
    check_filter(call, query)
    coroutine = get_proper_type(call.result)
    if not isinstance(coroutine, Instance) or not coroutine.args or not is_class(call.positional()[0].type):
        return call.result
    # mypy joins the state of the class with the declared rows, and finds Any.
    return call.awaitable(replace_rows(call.project, coroutine.args[-1], lambda _, __: query.row))


def check_filter(call: Call, query: Query) -> None:
    """Check the conditions in a call."""
    for argument in call.arguments("args"):
        if not argument.is_unpacked:
            conditions.check_is_condition(call, argument.expression, argument.type)
    conditions.check_arguments(call, scope_of(query), "args", "kwargs")


def complex_filter(call: Call) -> Type:
    """`complex_filter()`: a `Q`, or a dict of lookups."""
    query = call.query
    if query is not None:
        conditions.check_arguments(call, scope_of(query), "filter_obj")
    return call.result


def scope_of(query: Query) -> Scope:
    """Return the scope of the expressions in a query's clauses."""
    return Scope(query.model, query.known.annotations)


def with_conditions(handler: Callable[[Call], Type]) -> Callable[[Call], Type]:
    """Return a handler that also checks the conditions inside expressions, as for `values()`."""

    def checked(call: Call) -> Type:
        query = call.query
        if query is not None:
            scope = _with_own_names(call, query)
            for argument in call.arguments("args", "kwargs", "fields", "expressions"):
                conditions.check_conditions_inside(call, scope, argument.expression)
        return handler(call)

    return checked


def _with_own_names(call: Call, query: Query) -> Scope:
    """Return the scope with the names of the same call, which a later expression may use."""
    arguments = call.arguments("args", "kwargs", "expressions")
    names = (argument.keyword or default_alias(call, argument.expression) for argument in arguments)
    new: dict[str, Type] = {name: any_type() for name in names if name is not None}
    return Scope(query.model, Names(new).adding(query.known.annotations))


def order_by(call: Call) -> Type:
    """`order_by()`: names and expressions."""
    query = call.query
    if query is None:
        return call.result
    for argument in call.arguments("field_names"):
        text = literal_text(argument)
        if text is not None:
            _check_order(call, query, argument.expression, text.removeprefix("-").removeprefix("+"))
        elif not argument.is_unpacked:
            conditions.check_inside(call, scope_of(query), argument.expression)
    return call.result


def _check_order(call: Call, query: Query, at: Expression, path: str) -> None:
    if path != "?" and path not in (query.keys or {}):
        paths.column(call, at, query.model, path, query.known.annotations)


def columns(call: Call) -> Type:
    """`distinct()`, `aearliest()` and `alatest()`: names."""
    query = call.query
    if query is not None:
        for argument in call.arguments("field_names", "fields"):
            path = literal_text(argument)
            if path is not None:
                _check_order(call, query, argument.expression, path.removeprefix("-"))
    return call.result
