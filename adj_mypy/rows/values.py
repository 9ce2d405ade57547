"""The rows of `values()`, `values_list()`, `dates()`, and of combined queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from mypy.nodes import CallExpr, Context, Expression, NameExpr
from mypy.types import Instance, TupleType, Type, TypedDictType, get_proper_type

from adj.schema.paths import ResolvedPath, resolve
from adj_mypy.boundary.codes import LOOKUP, SHAPE
from adj_mypy.boundary.fullnames import QUERY
from adj_mypy.boundary.synthetic import named_tuple
from adj_mypy.boundary.types import any_type, erroneous, make_simplified_union, map_to_base
from adj_mypy.calls.call import Argument, Call, Query, literal_text
from adj_mypy.expressions.evaluate import Evaluator, expression_class
from adj_mypy.expressions.names import NO_NAMES
from adj_mypy.lookups import paths, subqueries
from adj_mypy.lookups.expression_types import default_alias, expression_class_of, expression_type
from adj_mypy.lookups.filters import scope_of
from adj_mypy.models.fields import type_of_path
from adj_mypy.models.project import SEPARATOR, relations, target_of
from adj_mypy.rows.annotate import conflicting

_NO_NAME: Final = ""
"""Stands for the name of a column that is known only at run time."""

Columns: TypeAlias = Sequence[tuple[str, Type]]
"""Names and types of a row's columns, in order."""


def values(call: Call) -> Type:
    """`values()`: a TypedDict of the columns."""
    query = call.query
    columns = None if query is None else _columns(call, query, call.arguments("fields", "expressions"))
    if query is None or columns is None:
        return call.result
    return _query_of(call, query, columns, call.api.typed_dict(dict(columns)))


def values_list(call: Call) -> Type:
    """`values_list()`: a tuple, a named tuple, or with `flat` the value itself."""
    query = call.query
    flat, named = call.switch("flat"), call.switch("named")
    if query is None:
        return call.result
    if flat is None or named is None:
        return call.query_type(row=any_type())
    columns = _listed(call, query)
    if flat and named:
        call.fail("values_list() accepts flat=True or named=True, not both", call.context.context, SHAPE)
    if columns is None:
        return call.result
    return _query_of(call, query, columns, _flat(call, columns) if flat else _tuple(call, columns, named=named))


def _tuple(call: Call, columns: Columns, *, named: bool) -> Type:
    types = [typ for _, typ in columns]
    names = [name for name, _ in columns]
    if not named:
        return TupleType(types, call.api.named("builtins.tuple", [make_simplified_union(types)]))
    if len(set(names)) != len(names) or not all(_is_name(name) for name in names):
        return any_type()
    return TupleType(types, named_tuple(call.api, "Row", dict(columns)))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")


def _flat(call: Call, columns: Columns) -> Type:
    if len(columns) > 1 and call.arguments("fields"):
        call.fail("values_list() with flat=True accepts only one field", call.context.context, SHAPE)
        return erroneous()
    return columns[0][1]


def _query_of(call: Call, query: Query, columns: Columns, row: Type) -> Type:
    """Return the query with these rows; later clauses may name its computed values."""
    selected = {name: typ for name, typ in columns if name != _NO_NAME}
    computed = {name: typ for name, typ in selected.items() if _is_computed(query, name)}
    return call.query_type(known=query.known.with_annotations(computed).selecting(selected), row=row)


def _is_computed(query: Query, name: str) -> bool:
    """Return whether a column is not the model's."""
    if name in query.known.annotations:
        return True
    head = name.partition(SEPARATOR)[0]
    return head not in {"pk", *query.model_names} and not query.known.is_open


def _columns(call: Call, query: Query, selected: Iterable[Argument]) -> Columns | None:
    """Return the named columns, or all; None if a name is known only at run time."""
    columns: list[tuple[str, Type]] = []
    arguments = list(selected)
    for argument in arguments:
        column = None if argument.is_unpacked else _column(call, query, argument)
        if column is None:
            return None
        columns.append(column)
    return columns if arguments else _every_column(call, query)


def _column(call: Call, query: Query, argument: Argument) -> tuple[str, Type] | None:
    text = literal_text(argument) if argument.keyword is None else None
    if text is not None:
        return text, column_type(call, argument.expression, query, text)
    if argument.keyword is None:
        _refuse_without_name(call, argument)
        return None
    if conflicting(call, query, argument.keyword, argument.expression):
        return argument.keyword, erroneous()
    return argument.keyword, expression_type(call, argument.expression, scope_of(query))


def _refuse_without_name(call: Call, argument: Argument) -> None:
    """Report an expression without a name, which `values()` does not accept."""
    if expression_class_of(call, argument.expression) is not None:
        call.fail("values() requires a name for this expression, as in name=...", argument.expression, SHAPE)


def _listed(call: Call, query: Query) -> Columns | None:
    """Return the columns of `values_list()`; Django names its expressions."""
    arguments = call.arguments("fields")
    if not arguments:
        return _every_column(call, query)
    columns: list[tuple[str, Type]] = []
    for argument, name in zip(arguments, _names(call, arguments), strict=True):
        if argument.is_unpacked:
            call.explain_fallback("the number of columns is known only at run time", argument.expression)
            return None
        text, at = literal_text(argument), argument.expression
        if text is None:
            is_expression = subqueries.is_expression(argument.type)
            if not is_expression:
                call.explain_fallback("this column is known only at run time", at)
            typ = expression_type(call, at, scope_of(query)) if is_expression else any_type()
            columns.append((name or _NO_NAME, typ))
        else:
            columns.append((name or text, column_type(call, at, query, text)))
    return columns


def _names(call: Call, arguments: Sequence[Argument]) -> Iterator[str | None]:
    """Yield Django's names of columns: `title`, `lower1`, `id__count1`, and `title1` for a repeated one."""
    taken = {text: False for argument in arguments if (text := literal_text(argument)) is not None}
    number = 1
    for argument in arguments:
        text = literal_text(argument)
        name = prefix = text if text is not None else _prefix(call, argument)
        if prefix is not None and taken.get(prefix, True):
            while (name := f"{prefix}{number}") in taken:
                number += 1
        if name is not None:
            taken[name] = True
        yield name


def _prefix(call: Call, argument: Argument) -> str | None:
    expression_class = expression_class_of(call, argument.expression)
    if expression_class is None:
        return _name_of_class(call, argument.expression)
    return default_alias(call, argument.expression) or expression_class.__name__.lower()


def _name_of_class(call: Call, at: Expression) -> str | None:
    """Return the name of a subquery's class; the evaluator only knows the type of its values."""
    value = (Evaluator(call.api).value_of(at) if isinstance(at, NameExpr) else None) or at
    cls = expression_class(value.callee) if isinstance(value, CallExpr) else None
    return None if cls is None else cls.__name__.lower()


def column_type(call: Call, at: Context, query: Query, path: str) -> Type:
    """Return the type of a column by its path, which may name an annotation."""
    if is_generic_key(query, path):
        parts = "use its content type and object ID"
        call.fail(f'"{query.model.__name__}.{path}" is a generic foreign key, not a column; {parts}', at, LOOKUP)
        return erroneous()
    if path in query.known.aliases:
        call.fail(f'"{path}" is an alias, not a column; use annotate() to select it', at, LOOKUP)
        return erroneous()
    column = paths.column(call, at, query.model, path, query.known.annotations)
    if isinstance(column, ResolvedPath):
        return type_of_path(call.project, call.api, column)
    return column or any_type()


def is_generic_key(query: Query, name: str) -> bool:
    """Return whether a name is that of a GenericForeignKey."""
    field = relations(query.model).get(name)
    return field is not None and target_of(field) is None


def _every_column(call: Call, query: Query) -> Columns | None:
    if query.known.is_open:
        return None
    names = [field.attname for field in query.model._meta.concrete_fields]
    own = [(name, type_of_path(call.project, call.api, resolve(query.model, name))) for name in names]
    return [*own, *query.known.selected.items()]


# -- moments -----------------------------------------------------------------------------------------------------------

_DATE_PARTS: Final = ("year", "month", "week", "day")
_DATETIME_PARTS: Final = (*_DATE_PARTS, "hour", "minute", "second")


def dates(call: Call) -> Type:
    """`dates()`: of a date or datetime column."""
    return _datetimes(call, {"DateField", "DateTimeField"}, _DATE_PARTS)


def datetimes(call: Call) -> Type:
    """`datetimes()`: of a datetime column."""
    return _datetimes(call, {"DateTimeField"}, _DATETIME_PARTS)


def _datetimes(call: Call, types: set[str], parts: Sequence[str]) -> Type:
    query = call.query
    if query is None:
        return call.result
    for argument in call.arguments("field_name"):
        text = literal_text(argument)
        column = None if text is None else paths.column(call, argument.expression, query.model, text, NO_NAMES)
        if isinstance(column, ResolvedPath) and column.output.get_internal_type() not in types:
            label = f'"{query.model.__name__}.{text}" is a {type(column.output).__name__}'
            call.fail(f"{label}, not a {' or '.join(sorted(types))}", argument.expression, LOOKUP)
    for argument in call.arguments("kind"):
        text = literal_text(argument)
        if text is not None and text not in parts:
            call.fail(f'"{text}" is not one of {", ".join(parts)}', argument.expression, LOOKUP)
    return call.result


# -- several queries ---------------------------------------------------------------------------------------------------


def combined(call: Call) -> Type:
    """`union()`, `intersection()`, `difference()`: the names are those of the first query."""
    query = call.query
    if query is None:
        return call.result
    row = query.row
    for argument in call.arguments("other_qs"):
        other = None if argument.is_unpacked else _row_of(argument.type)
        if other is not None:
            row = _together(call, argument, row, other)
    return call.query_type(row=row)


def _row_of(typ: Type) -> Type | None:
    proper = get_proper_type(typ)
    base = map_to_base(proper, QUERY) if isinstance(proper, Instance) else None
    return None if base is None or len(base.args) != 2 else get_proper_type(base.args[1])


def _together(call: Call, argument: Argument, row: Type, other: Type) -> Type:
    """Return rows that may come from either query: the union of each column."""
    mine, theirs = _places(row), _places(other)
    if mine is None or theirs is None:
        return row
    if len(mine) != len(theirs):
        message = f"the queries have different numbers of columns: {len(mine)} in the first, {len(theirs)} in this one"
        call.fail(message, argument.expression, SHAPE)
        return row
    types: list[Type] = [make_simplified_union(list(pair)) for pair in zip(mine, theirs, strict=True)]
    proper = get_proper_type(row)
    if isinstance(proper, TypedDictType):
        return call.api.typed_dict(dict(zip(proper.items, types, strict=True)))
    if isinstance(proper, TupleType):
        return TupleType(types, proper.partial_fallback)
    return types[0]


def _places(row: Type) -> list[Type] | None:
    """Return the types of a row's columns; None for instances, and if they are not known."""
    proper = get_proper_type(row)
    if isinstance(proper, TypedDictType):
        return list(proper.items.values())
    return list(proper.items) if isinstance(proper, TupleType) else None
