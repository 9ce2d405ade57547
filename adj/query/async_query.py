"""AsyncQuery: the typed query that users build and run.

One class with QuerySet's names, arguments and results, in this order: query methods, which each add a clause; terminal
methods that read; terminal methods that write; what a query is to Python and to Django. `aupdate()`, and deletions
without cascades or signals, are one statement each, whose SQL adj caches; all other writes run Django's own code on
adj's connection, so that defaults, signals, cascades, savepoints and locks are Django's.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, cast, overload

from django.core.exceptions import FieldError
from django.db import models
from django.db.models import Model, QuerySet

from adj.compiler.checks.terminal_arguments import refusal
from adj.compiler.checks.validate import validate
from adj.compiler.django.assign import check_assignments
from adj.compiler.django.build import build, has_instances, pickled, unpickled
from adj.compiler.django.dialect import dialect_for
from adj.compiler.django.django_path import copied, on_alias, stepped, terminal_reason
from adj.compiler.django.object_rows import IntoRows, plain_text
from adj.compiler.django.returning import check_returning
from adj.compiler.django.routing import alias_of
from adj.compiler.keys.key_visitor import structure_of, structure_of_statement
from adj.compiler.keys.overrides import ASYNC_ITERATION, CONTAINS, EXPLAIN, IN_BULK, method_names
from adj.compiler.keys.snapshot import (
    snapshot_condition,
    snapshot_conditions,
    snapshot_expressions,
    snapshot_prefetches,
    snapshot_value,
    snapshot_values,
)
from adj.compiler.plans.prepare import prepare
from adj.compiler.plans.prepared import DjangoPath, Execution, KnownResult
from adj.compiler.relations.known_objects import known_related_objects, prefetches
from adj.errors import AdjError, ShapeError
from adj.execution.databases import executor_for
from adj.execution.deadline import within_time
from adj.execution.executor import all_rows
from adj.query.copy_from import COPY_BATCH, copy_rows
from adj.query.hidden_frames import hides_frame
from adj.query.in_bulk import batches, is_unique
from adj.query.pages import Page, fetch_page
from adj.query.raw import AsyncRawQuery
from adj.query.results import SQL, RowAt
from adj.query.returning import ReturningQuery
from adj.query.running import answer, answer_in_django, call_terminal_method
from adj.query.stream import RowStream
from adj.queryset_names import (
    MANAGER_SURFACE,
    NO_TRUTH_VALUE,
    NOT_AWAITABLE,
    NOT_ITERABLE,
    RELATED_SURFACE,
    SURFACE,
    Fate,
    advice,
)
from adj.schema.row_columns import NoRowClass
from adj.statement import clauses
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Statement, TerminalCall
from adj.statement.structure import StatementHolder, Structure, Unkeyed, extended
from adj.statement.text import query_text
from adj.time_limit import checked_seconds
from adj.typevars import M, R, T

if TYPE_CHECKING:
    from typing import Self

    from django.db.models.sql.query import Query

_GET, _FIRST, _LAST = TerminalCall(Answer.GET), TerminalCall(Answer.FIRST), TerminalCall(Answer.LAST)
_COUNT, _EXISTS = TerminalCall(Answer.COUNT), TerminalCall(Answer.EXISTS)

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class AsyncQuery(StatementHolder, Generic[M, R]):
    """A query of the model `M` whose rows have the type `R`. Create one with `q()`.

    Queries are immutable: every query method returns a new query, and a query can run any number of times, also
    concurrently. Two queries are equal if they have the same clauses with the same values.

    Query methods do not touch the database; each adds one clause. Terminal methods are coroutines, or iterate
    asynchronously. Those that write use the router's `db_for_write`, or the alias of `using()`. They raise
    Django's own errors for errors of the database, such as `IntegrityError`.
    """

    __slots__ = ()

    def __init__(self, statement: Statement, structure: Structure | Unkeyed) -> None:
        self.statement = statement
        self.structure = structure
        self._partial = None

    def _with(self, clause: clauses.Clause) -> Self:
        """The query with one more clause, which is checked first; see `adj/compiler/checks/validate.py`."""
        if self.statement.project is not None or type(clause) is clauses.Combine:
            # A project's own QuerySet method gets the clause as it is, and checks it itself.
            owned = stepped(self.statement, clause)
            if owned is not None:
                return self._with_statement(owned, structure_of_statement(owned))
        statement, before = self.statement.with_clause(clause), self.structure
        added = structure_of(statement.model, clause)
        structure = extended(before, added)
        try:
            partial = validate(self, statement, structure, added)
        except AdjError as error:
            # The traceback ends at the query method: what adj does below it says nothing about the user's mistake.
            error.__traceback__ = None
            raise
        query = self._with_statement(statement, structure)
        if partial is not None:
            query._partial = partial  # noqa: SLF001  # a query's own
        return query

    def _with_statement(self, statement: Statement, structure: Structure | Unkeyed) -> Self:
        """A query of the same class with another statement."""
        return type(self)(statement, structure)

    @classmethod
    def of(cls, query: AsyncQuery[M, R]) -> Self:
        """Return the query as an instance of this subclass: `BookQuery.of(q(Book))`."""
        return cls(query.statement, query.structure)

    # -- conditions ----------------------------------------------------------------------------------------------------

    def filter(self, *args: object, **kwargs: object) -> Self:
        """Return only rows that match every condition.

        ```python
        q(Book).filter(author__name="Le Guin", pages__gt=200)
        q(Book).filter(Q(pages__lt=100) | Q(rating__gte=4))
        ```

        `args` are `Q` objects and conditional expressions, `kwargs` are lookups. Raises `UnknownField` and
        `UnknownLookup` for a path that the model does not have, `InvalidOperand` for a value that its field cannot be
        compared with, and `ShapeError` after a slice and for an argument that is not a condition.
        """
        return self._with(clauses.Filter(*snapshot_conditions(self, args, kwargs)))

    def exclude(self, *args: object, **kwargs: object) -> Self:
        """Return only rows that do not match all the conditions; see `filter()`."""
        return self._with(clauses.Filter(*snapshot_conditions(self, args, kwargs), negated=True))

    def complex_filter(self, filter_obj: models.Q | Mapping[str, object]) -> Self:
        """Filter by a `Q` object or a dict of lookups, such as the value of `limit_choices_to`."""
        return self._with(clauses.ComplexFilter(snapshot_condition(self, filter_obj)))

    # -- columns -------------------------------------------------------------------------------------------------------

    def annotate(self, *args: object, **kwargs: object) -> Self:
        """Add expressions to every row, as attributes or keys. Raises `ShapeError` for a value that is not one."""
        return self._with(clauses.Annotate(*snapshot_expressions(self, args, kwargs)))

    def alias(self, *args: object, **kwargs: object) -> Self:
        """Name expressions for later query methods, without adding them to the rows."""
        return self._with(clauses.Annotate(*snapshot_expressions(self, args, kwargs), selected=False))

    def only(self, *fields: str) -> Self:
        """Load only these fields and the primary key."""
        return self._with(clauses.Only(fields))

    def defer(self, *fields: str | None) -> Self:
        """Do not load these fields; `defer(None)` loads all fields again."""
        return self._with(clauses.Defer(fields))

    # -- order, number, source -----------------------------------------------------------------------------------------

    def order_by(self, *field_names: object) -> Self:
        """Sort by paths and expressions: `-path` is descending, `?` is random. Without arguments, clear the order."""
        return self._with(clauses.OrderBy(snapshot_values(self, field_names)))

    def reverse(self) -> Self:
        """Reverse the order."""
        return self._with(clauses.Reverse())

    def distinct(self, *field_names: str) -> Self:
        """Return rows without duplicates; with names, on PostgreSQL, the first row for each of their values."""
        return self._with(clauses.Distinct(field_names))

    def none(self) -> Self:
        """Return no rows, without a database query."""
        return self._with(clauses.Nothing())

    def all(self) -> Self:
        """Return the same query; on a manager, the query of its rows."""
        statement = copied(self.statement)
        if statement is self.statement:
            return self
        return self._with_statement(statement, structure_of_statement(statement))

    def using(self, alias: str | None) -> Self:
        """Run the query on another database of `settings.DATABASES`; `None` leaves the choice to the router."""
        statement = on_alias(self.statement, alias)
        same_base = statement.base is self.statement.base
        return self._with_statement(statement, self.structure if same_base else structure_of_statement(statement))

    def extra(
        self,
        select: Mapping[str, str] | None = None,
        where: Sequence[str] | None = None,
        params: Sequence[object] | None = None,
        tables: Sequence[str] | None = None,
        order_by: Sequence[str] | None = None,
        select_params: Sequence[object] | None = None,
    ) -> Self:
        """Add hand-written parts of SQL. Prefer expressions; Django plans to deprecate `extra()`."""
        return self._with(
            clauses.Extra(
                None if select is None else dict(select),
                _frozen(where),
                _frozen(params),
                _frozen(tables),
                _frozen(order_by),
                _frozen(select_params),
            )
        )

    def timeout(self, seconds: float | None) -> Self:
        """Limit the query to a number of seconds, including the wait for a connection; None removes the limit.

        After that the query is cancelled and raises `QueryTimeout`. The native PostgreSQL engine also cancels it on
        the server; on other engines it continues in its thread, and its result is discarded. In a stream the limit
        holds for opening it and for each chunk. Raises `TypeError` for a value that is not a number, and `ValueError`
        for a number that is not positive.
        """
        if seconds is not None:
            checked_seconds(seconds, "timeout()")
        query = self._with_statement(self.statement.within(seconds), self.structure)
        # It has the same clauses.
        query._partial = self._partial  # noqa: SLF001  # a query's own
        return query

    # -- relations, locks ----------------------------------------------------------------------------------------------

    def select_related(self, *fields: str | None) -> Self:
        """Load foreign keys and one-to-one relations with a join; `select_related(None)` removes them."""
        return self._with(clauses.SelectRelated(fields))

    def prefetch_related(self, *lookups: object) -> Self:
        """Load relations with one further query each.

        `lookups` are paths, and `Prefetch` objects with a QuerySet or an `AsyncQuery`. `prefetch_related(None)` removes
        them. Raises `UnknownRelation` for a name that is not a relation.
        """
        return self._with(clauses.Prefetch(snapshot_prefetches(lookups)))

    def select_for_update(
        self, nowait: bool = False, skip_locked: bool = False, of: Sequence[str] = (), no_key: bool = False
    ) -> Self:
        """Lock the rows until the transaction ends.

        Running the query outside a transaction raises `TransactionManagementError`.
        """
        return self._with(clauses.Lock(bool(nowait), bool(skip_locked), tuple(of), bool(no_key)))

    def fetch_mode(self, fetch_mode: object) -> Self:
        """Set how rows fetch attributes that are not loaded; requires Django 6.1."""
        return self._with(clauses.Fetching(fetch_mode))

    # -- several queries -----------------------------------------------------------------------------------------------

    def union(self, *other_qs: object, all: bool = False) -> Self:
        """Return the rows of all queries, without duplicates unless `all` is true."""
        return self._with(clauses.Combine("union", snapshot_values(self, other_qs), bool(all)))

    def intersection(self, *other_qs: object) -> Self:
        """Return the rows that all queries have in common."""
        return self._with(clauses.Combine("intersection", snapshot_values(self, other_qs)))

    def difference(self, *other_qs: object) -> Self:
        """Return the rows that the other queries do not have."""
        return self._with(clauses.Combine("difference", snapshot_values(self, other_qs)))

    # -- rows of another type ------------------------------------------------------------------------------------------

    @property
    def _of_any_rows(self) -> AsyncQuery[M, Any]:
        # Not a method that adds the clause: a traceback has one frame between the user's line and the check.
        return self

    def values(self, *fields: object, **expressions: object) -> AsyncQuery[M, dict[str, Any]]:
        """Return rows as dicts of the named columns, or of all columns.

        ```python
        rows = await q(Book).values("title", author=F("author__name")).run()
        rows[0]["author"]
        ```

        `fields` are paths and expressions, `expressions` are columns by name. Raises `UnknownField` for a path that the
        model does not have.
        """
        clause = clauses.Values(*snapshot_expressions(self, fields, expressions))
        return self._of_any_rows._with(clause)  # noqa: SLF001  # it is `self`

    @overload
    def values_list(
        self, *fields: object, flat: Literal[True], named: Literal[False] = False
    ) -> AsyncQuery[M, Any]: ...
    @overload
    def values_list(
        self, *fields: object, flat: Literal[False] = False, named: Literal[True]
    ) -> AsyncQuery[M, Any]: ...
    @overload
    def values_list(
        self, *fields: object, flat: bool = False, named: bool = False
    ) -> AsyncQuery[M, tuple[Any, ...]]: ...
    def values_list(self, *fields: object, flat: bool = False, named: bool = False) -> AsyncQuery[M, Any]:
        """Return rows as tuples of the named columns, or of all columns.

        With `flat`, rows are the values of a single column; with `named`, they are named tuples.
        """
        clause = clauses.ValuesList(snapshot_values(self, fields), bool(flat), bool(named))
        return self._of_any_rows._with(clause)  # noqa: SLF001  # it is `self`

    def into(self, row_class: type[T], /, **paths: str) -> AsyncQuery[M, T]:
        """Return rows as objects of a class, whose fields are named after columns, annotations or paths.

        ```python
        @dataclass
        class BookCard:
            title: str
            pages: int
            writer: str


        cards = await q(Book).into(BookCard, writer="author__name").run()
        ```

        `row_class` is a dataclass, an attrs class, a `TypedDict`, a `NamedTuple`, a msgspec `Struct` or a pydantic
        model; a field whose type is another one is the row of a relation, which is joined. `paths` are those of fields
        with another name. Raises `UnknownField` for a field without a default that is not a column, `RowTypeMismatch`
        for one whose type does not accept the column's values, and `ShapeError` for a class that is none of these.
        """
        rows = IntoRows(row_class, tuple([(plain_text(name), plain_text(path)) for name, path in paths.items()]))
        try:
            return self._of_any_rows._with(clauses.Into(rows))  # noqa: SLF001  # it is `self`
        except NoRowClass as problem:
            text = query_text(self.statement)
            raise ShapeError(query=text, reason=problem.reason, advice=problem.advice) from None

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> AsyncQuery[M, datetime.date]:
        """Return the distinct dates of a field, truncated to `kind`: "year", "month", "week" or "day".

        Raises `ShapeError` for a field that is not a `DateField`, and `ValueError` for another `kind` or `order`.
        """
        clause = clauses.Dates(field_name, kind, order)
        return self._of_any_rows._with(clause)  # noqa: SLF001  # it is `self`

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: datetime.tzinfo | None = None
    ) -> AsyncQuery[M, datetime.datetime]:
        """Return the distinct datetimes of a field, truncated to `kind`.

        `kind` is "year", "month", "week", "day", "hour", "minute" or "second"; `tzinfo` is the current time zone by
        default. Raises `ShapeError` for a field that is not a `DateTimeField`, and `ValueError` for another `kind` or
        `order`.
        """
        clause = clauses.Datetimes(field_name, kind, order, tzinfo)
        return self._of_any_rows._with(clause)  # noqa: SLF001  # it is `self`

    def raw(
        self,
        raw_query: str,
        params: object = (),
        translations: Mapping[str, str] | None = None,
        using: str | None = None,
    ) -> AsyncRawQuery[M]:
        """Return instances from hand-written SQL. As in Django, the query's own clauses are ignored."""
        alias = using if using is not None else self.statement.alias
        return AsyncRawQuery(
            self.queryset.raw(raw_query, snapshot_value(params), snapshot_value(translations), using=alias)
        )

    # -- operators -----------------------------------------------------------------------------------------------------

    def __and__(self, other: AsyncQuery[M, R] | QuerySet[M, R]) -> Self:
        return self._with(clauses.Combine("and", snapshot_values(self, (other,))))

    def __or__(self, other: AsyncQuery[M, R] | QuerySet[M, R]) -> Self:
        return self._with(clauses.Combine("or", snapshot_values(self, (other,))))

    def __xor__(self, other: AsyncQuery[M, R] | QuerySet[M, R]) -> Self:
        return self._with(clauses.Combine("xor", snapshot_values(self, (other,))))

    @overload
    def __getitem__(self, k: slice) -> Self: ...
    @overload
    def __getitem__(self, k: int) -> RowAt[R]: ...
    def __getitem__(self, k: int | slice) -> Any:
        """`query[2:5]` is a query. `await query[2].run()` is one row; raises `IndexError` if there is none."""
        if isinstance(k, slice):
            return self._with(_checked_slice(k))
        if not isinstance(k, int):
            raise TypeError(f"Query indices must be integers or slices; got {type(k).__name__}.")
        _refuse_negative(k)
        # Django adds to it as well, which makes an int of a subclass.
        position = k + 0
        return RowAt(self._with(clauses.Slice(position, position + 1)).run, position)

    # -- reading rows --------------------------------------------------------------------------------------------------

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
        if queryset.query.is_sliced or not has_instances(queryset) or not is_unique(queryset, field_name):
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
            for batch in [None] if ids is None else batches(ids, await executor_for(self.db), self.statement.model):
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

    # -- writing -------------------------------------------------------------------------------------------------------

    async def acreate(self, **kwargs: Any) -> M:
        """Save a new instance and return it. As in Django, the query's conditions are ignored."""
        created: M = await answer(self, TerminalCall(Answer.CREATE, kwargs=kwargs))
        return created

    async def aget_or_create(self, defaults: Mapping[str, object] | None = None, **kwargs: Any) -> tuple[M, bool]:
        """Return the row that matches the conditions, or create it from them and `defaults`.

        Also returns whether it was created. Raises the model's `MultipleObjectsReturned`.
        """
        args = () if defaults is None else (defaults,)
        row: tuple[M, bool] = await answer(self, TerminalCall(Answer.GET_OR_CREATE, args, kwargs))
        return row

    async def aupdate_or_create(
        self,
        defaults: Mapping[str, object] | None = None,
        create_defaults: Mapping[str, object] | None = None,
        **kwargs: Any,
    ) -> tuple[M, bool]:
        """Set `defaults` on the row that matches the conditions, or create it; return it and whether it was created.

        A new row has the values of the conditions and of `create_defaults`, or of `defaults` if there are none. Raises
        the model's `MultipleObjectsReturned`.
        """
        args = (defaults, create_defaults) if create_defaults is not None else (defaults,)
        row: tuple[M, bool] = await answer(self, TerminalCall(Answer.UPDATE_OR_CREATE, args, kwargs))
        return row

    async def abulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """Insert instances, `batch_size` rows at a time, and return them. Either all are inserted or none.

        `save()` is not called. Raises `ValueError` for a model with multi-table inheritance, and `NotSupportedError` if
        the database does not support the options for conflicts.
        """
        options = {
            "batch_size": batch_size,
            "ignore_conflicts": ignore_conflicts,
            "update_conflicts": update_conflicts,
            "update_fields": update_fields,
            "unique_fields": unique_fields,
        }
        created: list[M] = await answer(self, TerminalCall(Answer.BULK_CREATE, (objs,), options))
        return created

    async def abulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Update these fields of instances, `batch_size` rows at a time; return the number of rows that matched.

        Raises `ValueError` for an instance without a primary key, and for a field that cannot be updated.
        """
        args = _reusable(objs), _reusable(fields)
        changed: int = await answer(self, TerminalCall(Answer.BULK_UPDATE, args, {"batch_size": batch_size}))
        return changed

    async def aupdate(self, **kwargs: Any) -> int:
        """Set columns of all rows to values or expressions; return the number of rows that matched.

        Neither signals nor `save()` are called. Raises `UnknownColumn` for a name that is not a column, `TypeError`
        after a slice, `NotSupportedError` after `union()`, and `ValueError` for a value that its column cannot hold.
        """
        if terminal_reason(self.statement, method_names(Answer.UPDATE)) is None:
            check_assignments(self.statement.model, kwargs)
        _, kwargs = snapshot_expressions(self, (), kwargs)
        changed: int = await answer(self, TerminalCall(Answer.UPDATE, kwargs=kwargs))
        return changed

    async def adelete(self) -> tuple[int, dict[str, int]]:
        """Delete all rows; return the number of deleted rows, in total and by model.

        As in Django, signals are sent and `on_delete` is followed. Raises `ProtectedError` and `RestrictedError`,
        `TypeError` after a slice, `distinct()` of fields or `values()`, and `NotSupportedError` after `union()`.
        """
        deleted: tuple[int, dict[str, int]] = await answer(self, TerminalCall(Answer.DELETE))
        return deleted

    @overload
    def returning(self) -> ReturningQuery[M]: ...
    @overload
    def returning(self, field: str, /, *fields: str) -> ReturningQuery[tuple[Any, ...]]: ...
    def returning(self, *fields: str) -> ReturningQuery[Any]:
        """Return a query whose `aupdate()` and `adelete()` return the changed rows.

        Rows are tuples of the named columns, or instances if none is named. An update returns them as they are
        afterwards, a deletion as they were before. PostgreSQL and SQLite support both, MariaDB deletions; on other
        databases the two methods raise `UnsupportedFeature`. It is raised at once after a slice, and for a model with
        multi-table inheritance. Raises `UnknownColumn` for a name that is not a column.
        """
        check_returning(self.statement, fields)
        return ReturningQuery(self.statement, self.structure, fields)

    async def acopy(
        self,
        rows: Iterable[M | Sequence[Any]] | AsyncIterable[M | Sequence[Any]],
        fields: Sequence[str] | None = None,
        *,
        batch_size: int = COPY_BATCH,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Insert any number of rows with PostgreSQL's COPY, either all or none; return the number of rows.

        ```python
        count = await q(Book).acopy([("Lavinia", 279), ("Tehanu", 226)], fields=["title", "pages"])
        count = await q(Book).acopy((Book(title=line) for line in lines), progress=print)
        ```

        - `rows` are instances, or sequences with a value for each of `fields`. At most `batch_size` of them, 2,000 by
          default, are in memory at a time. Values are converted as for an INSERT.
        - `fields` are the columns that are written; for instances, all columns by default. The other columns get the
          values of a new instance. Keys and `db_default` values that are not set are left to the database.
        - `progress` is called after each batch with the number of rows sent so far.

        Neither `save()` nor signals are called, and the primary keys of instances are not set. Runs inside the current
        transaction, if there is one. Other databases run `abulk_create()` in batches, in a transaction. Raises
        `ValueError` for a row of another length, for a row that leaves other columns to the database than the first
        one, and for a model with multi-table inheritance; `UnknownColumn` for a name that is not a column.
        """
        return await copy_rows(self, rows, fields, batch_size=batch_size, progress=progress)

    # -- the query itself ----------------------------------------------------------------------------------------------

    @property
    def model(self) -> type[M]:
        """The model of the query."""
        return cast("type[M]", self.statement.model)

    @property
    def queryset(self) -> QuerySet[M, R]:
        """The equivalent Django QuerySet, for synchronous code such as forms and the admin."""
        queryset: QuerySet[M, R] = build(self.statement)
        return queryset

    @property
    def query(self) -> Query:
        """The equivalent Django Query. Django reads it where a query is used instead of a QuerySet."""
        return self.queryset.query

    @property
    def ordered(self) -> bool:
        """Whether the query is ordered."""
        return self.queryset.ordered

    @property
    def totally_ordered(self) -> bool:
        """Whether the order is total, so that no two rows are equal in it; requires Django 6.1."""
        return bool(getattr(self.queryset, "totally_ordered"))  # noqa: B009  # not in every supported Django

    def sql(self) -> SQL:
        """Return the SQL and the parameters that `run()` would send, without sending them.

        The SQL of a query that cannot have rows, such as `none()`, is empty. Raises `EngineNotOpen` if the SQL depends
        on the server's version and no query has run yet.
        """
        prepared = prepare(Execution(self.statement, self.structure, ROWS), dialect_for(self.db))
        if isinstance(prepared, KnownResult):
            return SQL("", ())
        if isinstance(prepared, DjangoPath):
            return SQL(*prepared.source.query.get_compiler(self.db).as_sql())
        return SQL(prepared.sql, prepared.parameters)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Called by Django if the query is an argument of another query, as in `filter(author__in=q(Author))`."""
        return self.queryset.resolve_expression(*args, **kwargs)

    @property
    def _known_related_objects(self) -> Any:
        """Read by Django's `&`, `|` and `^`."""
        return known_related_objects(self.queryset)

    @property
    def db(self) -> str:
        """The alias that the query would run on now."""
        return alias_of(self.statement)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {query_text(self.statement, with_values=True)}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AsyncQuery):
            return NotImplemented
        mine, theirs = self.structure, other.structure
        if isinstance(mine, Unkeyed) or isinstance(theirs, Unkeyed):
            return self is other
        return _identity(self) == _identity(other)

    def __hash__(self) -> int:
        structure = self.structure
        return id(self) if isinstance(structure, Unkeyed) else hash((self.statement.model, structure.key))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        # Django runs a QuerySet to pickle it; a query is pickled as its clauses, and a manager as a query.
        query = self._with_statement(self.statement, self.structure)
        return _unpickled, (type(query), pickled(query.statement))

    if TYPE_CHECKING:
        # Type checkers would accept `for` loops, because of `__getitem__()`.
        __iter__: None

    if not TYPE_CHECKING:  # type checkers report these mistakes; the messages are for users without one

        def __await__(self) -> NoReturn:
            raise TypeError(NOT_AWAITABLE.format(query=query_text(self.statement)))

        def __iter__(self) -> NoReturn:
            raise TypeError(NOT_ITERABLE)

        def __len__(self) -> NoReturn:
            raise TypeError("A query has no length until it has run. Use `await query.acount()`.")

        def __bool__(self) -> NoReturn:
            raise TypeError(NO_TRUTH_VALUE)

        def __contains__(self, item: object) -> NoReturn:
            raise TypeError("`in` does not work on a query. Use `await query.acontains(instance)`.")

        def __getattr__(self, name: str) -> NoReturn:
            # Without a full stop: Python adds ". Did you mean: ...?" to the message in tracebacks.
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}{advice(_fate(name))}", name=name, obj=self
            )


def _fate(name: str) -> Fate | None:
    return SURFACE.get(name) or MANAGER_SURFACE.get(name) or RELATED_SURFACE.get(name)


def query_of(statement: Statement) -> AsyncQuery[Any, Any]:
    """The query of a statement."""
    return AsyncQuery(statement, structure_of_statement(statement))


def _unpickled(query_class: type[AsyncQuery[Any, Any]], data: bytes) -> AsyncQuery[Any, Any]:
    statement = unpickled(data)
    return query_class(statement, structure_of_statement(statement))


def _identity(query: AsyncQuery[Any, Any]) -> tuple[object, ...]:
    statement, structure = query.statement, query.structure
    if isinstance(structure, Unkeyed):
        return (id(query),)
    # Prefetches do not change the query's own SQL, and so are not part of its structure.
    prefetched = prefetches(statement)
    settings = (statement.model, statement.alias, statement.seconds)
    return (*settings, structure.key, structure.values, structure.bounds, prefetched)


def _checked_slice(k: slice) -> clauses.Slice:
    if k.step is not None:
        raise TypeError("A slice of a query cannot have a step. Slice the rows instead: `(await query.run())[::2]`.")
    for bound in (k.start, k.stop):
        if bound is not None:
            # Before `int()`, which accepts strings and UUIDs; Django compares first, too.
            _refuse_negative(bound)
    start, stop = (None if bound is None else int(bound) for bound in (k.start, k.stop))
    return clauses.Slice(start, stop)


def _refuse_negative(bound: int) -> None:
    if bound < 0:
        raise ValueError("Negative indexing is not supported. Reverse the order and count from the start.")


def _frozen(items: Iterable[object] | None) -> tuple[Any, ...] | None:
    return None if items is None else snapshot_value(tuple(items))


def _reusable(values: Iterable[T]) -> Iterable[T]:
    """The values, in a tuple if they can be iterated over only once."""
    return tuple(values) if isinstance(values, Iterator) else values
