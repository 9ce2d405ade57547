"""Check conditions: keyword lookups and dicts, `Q`, `When` and `FilteredRelation`, also inside expressions.

Their paths and values are checked, and in subqueries the names in `OuterRef`. Conditions in variables are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import FieldError
from django.db.models import FilteredRelation, Q
from django.db.models.sql.query import Query as DjangoQuery
from mypy.nodes import (
    ARG_STAR2,
    CallExpr,
    DictExpr,
    Expression,
    FloatExpr,
    IntExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
)
from mypy.types import Instance, Type, get_proper_type

from adj.errors import QueryError
from adj.schema.paths import ResolvedPath, resolve
from adj_mypy.boundary.codes import LOOKUP, SHAPE, VALUE
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.words import type_text
from adj_mypy.calls.call import Argument, Call
from adj_mypy.expressions.evaluate import METHODS, UNKNOWN, Evaluator, expression_class
from adj_mypy.expressions.nulls import Scope
from adj_mypy.lookups import check_values, paths, subqueries
from adj_mypy.lookups.expression_types import check_names
from adj_mypy.lookups.operands import AnyPath, Table
from adj_mypy.models.project import target_of

_Q: Final = "django.db.models.query_utils.Q"
_WHEN: Final = "django.db.models.expressions.When"
_FILTERED: Final = "django.db.models.query_utils.FilteredRelation"
_OWN: Final = {
    _Q: frozenset({"_connector", "_negated"}),
    _WHEN: frozenset({"then", "condition"}),
}
"""Keywords of these classes that are not lookups."""

_NESTED: Final = frozenset({"exact", "in", "gt", "gte", "lt", "lte"})
"""Lookups that compare a column with a subquery."""

_PLAIN: Final = (StrExpr, IntExpr, FloatExpr, NameExpr)
"""Expressions without parts."""

_NO_CONDITION: Final = ("builtins.str", "builtins.int", "builtins.float", "builtins.dict", "builtins.list")


def check_arguments(call: Call, scope: Scope, *formals: str) -> None:
    """Check the arguments of a method such as `filter()`."""
    for argument in call.arguments(*formals):
        if argument.keyword is None and not argument.is_unpacked:
            check_condition(call, scope, argument.expression)
        else:
            for path, at, value_type in pairs(call, argument):
                check_lookup(call, scope, path, at, value_type)


def pairs(call: Call, argument: Argument) -> Iterator[tuple[str, Expression, Type]]:
    """Yield the name and value of a keyword argument, or of the items of a dict literal after `**`."""
    if argument.keyword is not None:
        yield argument.keyword, argument.expression, argument.type
    elif argument.is_unpacked:
        parameters = call.context.callee_arg_names
        yield from (pair for pair in dict_pairs(call, argument.expression) if pair[0] not in parameters)


def dict_pairs(call: Call, expression: Expression) -> Iterator[tuple[str, Expression, Type]]:
    """Yield the names and values of a dict literal, if the names are literals."""
    for key, value in expression.items if isinstance(expression, DictExpr) else ():
        value_type = call.api.type_of(value)
        if isinstance(key, StrExpr) and value_type is not None:
            yield key.value, value, value_type


def check_lookup(call: Call, scope: Scope, path: str, at: Expression, value_type: Type) -> None:
    """Report an unknown path, or a value that the lookup does not accept."""
    resolved = paths.lookup(call, at, scope.model, path, scope.known)
    if resolved is not None:
        name = f'{scope.model.__name__}: "{path}"'
        if not _check_nested(call, name, resolved, at, value_type):
            check_values.check(call, at, value_type, name, Table(call.project, call.api).expected(resolved))
    check_inside(call, scope, at)


def _check_nested(call: Call, name: str, meaning: AnyPath, at: Expression, value_type: Type) -> bool:
    """Return whether the value is a subquery; report one that does not fit."""
    if subqueries.columns_of(value_type) is None:
        return False
    rows = value = None
    if isinstance(meaning, ResolvedPath) and meaning.lookup in _NESTED:
        field = meaning.output if meaning.transforms else meaning.field
        rows = None if meaning.transforms else target_of(field)
        value = Table(call.project, call.api, is_lenient=False).of_field(field)
    problem = subqueries.mismatch(call.project, call.api, value_type, rows, value)
    if problem is not None:
        call.fail(f"{name} expects {problem}", at, VALUE)
    return True


def check_condition(call: Call, scope: Scope, expression: Expression) -> None:
    """Check `Q(a=1) | ~Q(b=2)`, a pair `("a", 1)`, or a boolean expression."""
    match expression:
        case OpExpr(op="&" | "|" | "^"):
            check_condition(call, scope, expression.left)
            check_condition(call, scope, expression.right)
        case UnaryExpr(op="~"):
            check_condition(call, scope, expression.expr)
        case DictExpr():
            for path, at, value_type in dict_pairs(call, expression):
                check_lookup(call, scope, path, at, value_type)
        case TupleExpr(items=[StrExpr() as name, value]):
            operand = call.api.type_of(value)
            if operand is not None:
                check_lookup(call, scope, name.value, value, operand)
        case _:
            check_inside(call, scope, expression)


def check_is_condition(call: Call, at: Expression, value_type: Type) -> None:
    """Report a positional argument that cannot be a condition."""
    actual = get_proper_type(value_type)
    if not isinstance(actual, Instance):
        return
    if any(map(actual.type.has_base, (QUERY, subqueries.QUERYSET))):
        call.fail("a query is not a condition; write Exists(...) around it", at, SHAPE)
    if any(map(actual.type.has_base, _NO_CONDITION)):
        message = "conditions must be Q objects, expressions or keyword lookups; got "
        call.fail(message + type_text(call.api, value_type), at, SHAPE)


def check_inside(call: Call, scope: Scope, expression: Expression) -> None:
    """Check the names in an expression, and the conditions and subqueries in it."""
    evaluated = Evaluator(call.api).evaluate(expression)
    if evaluated is not UNKNOWN and hasattr(evaluated, "resolve_expression"):
        check_names(call, expression, evaluated, scope)
    _walk(call, scope, expression)


def check_conditions_inside(call: Call, scope: Scope, expression: Expression) -> None:
    """Check the conditions and subqueries in an expression whose names are checked elsewhere."""
    _walk(call, scope, expression)


def _walk(call: Call, scope: Scope, expression: Expression) -> None:
    if not isinstance(expression, _PLAIN):
        _look_into(call, scope, expression)


def _look_into(call: Call, scope: Scope, expression: Expression) -> None:
    match expression:
        case _ if subqueries.is_nested(call.api, expression):
            _check_outer_names(call, scope, expression)
        case CallExpr(callee=RefExpr() as callee) if callee.fullname in {_Q, _WHEN}:
            _check_keywords(call, scope, expression, _OWN[callee.fullname])
        case CallExpr(callee=RefExpr(fullname=name)) if name == _FILTERED:
            check_filtered_relation(call, scope, expression)
        case CallExpr(callee=MemberExpr() as method) if method.name in METHODS:
            for part in (method.expr, *expression.args):
                _walk(call, scope, part)
        case CallExpr() if expression_class(expression.callee) is not None:
            for part in expression.args:
                _walk(call, scope, part)
        case CallExpr():
            return
        case _:
            for part in subqueries.parts(expression):
                _walk(call, scope, part)


def _check_keywords(call: Call, scope: Scope, construction: CallExpr, own: frozenset[str]) -> None:
    for kind, name, value in zip(construction.arg_kinds, construction.arg_names, construction.args, strict=True):
        if kind == ARG_STAR2:
            for path, at, given in dict_pairs(call, value):
                check_lookup(call, scope, path, at, given)
        elif name is None or name == "condition":
            check_condition(call, scope, value)
        elif name in own:
            check_inside(call, scope, value)
        else:
            given_type = call.api.type_of(value)
            if given_type is not None:
                check_lookup(call, scope, name, value, given_type)


def check_filtered_relation(call: Call, scope: Scope, construction: CallExpr) -> None:
    """Check the relation and the condition of a `FilteredRelation`."""
    arguments = {
        name or "relation_name": value for name, value in zip(construction.arg_names, construction.args, strict=True)
    }
    relation, condition = arguments.get("relation_name"), arguments.get("condition")
    is_known = isinstance(relation, StrExpr) and _is_relation(call, scope, relation)
    if condition is not None:
        check_condition(call, scope, condition)
    if condition is not None and is_known and isinstance(relation, StrExpr):
        for path, at in _paths_in(condition):
            _check_depth(call, scope, relation.value, path, at)


def _paths_in(condition: Expression) -> Iterator[tuple[str, Expression]]:
    """Yield the paths in the `Q`s of a condition, with their values."""
    if isinstance(condition, CallExpr) and isinstance(condition.callee, RefExpr) and condition.callee.fullname == _Q:
        own = _OWN[_Q]
        for name, value in zip(condition.arg_names, condition.args, strict=True):
            if name is None:
                yield from _paths_in(value)
            elif name not in own:
                yield name, value
    for part in subqueries.parts(condition):
        yield from _paths_in(part)


def _check_depth(call: Call, scope: Scope, relation: str, path: str, at: Expression) -> None:
    """Report a path that leaves the filtered relation, which Django finds out when it adds the relation."""
    try:
        condition: Any = Q((path, None))
        DjangoQuery(scope.model).add_filtered_relation(FilteredRelation(relation, condition=condition), "filtered")
    except ValueError as error:
        call.fail(f"Django rejects this condition: {error}", at, SHAPE)
    except FieldError:
        return


def _is_relation(call: Call, scope: Scope, name: StrExpr) -> bool:
    """Return whether a name is a relation; report it if not."""
    try:
        field = resolve(scope.model, name.value).field
    except QueryError as error:
        if not scope.known.is_open:
            call.fail(paths.problem(call, error), name, LOOKUP)
        return False
    if not field.is_relation:
        call.fail(f'"{scope.model.__name__}.{name.value}" is not a relation', name, LOOKUP)
    return bool(field.is_relation)


def _check_outer_names(call: Call, scope: Scope, query: Expression) -> None:
    for name, at in subqueries.outer_names(call.api, query):
        paths.column(call, at, scope.model, name, scope.known)
