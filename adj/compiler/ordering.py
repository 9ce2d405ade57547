"""The order of a query as keys: what pages are cut by, made total by the primary key.

Private Django API used here: `Query.extra_order_by`, `Query.default_ordering`, `Query.standard_ordering`,
`Query.distinct_fields`, `Query.group_by`, `Query.combinator`, `QuerySet._iterable_class`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, JSONField, Model, OrderBy
from django.db.models.constants import LOOKUP_SEP

from adj.compiler.clauses import DjangoQuerySet
from adj.compiler.text import query_text
from adj.errors import ShapeError
from adj.hydrate.layout import ROW_SHAPES
from adj.shapes import RowShape
from adj.statement import Statement, ValuesList


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One thing that rows are sorted by. `nulls_first` is None where the database decides."""

    expression: Any
    descending: bool = False
    nulls_first: bool | None = None
    may_be_null: bool = True

    def text(self) -> str:
        """What tells one order from another."""
        return f"{self.expression!r} {self.descending} {self.nulls_first}"

    def reversed(self) -> OrderKey:
        """The same key from the other end."""
        nulls_first = None if self.nulls_first is None else not self.nulls_first
        return OrderKey(self.expression, not self.descending, nulls_first, self.may_be_null)

    def order_by(self, name: str) -> OrderBy:
        """The clause that sorts by the key, which the query knows by a name."""
        nulls = {True: {"nulls_first": True}, False: {"nulls_last": True}, None: {}}[self.nulls_first]
        return OrderBy(F(name), descending=self.descending, **nulls)


@dataclass(frozen=True, slots=True)
class Order:
    """The keys of a query, whose primary key is among them, and the shape of its rows."""

    keys: tuple[OrderKey, ...]
    shape: RowShape
    is_reversed: bool


def order_of(statement: Statement, queryset: DjangoQuerySet) -> Order:
    """The order of a statement. Raises `ShapeError` where it does not say where a row stands."""
    query: Any = queryset.query
    iterable: Any = queryset
    shape = ROW_SHAPES.get(iterable._iterable_class)
    if (reason := _refusal(statement, query, shape)) is not None or shape is None:
        raise ShapeError(
            query=query_text(statement),
            reason=reason or "Its rows are made in a way of its own.",
            advice="A page needs rows whose place is known.",
        )
    try:
        keys = _keys(queryset.model, query)
    except _Unsortable as error:
        raise ShapeError(
            query=query_text(statement), reason=str(error), advice="Order by fields of the row, or of one related row."
        ) from None
    is_reversed = not query.standard_ordering
    return Order(tuple(key.reversed() for key in keys) if is_reversed else keys, shape, is_reversed)


def _refusal(statement: Statement, query: Any, shape: RowShape | None) -> str | None:
    """Why a query cannot be cut into pages."""
    has_instances = shape is RowShape.INSTANCE
    refusals = {
        "page() does not go with union(), intersection() and difference().": query.combinator,
        "page() cuts a query itself, and cannot cut a slice.": query.is_sliced,
        "page() does not go with distinct(*fields).": query.distinct_fields,
        "page() does not go with values() of distinct rows.": query.distinct and not has_instances,
        "page() does not go with values() of groups.": query.group_by is not None and not has_instances,
        "page() does not go with extra(order_by=...).": query.extra_order_by,
        "page() makes rows of one value from values_list(flat=True) only.": shape is RowShape.SCALAR
        and not any(isinstance(clause, ValuesList) and clause.flat for clause in statement.clauses),
    }
    return next((reason for reason, holds in refusals.items() if holds), None)


class _Unsortable(Exception):
    """A term that does not say where a row stands; the message says why."""


def _keys(model: type[Model], query: Any) -> tuple[OrderKey, ...]:
    options: Any = model._meta
    terms = query.order_by or (options.ordering if query.default_ordering else ()) or ()
    keys = [key for term in terms for key in _of_term(model, term, query)]
    fields = options.pk_fields
    paths = {path for key in keys if (path := _path(key.expression)) is not None}
    alone = {"pk"} if len(fields) == 1 else set()
    missing = [field for field in fields if not paths & {field.name, field.attname, *alone}]
    return (*keys, *[OrderKey(F(field.attname), may_be_null=False) for field in missing])


def _of_term(model: type[Model], term: Any, query: Any) -> Iterator[OrderKey]:
    if isinstance(term, str):
        yield from _of_name(model, term.removeprefix("-").removeprefix("+"), query, descending=term.startswith("-"))
        return
    order = term if isinstance(term, OrderBy) else OrderBy(term)
    expression: Any = order.expression
    nulls_first = True if order.nulls_first else False if order.nulls_last else None
    path = _path(expression)
    is_field = path is not None and path not in query.annotations
    may_be_null = not is_field or _may_be_null(model, str(path))
    yield OrderKey(expression, order.descending, nulls_first, may_be_null)


def _of_name(model: type[Model], name: str, query: Any, *, descending: bool) -> Iterator[OrderKey]:
    """The keys of a name: a relation stands for the order of the related model, as Django has it."""
    if name == "?":
        raise _Unsortable("page() does not go with a random order.")
    if name in query.annotations:
        yield OrderKey(F(name), descending)
        return
    fields = _fields_along(model, name)
    last = fields[-1] if fields else None
    if last is None:
        raise _Unsortable(f'page() cannot order by "{name}".')
    part = name.rpartition(LOOKUP_SEP)[2]
    ordering = last.related_model._meta.ordering if last.is_relation and part not in {"pk", last.attname} else ()
    if not ordering:
        yield from _of_pk_parts(model, name, descending)
    for term in ordering:
        for key in _of_related(last.related_model, term, query):
            expression = F(f"{name}{LOOKUP_SEP}{key.expression.name}")
            yield OrderKey(expression, key.descending != descending, key.nulls_first)


def _of_pk_parts(model: type[Model], name: str, descending: bool) -> Iterator[OrderKey]:
    """One key for a field; several for a primary key of several columns."""
    options: Any = model._meta
    if name == "pk" and len(options.pk_fields) > 1:
        for field in options.pk_fields:
            yield OrderKey(F(field.attname), descending, may_be_null=False)
    else:
        yield OrderKey(F(name), descending, may_be_null=_may_be_null(model, name))


def _of_related(model: type[Model], term: Any, query: Any) -> Iterator[OrderKey]:
    for key in _of_term(model, term, query):
        if _path(key.expression) is None:
            raise _Unsortable(f"page() cannot order by the expressions that {model.__name__} is ordered by.")
        yield key


def _path(expression: Any) -> str | None:
    """The path that an expression is, if it is one."""
    # The stubs do not know the attribute.
    found: Any = expression
    return str(found.name) if isinstance(expression, F) else None


def _fields_along(model: Any, path: str) -> list[Any]:
    """The fields that a path goes through, up to the first name that is none, such as a transform."""
    fields: list[Any] = []
    for part in path.split(LOOKUP_SEP):
        if model is None:
            break
        try:
            field: Any = model._meta.pk if part == "pk" else model._meta.get_field(part)
        except FieldDoesNotExist:
            break
        if field.many_to_many or field.one_to_many:
            raise _Unsortable(f'"{path}" leads to several rows, so that a row would have several places.')
        if isinstance(field, JSONField):
            raise _Unsortable(f'"{path}" is JSON, whose order is another on each database.')
        fields.append(field)
        model = field.related_model if field.is_relation else None
    return fields


def _may_be_null(model: type[Model], path: str) -> bool:
    """Whether the end of a path may be null: behind a relation or a transform it may, whatever the field says."""
    fields = _fields_along(model, path)
    return LOOKUP_SEP in path or not fields or bool(getattr(fields[0], "null", True))
