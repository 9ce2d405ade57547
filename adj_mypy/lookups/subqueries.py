"""Subqueries: as values, in `Exists` and `Subquery`, and the `OuterRef`s inside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mypy.nodes import CallExpr, Expression, IndexExpr, MemberExpr, StrExpr
from mypy.types import AnyType, Instance, NoneType, TupleType, Type, TypedDictType, get_proper_type

from adj_mypy.boundary.api import Api
from adj_mypy.boundary.fullnames import MODEL, QUERY
from adj_mypy.boundary.types import is_subtype, make_simplified_union, map_to_base
from adj_mypy.boundary.words import type_text
from adj_mypy.models.project import ModelClass, Project

QUERYSET: Final = "django.db.models.query.QuerySet"

_EXPRESSIONS: Final = (
    "django.db.models.expressions.Combinable",
    "django.db.models.expressions.BaseExpression",
    "django.db.models.query_utils.Q",
    "django.db.models.sql.query.Query",
    QUERYSET,
    QUERY,
)


def is_expression(typ: Type) -> bool:
    """Return whether a value is a Django expression or a query."""
    proper = get_proper_type(typ)
    if not isinstance(proper, Instance):
        return False
    # Django accepts every object with this method.
    return any(map(proper.type.has_base, _EXPRESSIONS)) or proper.type.get("resolve_expression") is not None


def columns_of(typ: Type) -> list[Type] | Instance | None:
    """Return the types of a subquery's columns, or the type of its instances; None for other types."""
    proper = get_proper_type(typ)
    if not isinstance(proper, Instance):
        return None
    query = map_to_base(proper, QUERY) or map_to_base(proper, QUERYSET)
    row = get_proper_type(query.args[1]) if query is not None and len(query.args) == 2 else None
    if isinstance(row, TypedDictType):
        return list(row.items.values())
    if isinstance(row, TupleType):
        return list(row.items)
    if row is None or isinstance(row, AnyType) or _is_general(row):
        return None
    return row if isinstance(row, Instance) and row.type.has_base(MODEL) else [row]


def _is_general(row: Type) -> bool:
    """Return whether a row is a dict or a tuple whose columns are known only at run time."""
    return isinstance(row, Instance) and row.type.fullname in {"builtins.dict", "builtins.tuple"}


def mismatch(project: Project, api: Api, operand: Type, rows: ModelClass | None, value: Type | None) -> str | None:
    """Return the expected subquery in words, if its rows, its number of columns or their type do not fit.

    `rows` is the model of a relation, `value` the type that the column can be compared with.
    """
    columns = columns_of(operand)
    if isinstance(columns, Instance):
        return _mismatch_of_rows(project, columns, rows)
    if columns is None or len(columns) == 0 or any(isinstance(get_proper_type(column), AnyType) for column in columns):
        return None
    if len(columns) != 1:
        return f"a subquery with one column, got {len(columns)} columns"
    if value is not None and not is_subtype(columns[0], make_simplified_union([value, NoneType()])):
        return f"a subquery of {type_text(api, value)}, got {type_text(api, columns[0])}"
    return None


def shares_keys(one: ModelClass, other: ModelClass) -> bool:
    """Return whether rows of one model can be compared with those of another: it is the same, a parent or a child."""
    first, second = one._meta.concrete_model or one, other._meta.concrete_model or other
    return issubclass(first, second) or issubclass(second, first)


def _mismatch_of_rows(project: Project, row: Instance, rows: ModelClass | None) -> str | None:
    """A relation accepts rows of its model, its parents and its children; a column accepts the keys of any rows."""
    model = project.model_of(row)
    if rows is None or model is None or shares_keys(model, rows):
        return None
    return f"a subquery of {rows.__name__} rows, got {model.__name__} rows"


# -- the outer row -----------------------------------------------------------------------------------------------------

_OUTER: Final = "django.db.models.expressions.OuterRef"
_WITH_QUERY: Final = frozenset(
    {
        "django.db.models.expressions.Exists",
        "django.db.models.expressions.Subquery",
        "django.contrib.postgres.expressions.ArraySubquery",
    }
)


def outer_names(api: Api, query: Expression) -> Iterator[tuple[str, Expression]]:
    """Yield the names in the `OuterRef`s of a subquery, with their expressions.

    Subqueries of the subquery are left out, and so is `OuterRef(OuterRef(...))`: they refer to other rows.
    """
    for step in _steps(query):
        for argument in step.args:
            yield from _outer_in(api, argument)


def _outer_in(api: Api, expression: Expression) -> Iterator[tuple[str, Expression]]:
    match expression:
        case CallExpr(callee=callee, args=args):
            name = getattr(callee, "fullname", "")
            if name == _OUTER:
                if args and isinstance(args[0], StrExpr):
                    yield args[0].value, args[0]
            elif name not in _WITH_QUERY and not is_nested(api, expression):
                for argument in args:
                    yield from _outer_in(api, argument)
        case _:
            for part in parts(expression):
                yield from _outer_in(api, part)


def parts(expression: Expression) -> list[Expression]:
    """Return the parts of an operation, a tuple or a list."""
    operation: Any = expression
    names = ("left", "right", "expr")
    nodes = [getattr(operation, name) for name in names if isinstance(getattr(operation, name, None), Expression)]
    return [*nodes, *(item for item in getattr(operation, "items", ()) if isinstance(item, Expression))]


def is_nested(api: Api, expression: Expression) -> bool:
    """Return whether an expression is a chain of calls that returns a query."""
    if next(_steps(expression), None) is None:
        return False
    proper = get_proper_type(api.type_of(expression))
    return isinstance(proper, Instance) and (proper.type.has_base(QUERY) or proper.type.has_base(QUERYSET))


def _steps(query: Expression) -> Iterator[CallExpr]:
    """Yield the calls of a chain, the last one first."""
    while True:
        match query:
            case IndexExpr(base=inner):
                query = inner
            case CallExpr(callee=MemberExpr(expr=inner)):
                yield query
                query = inner
            case CallExpr():
                yield query
                return
            case _:
                return
