"""`adj.related()`: the name of the relation, its rows, and the values of its through model."""

from __future__ import annotations

from typing import Any

from mypy.nodes import CallExpr, Expression, MemberExpr, StrExpr
from mypy.types import Type

from adj_mypy.boundary.codes import LOOKUP, SHAPE, VALUE
from adj_mypy.boundary.syntax import called_on
from adj_mypy.boundary.words import suggestion
from adj_mypy.calls.call import Call, Query
from adj_mypy.expressions.names import NO_NAMES
from adj_mypy.lookups import assignments, check_values, subqueries
from adj_mypy.lookups.field_names import model_of_instance
from adj_mypy.lookups.operands import Expected, Table
from adj_mypy.models.project import ModelClass, relations, single_relations

RELATED = "adj.query.related.related"


def related(call: Call) -> Type:
    """`related(author, "books")`: the name of a multi-valued relation."""
    model, names = model_of_instance(call), call.texts("name")
    if model is None or not names:
        return call.result
    name, at = names[0]
    if name not in relations(model):
        many = relations(model).keys() - single_relations(model).keys()
        call.fail(f'{model.__name__} has no relation "{name}"{suggestion(name, many)}', at, LOOKUP)
    elif name in single_relations(model):
        call.fail(
            f'"{model.__name__}.{name}" is a relation to one row; related() requires a relation to many', at, SHAPE
        )
    return call.result


def add(call: Call) -> Type:
    """`aadd()`: rows or keys of the relation's model, and the values of new rows of its through model."""
    query = call.query
    if query is not None:
        _check_objects(call, query)
        _check_through(call)
    return call.result


def remove(call: Call) -> Type:
    """`aremove()`: rows or keys of the relation's model."""
    if call.query is not None:
        _check_objects(call, call.query)
    return call.result


def replace(call: Call) -> Type:
    """`aset()`: a query of the relation's model, or an iterable of its rows or keys."""
    query = call.query
    for argument in call.arguments("objs") if query is not None else ():
        expected = None if query is None else _objects(call, query.model)
        if query is None or expected is None:
            break
        if subqueries.columns_of(argument.type) is not None:
            problem = subqueries.mismatch(call.project, call.api, argument.type, query.model, expected.type)
            if problem is not None:
                call.fail(f"aset() expects {problem}", argument.expression, VALUE)
        else:
            check_values.check_many(call, argument, "aset()", expected)
    _check_through(call)
    return call.result


def _check_objects(call: Call, query: Query) -> None:
    expected = _objects(call, query.model)
    for argument in call.arguments("objs"):
        if not argument.is_unpacked:
            check_values.check(call, argument.expression, argument.type, f"{call.name}()", expected)


def _objects(call: Call, model: ModelClass) -> Expected | None:
    table = Table(call.project, call.api, takes_parents=False)
    typ = table.of_relation(model)
    return None if typ is None else Expected(typ, lambda: typ)


def _check_through(call: Call) -> None:
    through = _through_of(call)
    if through is None:
        return
    for argument in call.arguments("through_defaults"):
        writing = assignments.Writing(call, through, NO_NAMES, is_new=True)
        writing.check(assignments.literal_pairs(call, argument.expression), may_be_called=True)


def _through_of(call: Call) -> ModelClass | None:
    """Return the through model, if the relation is named in the same expression."""
    call_expr = called_on(call.context.context)
    if not isinstance(call_expr, CallExpr) or getattr(call_expr.callee, "fullname", "") != RELATED:
        return None
    owner, name = _relation_in(call_expr)
    model = None if owner is None else call.project.model_of(call.api.type_of(owner))
    relation: Any = None if model is None else relations(model).get(name)
    field = getattr(relation, "remote_field", None)
    return getattr(relation, "through", None) or getattr(field, "through", None)


def _relation_in(call_expr: CallExpr) -> tuple[Expression | None, str]:
    """`related(book, "tags")` and `related(book.tags)`: the instance, and the name."""
    match call_expr.args:
        case [owner, StrExpr(value=name)]:
            return owner, name
        case [MemberExpr(expr=owner, name=name)]:
            return owner, name
        case _:
            return None, ""
