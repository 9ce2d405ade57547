"""Terminal methods that read: coroutines and iterators with Django's names, arguments and results.

Private Django API used here: `Options.total_unique_constraints`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from decimal import Decimal
from typing import Any, Generic

import django
from django.core.exceptions import FieldError
from django.db.models import Model, QuerySet

from adj.compiler.checks.terminal_arguments import refusal
from adj.compiler.django.build import has_instances
from adj.compiler.django.django_path import terminal_reason
from adj.compiler.django.routing import alias_of
from adj.compiler.keys.overrides import ASYNC_ITERATION, CONTAINS, EXPLAIN, IN_BULK, method_names
from adj.compiler.keys.snapshot import snapshot_expressions, snapshot_values
from adj.compiler.plans.prepared import Execution
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.execution.executor import Executor, all_rows
from adj.query.builders import BuildingQuery
from adj.query.hidden_frames import hides_frame
from adj.query.pages import Page, fetch_page
from adj.query.running import answer, answer_in_django, call_terminal_method
from adj.query.stream import RowStream
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, TerminalCall
from adj.typevars import M, R

_GET, _FIRST, _LAST = TerminalCall(Answer.GET), TerminalCall(Answer.FIRST), TerminalCall(Answer.LAST)
_COUNT, _EXISTS = TerminalCall(Answer.COUNT), TerminalCall(Answer.EXISTS)

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class ReadingQuery(BuildingQuery[M, R], Generic[M, R]):
    """The terminal methods of a query that read."""

    __slots__ = ()

    @property
    def db(self) -> str:
        """The alias that the query would run on now."""
        return alias_of(self.statement)

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def run(self) -> list[R]:
        """Run the query and return all rows.

        ```python
        books = await q(Book).filter(pages__gt=200).run()
        [book.title for book in books]
        ```

        Raises Django's own errors for errors of the database, `PoolTimeout` if no connection becomes free, and
        `EngineNotOpen` if the database cannot be reached or no event loop is running.
        """
        rows: list[R] = await answer(self, ROWS)
        return rows

    arun = run

    async def aget(self, *args: object, **kwargs: object) -> R:
        """Return the single row that matches the conditions.

        ```python
        book = await q(Book).aget(isbn="0-441-47812-3")
        title = await q(Book).values_list("title", flat=True).aget(pk=1)
        ```

        Takes the arguments of `filter()`. Raises the model's `DoesNotExist` if no row matches, and
        `MultipleObjectsReturned` if there are several.
        """
        query, terminal = self, _GET
        if args or kwargs:
            if terminal_reason(self.statement, method_names(Answer.GET)) is None:
                query = self.filter(*args, **kwargs)
            else:
                terminal = TerminalCall(Answer.GET, args, kwargs)
        row: R = await answer(query, terminal)
        return row

    async def aget_or_none(self, *args: object, **kwargs: object) -> R | None:
        """Return the single row that matches the conditions, or None. Raises the model's `MultipleObjectsReturned`."""
        try:
            return await self.aget(*args, **kwargs)
        except self.statement.model.DoesNotExist:
            return None

    async def afirst(self) -> R | None:
        """Return the first row, or None. A query without an order is ordered by primary key."""
        row: R | None = await answer(self, _FIRST)
        return row

    async def alast(self) -> R | None:
        """Return the last row, or None. A query without an order is ordered by primary key."""
        row: R | None = await answer(self, _LAST)
        return row

    async def aearliest(self, *fields: str) -> R:
        """Return the first row by these fields, or by `Meta.get_latest_by`. Raises the model's `DoesNotExist`."""
        terminal = TerminalCall(Answer.EARLIEST, snapshot_values(self, fields))
        try:
            row: R = await answer(self, terminal)
        except (FieldError, TypeError) as error:
            raise refusal(self, terminal, error)  # noqa: B904  # it may be the error itself, with its cause
        return row

    async def alatest(self, *fields: str) -> R:
        """Return the last row by these fields, or by `Meta.get_latest_by`. Raises the model's `DoesNotExist`."""
        terminal = TerminalCall(Answer.LATEST, snapshot_values(self, fields))
        try:
            row: R = await answer(self, terminal)
        except (FieldError, TypeError) as error:
            raise refusal(self, terminal, error)  # noqa: B904  # as in aearliest()
        return row

    async def ain_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, R]:
        """Return the rows with these primary keys, or values of another unique field, by key; all rows without a list.

        Raises `TypeError` after a slice, and `ValueError` for a field that is not unique.
        """
        if terminal_reason(self.statement, IN_BULK) is not None:
            args = () if id_list is None else (id_list,)
            options = {} if field_name == "pk" else {"field_name": field_name}
            rows_by_key: dict[Any, R] = await call_terminal_method(self, IN_BULK, "in_bulk", *args, **options)
            return rows_by_key
        # As Django does: a false value, such as 0, counts as an empty list.
        # Any: the value may not be a collection.
        keys: Any = id_list
        ids = None if keys is None else tuple(keys) if keys else ()
        queryset = self.queryset
        if queryset.query.is_sliced or not has_instances(queryset) or not _is_unique(queryset, field_name):
            # Django's own code raises the error, or handles rows that are not instances.
            by_django: dict[Any, R] = await answer_in_django(
                self, lambda queryset: queryset.in_bulk(ids, field_name=field_name)
            )
            return by_django
        if ids is not None and not ids:
            return {}
        rows: list[R] = []
        # The query's time limit holds for all batches together.
        async with within_time(self.statement, ROWS):
            for batch in [None] if ids is None else _batches(ids, await executor_for(self.db), self.statement.model):
                query = self if batch is None else self.filter(**{f"{field_name}__in": batch})
                rows.extend(await query.run())
        return {getattr(row, field_name): row for row in rows}

    async def aiterator(self, chunk_size: int = 2_000) -> AsyncIterator[R]:
        """Iterate over the rows, fetching `chunk_size` rows at a time.

        The cursor is closed when the iteration ends. If the loop is left early, it stays open until garbage collection;
        use `stream()` to close it at once.
        """
        async with self.stream(chunk_size) as rows:
            async for row in rows:
                yield row

    def stream(self, chunk_size: int = 2_000) -> RowStream[R]:
        """Return a context manager that streams the rows, and closes the cursor at the end of its block.

        ```python
        async with q(Book).stream(chunk_size=500) as books:
            async for book in books: ...
        ```

        `chunk_size` is the number of rows that are fetched at a time, 2,000 by default. Raises `ValueError` unless it
        is positive, and `TypeError` unless it is an integer.
        """
        # Typed as `object`: callers without a type checker may pass any value.
        size: object = chunk_size
        if isinstance(size, (int, float, Decimal)) and size <= 0:
            raise ValueError(f"chunk_size must be a positive integer; got {size!r}.")
        if not isinstance(size, int):
            raise TypeError(f"chunk_size must be a positive integer; got {type(size).__name__}.")
        return RowStream(self.db, Execution(self.statement, self.structure, ROWS), chunk_size)

    async def __aiter__(self) -> AsyncIterator[R]:
        """`async for row in query` fetches all rows at once, as Django does; use `stream()` to fetch them in chunks."""
        if terminal_reason(self.statement, ASYNC_ITERATION) is not None:
            rows: list[R] = await answer_in_django(self, all_rows)
        else:
            rows = await self.run()
        for row in rows:
            yield row

    async def page(self, size: int, *, after: str | None = None, before: str | None = None) -> Page[R]:
        """Return at most `size` rows after or before a cursor, or the first ones, with the cursors of the next pages.

        ```python
        page = await q(Book).order_by("-published").page(25, after=request.GET.get("after"))
        page.rows, page.next, page.previous
        ```

        Rows are found by the values that the query is ordered by, and its primary key (keyset pagination): the last
        page is as fast as the first, and rows that are inserted or deleted meanwhile do not shift the others. Raises
        `InvalidCursor` for a cursor of another query, and `ShapeError` for a query whose rows cannot be compared: in
        random order, after a slice or `union()`, or grouped.
        """
        return await fetch_page(self.all(), size, after, before)

    # -- facts ---------------------------------------------------------------------------------------------------------

    async def acount(self) -> int:
        """Return the number of rows."""
        count: int = await answer(self, _COUNT)
        return count

    async def aexists(self) -> bool:
        """Return whether there are any rows."""
        exists: bool = await answer(self, _EXISTS)
        return exists

    async def acontains(self, obj: Model) -> bool:
        """Return whether an instance is one of the rows.

        Raises `TypeError` for a value that is not an instance, and after `values()`; `ValueError` for an unsaved
        instance.
        """
        if terminal_reason(self.statement, CONTAINS) is not None:
            is_row: bool = await call_terminal_method(self, CONTAINS, "contains", obj)
            return is_row
        queryset = self.queryset
        is_simple = isinstance(obj, Model) and obj.pk is not None and has_instances(queryset)
        if not is_simple or queryset.query.combinator or queryset.query.is_sliced:
            contains: bool = await answer_in_django(self, lambda queryset: queryset.contains(obj))
            return contains
        if obj._meta.concrete_model is not self.statement.model._meta.concrete_model:
            return False
        return await self.filter(pk=obj.pk).aexists()

    async def aaggregate(self, *args: object, **kwargs: object) -> dict[str, Any]:
        """Return expressions computed over all rows, by name: `await q(Book).aaggregate(Avg("pages"))`.

        Raises `UnknownField`, and `ShapeError` for an argument that is not an aggregate.
        """
        terminal = TerminalCall(Answer.AGGREGATE, *snapshot_expressions(self, args, kwargs))
        try:
            values: dict[str, Any] = await answer(self, terminal)
        except (FieldError, TypeError) as error:
            raise refusal(self, terminal, error)  # noqa: B904  # as in aearliest()
        return values

    async def aexplain(self, *, format: str | None = None, **options: Any) -> str:
        """Return the database's execution plan of the query; see Django's `explain()` for the arguments."""
        plan: str = await call_terminal_method(self, EXPLAIN, "explain", format=format, **options)
        return plan


def _is_unique(queryset: QuerySet[Any, Any], name: str) -> bool:
    options: Any = queryset.model._meta
    constraints = options.total_unique_constraints
    constrained = {constraint.fields[0] for constraint in constraints if len(constraint.fields) == 1}
    return name == "pk" or name in constrained or bool(options.get_field(name).unique)


def _batches(ids: tuple[Any, ...], executor: Executor, model: type[Model]) -> Iterator[tuple[Any, ...]]:
    """The keys in batches of as many as the database accepts parameters."""
    wrapper, options = executor.dialect.wrapper, model._meta
    if django.VERSION >= (6, 0):
        size = wrapper.ops.bulk_batch_size([options.pk], ids) or len(ids)
    else:
        size = (wrapper.features.max_query_params or 0) // len(options.pk_fields) or len(ids)
    return (ids[start : start + size] for start in range(0, len(ids), size))
