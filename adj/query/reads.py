"""What reads: the coroutines and iterators that finish a query, with Django's names, arguments and results.

Private Django API used here: `Options.total_unique_constraints`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from decimal import Decimal
from typing import Any, Generic

import django
from django.db.models import Model, QuerySet

from adj.compiler.django.build import has_instances
from adj.compiler.django.django_path import terminal_reason
from adj.compiler.django.routing import alias_of
from adj.compiler.keys.overrides import ASYNC_ITERATION, CONTAINS, EXPLAIN, IN_BULK, method_names
from adj.compiler.keys.snapshot import snapshot_expressions, snapshot_values
from adj.compiler.plans.prepared import Question
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.execution.executor import Executor, all_rows
from adj.query.builders import BuildingQuery
from adj.query.pages import Page, fetch_page
from adj.query.running import answer, answer_in_django, answer_of_owner
from adj.query.stream import RowStream
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Finish
from adj.typevars import M, R

_GET, _FIRST, _LAST = Finish(Answer.GET), Finish(Answer.FIRST), Finish(Answer.LAST)
_COUNT, _EXISTS = Finish(Answer.COUNT), Finish(Answer.EXISTS)


class ReadingQuery(BuildingQuery[M, R], Generic[M, R]):
    """The methods of a query that ask the database and change nothing."""

    __slots__ = ()

    @property
    def db(self) -> str:
        """The alias that the query would run on now."""
        return alias_of(self.statement)

    # -- rows ----------------------------------------------------------------------------------------------------------

    async def run(self) -> list[R]:
        """All rows.

        Raises Django's own errors for what the database refuses, and `EngineNotOpen` where it cannot be reached or no
        event loop runs.
        """
        rows: list[R] = await answer(self, ROWS)
        return rows

    arun = run

    async def aget(self, *args: object, **kwargs: object) -> R:
        """The one row that fulfils the conditions.

        Raises the model's `DoesNotExist` and `MultipleObjectsReturned`.
        """
        if args or kwargs:
            if terminal_reason(self.statement, method_names(Answer.GET)) is None:
                return await self.filter(*args, **kwargs).aget()
            found: R = await answer(self, Finish(Answer.GET, args, kwargs))
            return found
        row: R = await answer(self, _GET)
        return row

    async def aget_or_none(self, *args: object, **kwargs: object) -> R | None:
        """The one row that fulfils the conditions, or None. Raises the model's `MultipleObjectsReturned`."""
        try:
            return await self.aget(*args, **kwargs)
        except self.statement.model.DoesNotExist:
            return None

    async def afirst(self) -> R | None:
        """The first row, by primary key if the query has no order; None if there is none."""
        row: R | None = await answer(self, _FIRST)
        return row

    async def alast(self) -> R | None:
        """The last row, by primary key if the query has no order; None if there is none."""
        row: R | None = await answer(self, _LAST)
        return row

    async def aearliest(self, *fields: str) -> R:
        """The first row by the named fields, or by `Meta.get_latest_by`. Raises the model's `DoesNotExist`."""
        row: R = await answer(self, Finish(Answer.EARLIEST, snapshot_values(self, fields)))
        return row

    async def alatest(self, *fields: str) -> R:
        """The last row by the named fields, or by `Meta.get_latest_by`. Raises the model's `DoesNotExist`."""
        row: R = await answer(self, Finish(Answer.LATEST, snapshot_values(self, fields)))
        return row

    async def ain_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, R]:
        """Rows by their primary key, or by another unique field; all rows without a list.

        Raises `TypeError` after a slice and `ValueError` for a field that is not unique.
        """
        if terminal_reason(self.statement, IN_BULK) is not None:
            given = () if id_list is None else (id_list,)
            options = {} if field_name == "pk" else {"field_name": field_name}
            rows_by_key: dict[Any, R] = await answer_of_owner(self, IN_BULK, "in_bulk", *given, **options)
            return rows_by_key
        # Django asks first whether there is any, so that 0 is an empty list, too.
        # Any: what is no collection may be false.
        keys: Any = id_list
        ids = None if keys is None else tuple(keys) if keys else ()
        queryset = self.queryset
        if queryset.query.is_sliced or not has_instances(queryset) or not _is_unique(queryset, field_name):
            # Django's own code says what is wrong, or deals with rows that are no instances.
            found: dict[Any, R] = await answer_in_django(self, lambda found: found.in_bulk(ids, field_name=field_name))
            return found
        if ids is not None and not ids:
            return {}
        rows: list[R] = []
        # Each of them has the time of all.
        async with within_time(self.statement, ROWS):
            for batch in [None] if ids is None else _batches(ids, await executor_for(self.db), self.statement.model):
                query = self if batch is None else self.filter(**{f"{field_name}__in": batch})
                rows.extend(await query.run())
        return {getattr(row, field_name): row for row in rows}

    async def aiterator(self, chunk_size: int = 2_000) -> AsyncIterator[R]:
        """One row after another, `chunk_size` rows at a time from the server.

        The cursor is closed when the iteration ends. Leaving a loop early leaves closing to the garbage collector;
        `stream()` closes at once.
        """
        async with self.stream(chunk_size) as rows:
            async for row in rows:
                yield row

    def stream(self, chunk_size: int = 2_000) -> RowStream[R]:
        """`async with query.stream() as rows`: rows one by one, whose cursor is closed at the end of the block.

        `chunk_size` is how many rows (2,000 by default) come from the server at a time. Raises `ValueError` unless it
        is positive, and `TypeError` for what is no number.
        """
        # Typed as `object`: what is no number comes from callers without a type checker.
        given: object = chunk_size
        if isinstance(given, (int, float, Decimal)) and given <= 0:
            raise ValueError(f"chunk_size must be a positive number of rows, not {given!r}.")
        if not isinstance(given, int):
            raise TypeError(f"chunk_size must be a positive number of rows, not {type(given).__name__}.")
        return RowStream(self.db, Question(self.statement, self.structure, ROWS), chunk_size)

    async def __aiter__(self) -> AsyncIterator[R]:
        """`async for row in query`: all rows, fetched at once, as Django does; `stream()` fetches as it goes."""
        if terminal_reason(self.statement, ASYNC_ITERATION) is not None:
            rows: list[R] = await answer_in_django(self, all_rows)
        else:
            rows = await self.run()
        for row in rows:
            yield row

    async def page(self, size: int, *, after: str | None = None, before: str | None = None) -> Page[R]:
        """At most `size` rows behind a cursor, before one, or from the beginning; the cursors are in the page.

        Rows are found by what they are sorted by, made total by the primary key, so that no page is slow, and rows that
        come or go meanwhile shift nothing. Raises `InvalidCursor` for a cursor that is not one of this order, and
        `ShapeError` for rows that have no place of their own: random order, slices, unions, groups.
        """
        return await fetch_page(self.all(), size, after, before)

    # -- facts ---------------------------------------------------------------------------------------------------------

    async def acount(self) -> int:
        """How many rows."""
        count: int = await answer(self, _COUNT)
        return count

    async def aexists(self) -> bool:
        """Whether there is any row."""
        exists: bool = await answer(self, _EXISTS)
        return exists

    async def acontains(self, obj: Model) -> bool:
        """Whether an instance is among the rows.

        Raises `TypeError` for what is no instance and after `values()`, `ValueError` for one that is not saved.
        """
        if terminal_reason(self.statement, CONTAINS) is not None:
            is_there: bool = await answer_of_owner(self, CONTAINS, "contains", obj)
            return is_there
        queryset = self.queryset
        is_simple = isinstance(obj, Model) and obj.pk is not None and has_instances(queryset)
        if not is_simple or queryset.query.combinator or queryset.query.is_sliced:
            contains: bool = await answer_in_django(self, lambda found: found.contains(obj))
            return contains
        if obj._meta.concrete_model is not self.statement.model._meta.concrete_model:
            return False
        return await self.filter(pk=obj.pk).aexists()

    async def aaggregate(self, *args: object, **kwargs: object) -> dict[str, Any]:
        """Values computed over all rows, by name."""
        values: dict[str, Any] = await answer(self, Finish(Answer.AGGREGATE, *snapshot_expressions(self, args, kwargs)))
        return values

    async def aexplain(self, *, format: str | None = None, **options: Any) -> str:
        """How the database would run the query, in its own words."""
        plan: str = await answer_of_owner(self, EXPLAIN, "explain", format=format, **options)
        return plan


def _is_unique(queryset: QuerySet[Any, Any], name: str) -> bool:
    options: Any = queryset.model._meta
    constraints = options.total_unique_constraints
    constrained = {constraint.fields[0] for constraint in constraints if len(constraint.fields) == 1}
    return name == "pk" or name in constrained or bool(options.get_field(name).unique)


def _batches(ids: tuple[Any, ...], executor: Executor, model: type[Model]) -> Iterator[tuple[Any, ...]]:
    """As many keys at a time as the database takes parameters."""
    wrapper, options = executor.dialect.wrapper, model._meta
    if django.VERSION >= (6, 0):
        size = wrapper.ops.bulk_batch_size([options.pk], ids) or len(ids)
    else:
        size = (wrapper.features.max_query_params or 0) // len(options.pk_fields) or len(ids)
    return (ids[start : start + size] for start in range(0, len(ids), size))
