"""The order of a query as keys, made total by the primary key, for keyset pagination.

The keys must compile to the ORDER BY that Django writes for the query.

Private Django API used here: `Query.order_by`, `Query.extra_order_by`, `Query.extra_tables`, `Query.default_ordering`,
`Query.standard_ordering`, `Query.distinct_fields`, `Query.group_by`, `Query.combinator`, `Query.annotations`,
`Query.annotation_select`, `Query.get_initial_alias`, `Query.setup_joins`, `QuerySet._iterable_class`,
`Options.pk_fields`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.db.models import Expression, F, GeneratedField, JSONField, Model, OrderBy
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import BaseExpression, Col, ColPairs
from django.db.models.options import Options
from django.db.models.sql.query import Query

from adj.compiler.django.dialect import Dialect
from adj.compiler.pages.comparable import Comparable, Incomparable, comparable_key
from adj.compiler.pages.order_sql import CompiledOrder, Term, output_field_of
from adj.compiler.pages.page_cursor import Place, order_mark
from adj.compiler.pages.unique_rows import relation_name, repeated_aliases
from adj.compiler.pages.unstable import unstable_reason
from adj.django_types import AnyField
from adj.errors import ShapeError
from adj.hydrate.layout import shape_of
from adj.hydrate.object_iterable import ObjectIterable
from adj.statement.clauses import DjangoQuerySet, ValuesList
from adj.statement.shapes import RowShape
from adj.statement.statement import Statement
from adj.statement.text import query_text


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One expression that rows are sorted by. `nulls_first` is None if the database decides."""

    expression: object
    descending: bool = False
    nulls_first: bool | None = None
    may_be_null: bool = True

    def reversed(self) -> OrderKey:
        """The same key in the opposite direction."""
        nulls_first = None if self.nulls_first is None else not self.nulls_first
        return replace(self, descending=not self.descending, nulls_first=nulls_first)

    def order_by(self, name: str) -> OrderBy:
        """The ORDER BY expression of the key, which is an annotation with this name."""
        nulls = {True: {"nulls_first": True}, False: {"nulls_last": True}, None: {}}[self.nulls_first]
        return OrderBy(F(name), descending=self.descending, **nulls)


@dataclass(frozen=True, slots=True)
class Order:
    """The keys of a query, including the primary key, and the shape of its rows.

    `iterable` creates the rows of `into()`. `columns` are fetched with each row and contain its keys in a form without
    loss. `mark` identifies the order: a digest of the model, the keys' SQL and its parameters.
    """

    keys: tuple[OrderKey, ...]
    comparables: tuple[Comparable, ...]
    columns: Mapping[str, Expression]
    shape: RowShape
    iterable: type[ObjectIterable] | None
    is_reversed: bool
    mark: str

    def places(self, values: Sequence[object]) -> list[Place]:
        """The position of a row with these values in its columns. Raises `Incomparable`."""
        rest = iter(values)
        return [comparable.place([*islice(rest, comparable.width)]) for comparable in self.comparables]


def key_name(position: int) -> str:
    """The annotation name of a key."""
    return f"adj_key_{position}"


def order_of(statement: Statement, queryset: DjangoQuerySet, dialect: Dialect) -> Order:
    """The order of a statement. Raises `ShapeError` if it does not determine the position of a row."""
    shape = shape_of(queryset._iterable_class)
    if (reason := _refusal(statement, queryset.query, shape)) is not None or shape is None:
        raise ShapeError(
            query=query_text(statement),
            reason=reason or "A class of the project creates its rows.",
            advice="Run the query without page(), or slice it.",
        )
    try:
        with dialect.installed():
            return _order(queryset, dialect, shape)
    except (_Unsortable, Incomparable) as error:
        raise ShapeError(
            query=query_text(statement), reason=str(error), advice="Order by fields of the row, or of one related row."
        ) from None


def _refusal(statement: Statement, query: Query, shape: RowShape | None) -> str | None:
    """Why a query does not support pages; None if it does."""
    has_instances = shape is RowShape.INSTANCE
    refusals = {
        "page() does not support union(), intersection() and difference().": query.combinator,
        "page() does not support slices.": query.is_sliced,
        "page() does not support distinct() with field names.": query.distinct_fields,
        "page() does not support values() with distinct().": query.distinct and not has_instances,
        "page() does not support grouped values().": query.group_by is not None
        and not (has_instances and query.group_by is True),
        "page() does not support extra(order_by=...).": query.extra_order_by,
        "page() does not support extra(tables=...).": query.extra_tables,
        "page() supports rows of a single value with values_list(flat=True) only.": shape is RowShape.SCALAR
        and not any(isinstance(clause, ValuesList) and clause.flat for clause in statement.clauses),
    }
    return next((reason for reason, holds in refusals.items() if holds), None)


class _Unsortable(Exception):
    """A term does not determine the position of a row; the message says why."""


def _order(queryset: DjangoQuerySet, dialect: Dialect, shape: RowShape) -> Order:
    model, query = queryset.model, queryset.query
    whole = CompiledOrder(query, dialect)
    keys = _keys(model, query)
    compiled, terms = _keyed(queryset, keys, dialect)
    if any(term.is_constant for term in terms):
        # Databases interpret a number in ORDER BY as a column position, and reject other constants.
        keys = tuple(key for key, term in zip(keys, terms, strict=True) if not term.is_constant)
        compiled, terms = _keyed(queryset, keys, dialect)
    names = [key_name(position) for position in range(len(keys))]
    nodes = [compiled.query.annotations[name] for name in names]
    comparables = tuple(comparable_key(_sortable_type(node), dialect.wrapper) for node in nodes)
    _check_stability(compiled.query, nodes)
    _check_rows(compiled)
    if dialect.wrapper.vendor == "mysql" and query.distinct and query.group_by is not None:
        raise _Unsortable(
            "MariaDB does not sort distinct rows of groups by their aggregates; leave out distinct(), since groups are "
            "distinct already."
        )
    _check_order(compiled, whole.order, [*zip(terms, nodes, strict=True)])
    columns = {
        f"adj_value_{position}_{number}": column
        for position, (name, comparable) in enumerate(zip(names, comparables, strict=True))
        for number, column in enumerate(comparable.columns(name))
    }
    resolved = tuple(
        replace(key, may_be_null=key.may_be_null and _may_be_null(node, compiled.query))
        for node, key in zip(nodes, keys, strict=True)
    )
    mark = order_mark(f"{model._meta.label} {dialect.wrapper.vendor}", [*map(str, terms), compiled.groups(nodes)])
    iterable: Any = queryset._iterable_class if shape is RowShape.OBJECT else None
    return Order(resolved, comparables, columns, shape, iterable, _is_reversed(query), mark)


def _keyed(queryset: DjangoQuerySet, keys: Sequence[OrderKey], dialect: Dialect) -> tuple[CompiledOrder, list[Term]]:
    """The query sorted by keys, and the term of each."""
    named = {key_name(position): key for position, key in enumerate(keys)}
    keyed = queryset.alias(**{name: key.expression for name, key in named.items()})
    keyed = keyed.reverse() if _is_reversed(queryset.query) else keyed
    compiled = CompiledOrder(keyed.order_by(*[key.order_by(name) for name, key in named.items()]).query, dialect)
    nodes = compiled.query.annotations
    return compiled, [compiled.term(nodes[name], key.descending, key.nulls_first) for name, key in named.items()]


def _is_reversed(query: Query) -> bool:
    return not query.standard_ordering


# -- checks ------------------------------------------------------------------------------------------------------------


def _check_order(compiled: CompiledOrder, theirs: list[Term], ours: list[tuple[Term, object]]) -> None:
    """Raise `_Unsortable` if the keys do not compile to Django's ORDER BY.

    Django resolves an annotation again when it sorts by its name, which may add parentheses.
    """
    # A repeated term does not sort, in any direction; Django omits most of them.
    wanted: dict[object, Term] = {}
    for term in theirs:
        wanted.setdefault(term.what, term)
    keys: dict[object, tuple[Term, object]] = {}
    for term, node in ours:
        keys.setdefault(term.what, (term, node))
    positions = list(keys.values())
    for number, expected in enumerate(wanted.values()):
        if not any(
            expected == term or expected == compiled.resolved_again(term, node)
            for term, node in positions[number : number + 1]
        ):
            raise _Unsortable(f"Django sorts this query by {expected.django_sql}, which page() cannot compare.")


def _check_stability(query: Query, nodes: Sequence[BaseExpression]) -> None:
    """Raise `_Unsortable` for keys and columns that may change between pages although no row changed."""
    for node in nodes:
        if (reason := unstable_reason(node)) is not None:
            raise _Unsortable(reason)
    if query.where.contains_over_clause or any(node.contains_over_clause for node in query.annotations.values()):
        raise _Unsortable(
            "A window function would be computed over the rows of the page only, so its values would differ."
        )


def _check_rows(compiled: CompiledOrder) -> None:
    """Raise `_Unsortable` for joins that may return a row of the model more than once."""
    repeated = repeated_aliases(compiled.query) & compiled.distinguishing_aliases()
    if repeated:
        name = relation_name(compiled.query, min(repeated, key=list(compiled.query.alias_map).index))
        raise _Unsortable(
            f'"{name}" leads to several rows, so a row would appear several times. If it is used as a condition, add '
            "distinct()."
        )
    if any(isinstance(node, ColPairs) for node in compiled.query.annotation_select.values()):
        raise _Unsortable("page() does not support a composite primary key as an annotation.")
    if compiled.returns_sets():
        raise _Unsortable("A function that returns sets would return a row several times.")


def _sortable_type(node: BaseExpression) -> AnyField | None:
    """The output field of a key; None if unknown. Raises `_Unsortable` for types without an order."""
    field = output_field_of(node)
    if isinstance(node, ColPairs):
        raise _Unsortable("A composite primary key inside an annotation cannot be compared.")
    if isinstance(field, JSONField):
        name = getattr(getattr(node, "target", None), "name", None) or type(node).__name__
        raise _Unsortable(f'"{name}" is a JSONField; its sort order differs between databases.')
    return field


def _may_be_null(node: BaseExpression, query: Query) -> bool:
    """Whether a key may be NULL: always for relations, generated columns and unmanaged tables."""
    if not isinstance(node, Col) or node.alias != query.get_initial_alias():
        return True
    field: AnyField = node.target
    return isinstance(field, GeneratedField) or not field.model._meta.managed or bool(field.null)


# -- keys --------------------------------------------------------------------------------------------------------------


def _keys(model: type[Model], query: Query) -> tuple[OrderKey, ...]:
    options: Options[Model] = model._meta
    terms = query.order_by or (options.ordering if query.default_ordering else ()) or ()
    keys = [key for term in terms for key in _of_term(model, term, query)]
    fields = options.pk_fields
    paths = {path for key in keys if (path := _path(key.expression)) is not None}
    alone = {"pk"} if len(fields) == 1 else set()
    missing = [field for field in fields if not paths & {field.name, field.attname, *alone}]
    descending = _is_reversed(query)
    return (*keys, *[OrderKey(F(field.attname), descending, may_be_null=False) for field in missing])


def _of_term(model: type[Model], term: Any, query: Query) -> Iterator[OrderKey]:
    """The keys of a term of the query, in its direction."""
    if isinstance(term, str):
        name, descending = _direction(term, is_reversed=_is_reversed(query))
        yield from _of_name(model, name, query, descending=descending)
        return
    order = term if isinstance(term, OrderBy) else OrderBy(term)
    key = _of_order_by(order)
    key = key.reversed() if _is_reversed(query) else key
    path = _path(key.expression)
    if path is not None and path not in query.annotations:
        names = _columns_of(model, path, query)
        yield from (replace(key, expression=F(name)) for name in names)
    else:
        yield from _of_annotation(key, query)


def _of_order_by(order: OrderBy) -> OrderKey:
    nulls_first = True if order.nulls_first else False if order.nulls_last else None
    return OrderKey(order.expression, order.descending, nulls_first)


def _direction(term: str, *, is_reversed: bool) -> tuple[str, bool]:
    """A term's path, and whether it is descending."""
    return term.removeprefix("-").removeprefix("+"), term.startswith("-") != is_reversed


def _of_name(model: type[Model], name: str, query: Query, *, descending: bool) -> Iterator[OrderKey]:
    """The keys of a name: an annotation, or a path."""
    if name == "?":
        raise _Unsortable("page() does not support a random order.")
    if name in query.annotations:
        yield from _of_annotation(OrderKey(F(name), descending), query)
        return
    if name in query.extra:
        raise _Unsortable(f'page() does not support ordering by "{name}", which is an extra(select=...) column.')
    yield from _of_path(model, name, "", descending, query)


def _of_annotation(key: OrderKey, query: Query) -> Iterator[OrderKey]:
    """The key of an expression; for an annotation that is a composite primary key, one key for each column."""
    path = _path(key.expression)
    node = query.annotations.get(path) if path is not None else None
    if isinstance(node, ColPairs) and node.alias == query.get_initial_alias():
        yield from (replace(key, expression=F(field.attname)) for field in node.targets)
    else:
        yield key


def _of_path(model: type[Model], name: str, prefix: str, descending: bool, query: Query) -> Iterator[OrderKey]:
    """The keys of a path: a relation is sorted by the related model's ordering, as in Django."""
    options: Options[Model] = model._meta
    pieces = name.split(LOOKUP_SEP)
    scope = Query(model) if prefix else query.clone()
    field, _, related, _, _, transform = scope.setup_joins(pieces, options, scope.get_initial_alias())
    is_column = getattr(field, "attname", None) == pieces[-1] or name == "pk"
    if not field.is_relation or not related.ordering or is_column or getattr(transform, "has_transforms", False):
        for column in _columns_of(model, name, None if prefix else query):
            yield OrderKey(F(f"{prefix}{column}"), descending)
        return
    within = f"{prefix}{name}{LOOKUP_SEP}"
    for term in related.ordering:
        if isinstance(term, str):
            path, is_down = _direction(term, is_reversed=descending)
            yield from _of_path(related.model, path, within, is_down, query)
        elif isinstance(term, OrderBy):
            # Django does not reverse these for "-name" or reverse().
            yield _of_order_by(term.prefix_references(within))
        else:
            order = OrderBy(term, descending=descending)
            yield _of_order_by(order.prefix_references(within))


def _columns_of(model: type[Model], name: str, query: Query | None) -> list[str]:
    """The path; for a composite key, the path of each column."""
    scope = Query(model) if query is None else query.clone()
    targets = scope.setup_joins(name.split(LOOKUP_SEP), model._meta, scope.get_initial_alias()).targets
    if len(targets) == 1 and not _is_composite(targets[0]):
        return [name]
    fields = [part for target in targets for part in (target.fields if _is_composite(target) else (target,))]
    before, separator, last = name.rpartition(LOOKUP_SEP)
    within = f"{before}{separator}" if last == "pk" else f"{name}{LOOKUP_SEP}"
    return [f"{within}{field.attname}" for field in fields]


def _is_composite(field: AnyField) -> bool:
    return getattr(field, "fields", None) is not None and field.column is None


def _path(expression: object) -> str | None:
    """The path of an `F` expression; None for others."""
    return str(expression.name) if isinstance(expression, F) else None  # type: ignore[attr-defined]  # not in the stubs
