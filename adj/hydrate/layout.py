"""The positions and converters of a row's columns, read from a compiler after compiling.

Private Django API used here: `SQLCompiler.select`, `.klass_info`, `.annotation_col_map`, `.col_count`,
`.has_extra_select`, `.get_converters`, the row iterables of `django.db.models.query`, `QuerySet._iterable_class`,
`QuerySet._fields`, `QuerySet._fetch_mode`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import BaseExpression, ColPairs, Expression
from django.db.models.query import (
    FlatValuesListIterable,
    ModelIterable,
    NamedValuesListIterable,
    ValuesIterable,
    ValuesListIterable,
)
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query

from adj.django_types import KlassInfo, Selected
from adj.hydrate.object_iterable import ObjectIterable
from adj.statement.clauses import DjangoQuerySet
from adj.statement.row_class import ClassRow
from adj.statement.shapes import RowShape

ROW_SHAPES: Mapping[type, RowShape] = {
    ModelIterable: RowShape.INSTANCE,
    ValuesIterable: RowShape.DICT,
    ValuesListIterable: RowShape.TUPLE,
    NamedValuesListIterable: RowShape.NAMED_TUPLE,
    FlatValuesListIterable: RowShape.SCALAR,
}


def shape_of(iterable: type) -> RowShape | None:
    """The shape of the rows of an iterable class; None for a class of the project."""
    if issubclass(iterable, ObjectIterable):
        return RowShape.OBJECT
    return ROW_SHAPES.get(iterable)


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One database column, and the converters of its value, in order."""

    expression: BaseExpression
    converters: tuple[Callable[[object, object, object], object], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a database row, and the form of the result row.

    `items` are the members of a tuple-like row: the number of a column, or the numbers of a composite key's columns.
    `names` are the keys of a dict or named tuple. `klass_info`, `select` and `annotations` are Django's description of
    instances. `is_trimmed`: there are further columns, for the ORDER BY only. `has_surplus`: the ORDER BY of a combined
    query added columns, which Django leaves in its tuples. `row` is the class of `into()`, whose columns come first.
    """

    shape: RowShape
    columns: tuple[ResultColumn, ...]
    items: tuple[int | tuple[int, ...], ...]
    alias: str
    connection: BaseDatabaseWrapper
    names: tuple[str, ...] = ()
    klass_info: KlassInfo | None = None
    select: Sequence[Selected] = ()
    annotations: Mapping[str, int] | None = None
    fetch_mode: object = None
    is_trimmed: bool = False
    has_surplus: bool = False
    row: ClassRow | None = None


def layout_of(queryset: DjangoQuerySet, compiler: SQLCompiler, alias: str) -> Layout:
    """The layout of a QuerySet's rows."""
    select: Sequence[Selected] = (compiler.select or [])[: compiler.col_count]
    iterable: Any = queryset._iterable_class
    shape = shape_of(iterable)
    if shape is None:
        raise KeyError(iterable)
    columns, items = _columns([expression for expression, _, _ in select], compiler)
    return Layout(
        shape=shape,
        columns=columns,
        items=items,
        alias=alias,
        connection=compiler.connection,
        names=_names(queryset, shape),
        klass_info=compiler.klass_info,
        select=select,
        annotations=compiler.annotation_col_map,
        fetch_mode=getattr(queryset, "_fetch_mode", None),
        is_trimmed=bool(compiler.has_extra_select),
        has_surplus=bool(compiler.query.combinator),
        row=iterable.rows.row if shape is RowShape.OBJECT else None,
    )


def cuts_composite_keys(compiler: SQLCompiler) -> bool:
    """Whether Django cuts off columns of a composite key.

    It cuts off columns for the ORDER BY by the number of expressions, and a composite key is one expression with
    several columns.
    """
    # Only the compiler of a SELECT has this attribute, after compiling.
    if not getattr(compiler, "has_extra_select", False):
        return False
    return any(isinstance(expression, ColPairs) for expression, _, _ in (compiler.select or [])[: compiler.col_count])


def aggregate_layout(compiler: SQLCompiler, alias: str, shape: RowShape) -> Layout:
    """The layout of the row of an aggregation."""
    selected = compiler.query.annotation_select
    columns, items = _columns(list(selected.values()), compiler)
    return Layout(
        shape=shape, columns=columns, items=items, alias=alias, connection=compiler.connection, names=tuple(selected)
    )


def _columns(
    expressions: Sequence[Expression], compiler: SQLCompiler
) -> tuple[tuple[ResultColumn, ...], tuple[int | tuple[int, ...], ...]]:
    """The database columns, and the column numbers of each selected expression."""
    converters = compiler.get_converters(list(expressions))
    columns: list[ResultColumn] = []
    items: list[int | tuple[int, ...]] = []
    for expression in expressions:
        start = len(columns)
        is_composite = isinstance(expression, ColPairs)
        for part in expression.get_source_expressions() if is_composite else (expression,):
            functions, _ = converters.get(len(columns), ((), part))
            columns.append(ResultColumn(part, tuple(functions)))
        items.append(tuple(range(start, len(columns))) if is_composite else start)
    return tuple(columns), tuple(items)


def _names(queryset: DjangoQuerySet, shape: RowShape) -> tuple[str, ...]:
    """The keys of a row, as in Django's iterables."""
    query: Query = queryset.query
    if shape is RowShape.NAMED_TUPLE and (fields := queryset._fields):  # type: ignore[attr-defined]  # private
        return tuple(fields)
    if shape is RowShape.DICT and query.selected:
        return tuple(query.selected)
    return (*query.extra_select, *query.values_select, *query.annotation_select)
