"""Keyset pages: the rows behind a cursor, found by what they are sorted by and not by counting."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic

from django.db.models import Q

from adj.compiler.clauses import structure_of_statement
from adj.compiler.dialect import dialect_for
from adj.compiler.ordering import Order, OrderKey, order_of
from adj.compiler.text import query_text
from adj.cursors import order_mark, read_cursor, write_cursor
from adj.shapes import RowShape
from adj.statement import Statement, ValuesList
from adj.typevars import R_co


@dataclass(frozen=True, slots=True)
class Page(Generic[R_co]):
    """Rows of a query in its order, and the cursors of the pages around them.

    `next` goes to `query.page(size, after=...)` and `previous` to `query.page(size, before=...)`; each is None where
    there is no such page. Cursors are signed, not encrypted: who has one can read the values that the row is sorted by.
    """

    rows: Sequence[R_co]
    next: str | None
    previous: str | None

    @property
    def has_next(self) -> bool:
        """Whether there are rows behind these."""
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        """Whether there are rows before these."""
        return self.previous is not None

    def __iter__(self) -> Iterator[R_co]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


# The query is an AsyncQuery, which this layer does not know.
async def fetch_page(query: Any, size: int, after: str | None, before: str | None) -> Page[Any]:
    """The page of a query behind one cursor, before another, or the first one; see `AsyncQuery.page()`."""
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise ValueError(f"page() takes a positive number of rows, not {size!r}.")
    if after is not None and before is not None:
        raise ValueError("page() takes rows after one cursor or before one, not both.")
    order = order_of(query.statement, query.queryset)
    keys = order.keys if before is None else tuple(key.reversed() for key in order.keys)
    mark = order_mark(query.statement.model._meta.label, [key.text() for key in order.keys])
    names = [f"adj_key_{position}" for position in range(len(keys))]
    asked = _with_keys(query, order, dict(zip(names, keys, strict=True)))
    if (cursor := after if before is None else before) is not None:
        values = read_cursor(cursor, mark, len(keys))
        places = list(zip(names, keys, values, strict=True))
        asked = asked.filter(_behind(places, _nulls_first_by_default(asked)))
    found = [_split(row, order.shape, names) for row in await asked[: size + 1].run()]
    has_more, found = len(found) > size, found[:size]
    if before is not None:
        found.reverse()
    text = query_text(query.statement)

    def cursor_of(position: int, exists: bool) -> str | None:
        return write_cursor(mark, found[position][1], text) if exists and found else None

    is_first, is_last = (after is None, not has_more) if before is None else (not has_more, False)
    return Page([row for row, _ in found], cursor_of(-1, not is_last), cursor_of(0, not is_first))


def _with_keys(query: Any, order: Order, keys: Mapping[str, OrderKey]) -> Any:
    """The query with its keys in the rows, sorted by them."""
    if order.shape is RowShape.SCALAR:
        query = _unflattened(query)
    query = query.annotate(**{name: key.expression for name, key in keys.items()})
    # The keys are turned round already.
    query = query.reverse() if order.is_reversed else query
    return query.order_by(*[key.order_by(name) for name, key in keys.items()])


def _unflattened(query: Any) -> Any:
    """Rows of one value as tuples, which have room for the keys."""
    statement: Statement = query.statement
    clauses = [
        replace(clause, flat=False) if isinstance(clause, ValuesList) else clause for clause in statement.clauses
    ]
    statement = replace(statement, clauses=tuple(clauses))
    return type(query)(statement, structure_of_statement(statement))


def _split(row: Any, shape: RowShape, names: Sequence[str]) -> tuple[Any, list[object]]:
    """A row as it was asked for, and its keys."""
    match shape:
        case RowShape.INSTANCE:
            return row, [row.__dict__.pop(name) for name in names]
        case RowShape.DICT:
            return row, [row.pop(name) for name in names]
        case RowShape.TUPLE:
            return row[: -len(names)], list(row[-len(names) :])
        case RowShape.NAMED_TUPLE:
            # Django names the keys only where no columns were named.
            plain = row[: -len(names)]
            return _row_class(row._fields[: len(plain)])._make(plain), list(row[-len(names) :])
        case RowShape.SCALAR:
            return row[0], list(row[-len(names) :])


@lru_cache(maxsize=256)
def _row_class(names: tuple[str, ...]) -> Any:
    """A class like Django's for the rows of `values_list(named=True)`."""
    # The names are known at run time only.
    return namedtuple("Row", names)  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]


# -- conditions --------------------------------------------------------------------------------------------------------


def _nulls_first_by_default(query: Any) -> bool:
    """Whether the database takes null for less than every value."""
    return bool(dialect_for(query.db).wrapper.features.order_by_nulls_first)


def _behind(places: Sequence[tuple[str, OrderKey, Any]], nulls_are_least: bool) -> Q:
    """The condition of all rows behind one: `a >= x AND (a > x OR (a = x AND ...))`.

    The first half lets an index find where to begin.
    """
    (name, key, value), *rest = places
    has_nulls_first = (nulls_are_least != key.descending) if key.nulls_first is None else key.nulls_first
    nulls_follow = key.may_be_null and not has_nulls_first
    sign = "lt" if key.descending else "gt"
    if value is None:
        same = Q((f"{name}__isnull", True))
        strictly = Q((f"{name}__isnull", False)) if has_nulls_first else None
        from_here = None if has_nulls_first else same
    else:
        same = Q((name, value))
        null = Q((f"{name}__isnull", True)) if nulls_follow else Q()
        strictly = Q((f"{name}__{sign}", value)) | null
        from_here = Q((f"{name}__{sign}e", value)) | null
    if not rest:
        return strictly if strictly is not None else Q(pk__in=[])
    behind = same & _behind(rest, nulls_are_least)
    behind = behind if strictly is None else strictly | behind
    return behind if from_here is None else from_here & behind
