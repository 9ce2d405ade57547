"""Check the values in a call against their expected types."""

from __future__ import annotations

from collections.abc import Iterable

from mypy.nodes import Expression, ListExpr, SetExpr, StarExpr, StrExpr, TupleExpr
from mypy.types import Instance, TupleType, Type, UnionType, UnpackType, get_proper_type

from adj_mypy.boundary.codes import VALUE
from adj_mypy.boundary.types import any_type, is_subtype, make_simplified_union
from adj_mypy.boundary.words import type_text
from adj_mypy.calls.call import Argument, Call
from adj_mypy.lookups import subqueries
from adj_mypy.lookups.operands import Expected


def check(call: Call, at: Expression, value_type: Type, name: str, expected: Expected | None) -> None:
    """Report a value that does not have the expected type; None accepts all.

    Django expressions are accepted everywhere; subqueries are checked before.
    """
    if expected is None or subqueries.is_expression(value_type):
        return
    item, parts = expected.item, _written(at)
    if expected.count is not None and _count(parts, value_type) not in {None, expected.count}:
        call.fail(f"{name} expects {expected.count} values, got {_count(parts, value_type)}", at, VALUE)
    elif item is None or parts is None:
        _check_one(call, at, value_type, name, expected)
    else:
        check_each(call, parts, name, item)


def check_each(call: Call, parts: Iterable[Expression], name: str, expected: Expected | None) -> None:
    """Check the items of a list literal one by one, because mypy joins different types to `object`."""
    for part in parts:
        typ = None if isinstance(part, StarExpr) else call.api.type_of(part)
        if typ is not None and expected is not None:
            check(call, part, typ, name, expected)


def check_many(call: Call, argument: Argument, name: str, item: Expected | None) -> None:
    """Report a value that is not an iterable of the expected items."""
    if item is not None:
        many = Expected(_iterable(call, item.type), lambda: _iterable(call, item.shown))
        check(call, argument.expression, argument.type, name, many)


def _iterable(call: Call, item: Type) -> Type:
    return call.api.named("typing.Iterable", [item])


def _check_one(call: Call, at: Expression, value_type: Type, name: str, expected: Expected) -> None:
    actual = get_proper_type(value_type)
    if isinstance(actual, Instance) and actual.type.fullname == "builtins.object":
        # mypy infers generic results, such as that of `request.GET.getlist()`, from the parameter's `object`.
        actual = get_proper_type(value_type := call.api.type_without_context(at))
    if isinstance(actual, UnionType):
        # Expressions in a union are accepted.
        value_type = make_simplified_union([each for each in actual.items if not subqueries.is_expression(each)])
    elif isinstance(actual, TupleType):
        # So are those in a composite key.
        parts = [any_type() if subqueries.is_expression(each) else each for each in actual.items]
        value_type = actual.copy_modified(items=parts)
    is_accepted = is_subtype(value_type, expected.type) and not _is_text_among_many(value_type, expected)
    if not is_accepted or _is_sibling(call, value_type, expected):
        shown, got = (type_text(call.api, typ) for typ in (expected.shown, value_type))
        items = "items of " if expected.is_item else ""
        call.fail(f"{name} expects {items}{shown}, got {got}", at, VALUE)
    elif isinstance(at, StrExpr) and not expected.accepts(at.value):
        shown = type_text(call.api, expected.shown)
        call.fail(f'{name} expects {shown}, got "{at.value}", which cannot be converted', at, VALUE)


def _is_sibling(call: Call, value_type: Type, expected: Expected) -> bool:
    """Return whether a row is of another child of the parent's table: it has the parent's type, but not the key."""
    if expected.rows is None:
        return False
    actual = get_proper_type(value_type)
    items = actual.items if isinstance(actual, UnionType) else [actual]
    models = (call.project.model_of(item) for item in items)
    return any(model is not None and not subqueries.shares_keys(model, expected.rows) for model in models)


def _written(at: Expression) -> list[Expression] | None:
    """Return the items of a list, tuple or set literal."""
    return at.items if isinstance(at, (ListExpr, TupleExpr, SetExpr)) else None


def _count(parts: list[Expression] | None, value_type: Type) -> int | None:
    """Return the number of values, if it is known."""
    if parts is not None:
        return None if any(isinstance(part, StarExpr) for part in parts) else len(parts)
    actual = get_proper_type(value_type)
    is_variadic = not isinstance(actual, TupleType) or any(isinstance(each, UnpackType) for each in actual.items)
    return None if is_variadic or not isinstance(actual, TupleType) else len(actual.items)


def _is_text_among_many(value_type: Type, expected: Expected) -> bool:
    """Return whether a string is passed for an iterable: Django would iterate over its characters."""
    actual = get_proper_type(value_type)
    return isinstance(actual, Instance) and actual.type.has_base("builtins.str") and expected.item is not None
