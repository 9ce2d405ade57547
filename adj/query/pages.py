"""Keyset pagination: pages are found by the values that rows are ordered by, not by OFFSET."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic

from adj.compiler.django.routing import alias_of
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.pages.comparable import Incomparable
from adj.compiler.pages.ordering import Order, OrderKey, key_name, order_of
from adj.compiler.pages.page_cursor import read_cursor, write_cursor
from adj.compiler.pages.seek import behind
from adj.errors import ShapeError
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.statement.clauses import ValuesList
from adj.statement.shapes import RowShape
from adj.statement.statement import ROWS, Statement
from adj.statement.text import query_text
from adj.typevars import R_co


@dataclass(frozen=True, slots=True)
class Page(Generic[R_co]):
    """A page of a query's rows, in its order, and the cursors of the pages around it.

    Pass `next` to `query.page(size, after=...)` and `previous` to `query.page(size, before=...)`; each is None if
    there are no more rows. Cursors are signed, but not encrypted: anybody can read the values in them.
    """

    rows: Sequence[R_co]
    next: str | None
    previous: str | None

    @property
    def has_next(self) -> bool:
        """Whether there are rows after these."""
        return self.next is not None

    @property
    def has_previous(self) -> bool:
        """Whether there are rows before these."""
        return self.previous is not None

    def __iter__(self) -> Iterator[R_co]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


# Any: the query is an AsyncQuery, which is defined in a module above.
async def fetch_page(query: Any, size: int, after: str | None, before: str | None) -> Page[Any]:
    """The page of a query after or before a cursor, or the first one; see `AsyncQuery.page()`."""
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise ValueError(f"page() expects a positive number of rows; got {size!r}.")
    if after is not None and before is not None:
        raise ValueError("page() expects either after= or before=; got both.")
    async with within_time(query.statement, ROWS):
        return await _fetch_page(query, size, after, before)


async def _fetch_page(query: Any, size: int, after: str | None, before: str | None) -> Page[Any]:
    # The order of a query is read from its SQL, which depends on the server.
    dialect = (await executor_for(alias_of(query.statement))).dialect
    order = order_of(query.statement, query.queryset, dialect)
    is_backward = before is not None
    keys = tuple(key.reversed() for key in order.keys) if is_backward else order.keys
    sorted_query, start = _sorted(query, order, keys), None
    if (cursor := before if is_backward else after) is not None:
        start, includes_row = read_cursor(cursor, order.mark, len(keys))
        positions = [*zip(keys, order.comparables, start, strict=True)]
        nulls_are_least = bool(dialect.wrapper.features.order_by_nulls_first)
        condition = behind(positions, nulls_are_least=nulls_are_least, includes_row=includes_row)
        sorted_query = sorted_query.filter(condition)
    rows = [_split(row, order) for row in await sorted_query[: size + 1].run()]
    has_more, rows = len(rows) > size, rows[:size]
    if is_backward:
        rows.reverse()
    has_next, has_previous = (True, has_more) if is_backward else (has_more, start is not None)
    if rows:
        following = _cursor(query, order, rows[-1][1]) if has_next else None
        previous = _cursor(query, order, rows[0][1]) if has_previous else None
    else:
        # The rows after the cursor are gone. The page before it has to include the cursor's row, which no page shows.
        back = None if start is None else write_cursor(order.mark, start, includes_row=True)
        following, previous = (back, None) if is_backward else (None, back)
    page = [row for row, _ in rows]
    return Page(page if order.iterable is None else order.iterable.create(page), following, previous)


def _cursor(query: Any, order: Order, values: Sequence[Any]) -> str:
    """The cursor of the row with these values. Raises `ShapeError` for values that cannot be compared."""
    try:
        return write_cursor(order.mark, order.places(values), includes_row=False)
    except Incomparable as error:
        raise ShapeError(
            query=query_text(query.statement), reason=str(error), advice="Order by other fields."
        ) from None


def _sorted(query: Any, order: Order, keys: Sequence[OrderKey]) -> Any:
    """The query ordered by the keys, whose values are added to the rows."""
    if order.shape is RowShape.SCALAR:
        query = _unflattened(query)
    if order.iterable is not None:
        query = query.values_list(*order.iterable.rows.columns)
    named = [(key_name(position), key) for position, key in enumerate(keys)]
    query = query.alias(**{name: key.expression for name, key in named})
    # The keys are already reversed.
    query = query.reverse() if order.is_reversed else query
    query = query.order_by(*[key.order_by(name) for name, key in named])
    return query.annotate(**order.columns)


def _unflattened(query: Any) -> Any:
    """The query with tuples instead of single values, which have room for the keys."""
    statement: Statement = query.statement
    clauses = [
        replace(clause, flat=False) if isinstance(clause, ValuesList) else clause for clause in statement.clauses
    ]
    statement = replace(statement, clauses=tuple(clauses))
    return type(query)(statement, structure_of_statement(statement))


def _split(row: Any, order: Order) -> tuple[Any, list[Any]]:
    """A row without the columns of the keys, and these columns."""
    names = [*order.columns]
    match order.shape:
        case RowShape.INSTANCE:
            return row, [row.__dict__.pop(name) for name in names]
        case RowShape.DICT:
            return row, [row.pop(name) for name in names]
        case RowShape.TUPLE:
            return row[: -len(names)], list(row[-len(names) :])
        case RowShape.NAMED_TUPLE:
            # Django includes the keys in the fields only if no columns were named.
            plain = row[: -len(names)]
            return _row_class(row._fields[: len(plain)])._make(plain), list(row[-len(names) :])
        case RowShape.SCALAR:
            return row[0], list(row[-len(names) :])
        case RowShape.OBJECT:
            # The objects of a page are created at once.
            return row[: -len(names)], list(row[-len(names) :])


@lru_cache(maxsize=256)
def _row_class(names: tuple[str, ...]) -> Any:
    """A class like Django's for the rows of `values_list(named=True)`."""
    # The names are known only at run time.
    return namedtuple("Row", names)  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
