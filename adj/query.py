"""AsyncQuery: the typed, fluent grammar that writes a Statement, and the coroutines that finish it.

The builders have QuerySet's names and arguments; each is one expression. Nothing here touches the database until a
finishing coroutine is awaited. This file is long because QuerySet's surface is: one method after another, no logic.

Private Django API used here: `Options.total_unique_constraints`.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, cast, overload

import django
from django.db import models
from django.db.models import Model, QuerySet

from adj import statement as ask
from adj.asking import answer, answer_in_django
from adj.chain import Source
from adj.compiler.build import build, has_instances, pickled, unpickled
from adj.compiler.clauses import structure_of, structure_of_statement
from adj.compiler.dialect import dialect_for
from adj.compiler.prepare import Answered, Foreign, Question, prepare
from adj.compiler.related import known_related_objects, prefetches
from adj.compiler.routing import alias_of
from adj.compiler.snapshot import snapshot_arguments, snapshot_condition, snapshot_lookups
from adj.compiler.structure import Structure, Unkeyed, extended
from adj.compiler.text import query_text
from adj.compiler.validate import validate
from adj.databases import executor_for
from adj.executor import Executor
from adj.pages import Page, fetch_page
from adj.raw import AsyncRawQuery
from adj.results import SQL, RowAt
from adj.shapes import Answer
from adj.statement import ROWS, Finish, Statement
from adj.stream import RowStream
from adj.surface import MANAGER_SURFACE, RELATED_SURFACE, SURFACE, Fate, advice
from adj.typevars import M, Q, R
from adj.writes import WritingQuery

if TYPE_CHECKING:
    from typing import Self

    from django.db.models.sql.query import Query


class AsyncQuery(WritingQuery[M, R], Generic[M, R]):
    """A question about the rows of a model `M`, whose answer has rows of type `R`.

    Immutable: every builder returns a new query, and a query may be run any number of times, also at once. Two queries
    are equal when they ask the same with the same values. Made by `q()`.
    """

    __slots__ = ()

    def __init__(self, statement: Statement, structure: Structure | Unkeyed) -> None:
        self.statement = statement
        self.structure = structure

    def _with(self, clause: ask.AnyClause) -> Self:
        """The query with one more clause, which has to fit; see `adj/compiler/validate.py`."""
        statement, before, added = self.statement.with_clause(clause), self.structure, structure_of(clause)
        structure = extended(before, added)
        validate(statement, structure, added)
        return self._asking(statement, structure)

    def _asking(self, statement: Statement, structure: Structure | Unkeyed) -> Self:
        """A query of the same class that asks something else."""
        return type(self)(statement, structure)

    @classmethod
    def of(cls, query: AsyncQuery[M, R]) -> Self:
        """The same question with the methods of this class: `BookQuery.of(q(Book))`."""
        return cls(query.statement, query.structure)

    def _with_shape(self, clause: ask.AnyClause) -> AsyncQuery[M, Any]:
        """The query with a clause that makes other rows of them."""
        return self._with(clause)

    # -- conditions ----------------------------------------------------------------------------------------------------

    def filter(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Only rows that fulfil every condition: `Q` objects, conditional expressions and `path=value` lookups.

        Raises `UnknownField` and `UnknownLookup` for a path that the model does not have, `InvalidOperand` for a value
        its field cannot be compared with, and `ShapeError` after a slice.
        """
        return self._with(ask.Filter(snapshot_arguments(args), snapshot_lookups(kwargs)))

    def exclude(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Only rows that do not fulfil all of the conditions; see `filter()`."""
        return self._with(ask.Filter(snapshot_arguments(args), snapshot_lookups(kwargs), negated=True))

    def complex_filter(self: Source[Q], filter_obj: models.Q | Mapping[str, object]) -> Q:
        """`filter()` with a `Q` or a dict of lookups, as `limit_choices_to` has them."""
        return self._with(ask.ComplexFilter(snapshot_condition(filter_obj)))

    # -- columns -------------------------------------------------------------------------------------------------------

    def annotate(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Add computed attributes or keys to every row."""
        return self._with(ask.Annotate(args, kwargs))

    def alias(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Name expressions for later clauses, without adding them to the rows."""
        return self._with(ask.Annotate(args, kwargs, selected=False))

    def values(self, *fields: object, **expressions: object) -> AsyncQuery[M, dict[str, Any]]:
        """Rows are dicts of the named columns; all columns if none is named."""
        return self._with_shape(ask.Values(fields, expressions))

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
        """Rows are tuples of the named columns; with `flat` the one column's values, with `named` named tuples."""
        return self._with_shape(ask.ValuesList(fields, flat, named))

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> AsyncQuery[M, datetime.date]:
        """The distinct dates of a field, truncated to `kind`: year, month, week or day."""
        return self._with_shape(ask.Dates(field_name, kind, order))

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: datetime.tzinfo | None = None
    ) -> AsyncQuery[M, datetime.datetime]:
        """The distinct moments of a field, truncated to `kind`: year, month, week, day, hour, minute or second."""
        return self._with_shape(ask.Datetimes(field_name, kind, order, tzinfo))

    def only(self: Source[Q], *fields: str) -> Q:
        """Load only these fields, and the primary key."""
        return self._with(ask.Only(fields))

    def defer(self: Source[Q], *fields: str | None) -> Q:
        """Do not load these fields; `defer(None)` loads all again."""
        return self._with(ask.Defer(fields))

    # -- order, number, source -----------------------------------------------------------------------------------------

    def order_by(self: Source[Q], *field_names: object) -> Q:
        """Sort by paths (`-` in front for descending, `?` at random) and expressions; nothing clears the order."""
        return self._with(ask.OrderBy(field_names))

    def reverse(self: Source[Q]) -> Q:
        """The opposite order."""
        return self._with(ask.Reverse())

    def distinct(self: Source[Q], *field_names: str) -> Q:
        """Without duplicates; on PostgreSQL also by the named fields."""
        return self._with(ask.Distinct(field_names))

    def none(self: Source[Q]) -> Q:
        """No rows at all, and no query to find that out."""
        return self._with(ask.Nothing())

    def all(self) -> Self:
        """The same query: it needs no copy."""
        return self

    def using(self: Source[Q], alias: str | None) -> Q:
        """The same question to another database of `settings.DATABASES`."""
        return self._asking(self.statement.on(alias), self.structure)

    def extra(
        self: Source[Q],
        select: Mapping[str, str] | None = None,
        where: Sequence[str] | None = None,
        params: Sequence[object] | None = None,
        tables: Sequence[str] | None = None,
        order_by: Sequence[str] | None = None,
        select_params: Sequence[object] | None = None,
    ) -> Q:
        """Hand-written parts of SQL, Django's old way; prefer expressions."""
        return self._with(
            ask.Extra(
                None if select is None else dict(select),
                _frozen(where),
                _frozen(params),
                _frozen(tables),
                _frozen(order_by),
                _frozen(select_params),
            )
        )

    def timeout(self: Source[Q], seconds: float | None) -> Q:
        """Let the query take at most so many seconds, waiting for a connection included; None takes that back.

        Then it is cancelled, on PostgreSQL's native engine also on the server, and raises `QueryTimeout`. On other
        engines the database goes on in its thread, and the answer is dropped. A stream may take as long for opening,
        and for each of its chunks. Raises `ValueError` unless the number is positive.
        """
        if seconds is not None and not seconds > 0:
            raise ValueError(f"timeout() takes a positive number of seconds, not {seconds!r}.")
        return self._asking(self.statement.within(seconds), self.structure)

    def raw(
        self, raw_query: str, params: Any = (), translations: Mapping[str, str] | None = None, using: str | None = None
    ) -> AsyncRawQuery[M]:
        """Instances from hand-written SQL. The clauses so far do not matter to it, as in Django."""
        alias = using if using is not None else self.statement.alias
        return AsyncRawQuery(self.queryset.raw(raw_query, params, dict(translations or {}), using=alias))

    # -- relations, locks ----------------------------------------------------------------------------------------------

    def select_related(self: Source[Q], *fields: str | None) -> Q:
        """Load related rows with a join; `select_related(None)` clears."""
        return self._with(ask.SelectRelated(fields))

    def prefetch_related(self: Source[Q], *lookups: object) -> Q:
        """Load related rows with a further query each: paths, or `Prefetch` around a QuerySet or an AsyncQuery.

        `prefetch_related(None)` clears.
        """
        return self._with(ask.Prefetch(lookups))

    def select_for_update(
        self: Source[Q], nowait: bool = False, skip_locked: bool = False, of: Sequence[str] = (), no_key: bool = False
    ) -> Q:
        """Lock the rows until the transaction ends; running it outside one raises `TransactionManagementError`."""
        return self._with(ask.Lock(nowait, skip_locked, tuple(of), no_key))

    def fetch_mode(self: Source[Q], fetch_mode: object) -> Q:
        """How the rows fetch what they do not carry; needs Django 6.1."""
        return self._with(ask.Fetching(fetch_mode))

    # -- several queries -----------------------------------------------------------------------------------------------

    def union(self: Source[Q], *other_qs: object, all: bool = False) -> Q:
        """The rows of all the queries; each once, unless `all`."""
        return self._with(ask.Combine("union", other_qs, all))

    def intersection(self: Source[Q], *other_qs: object) -> Q:
        """The rows that every query has."""
        return self._with(ask.Combine("intersection", other_qs))

    def difference(self: Source[Q], *other_qs: object) -> Q:
        """The rows that no other query has."""
        return self._with(ask.Combine("difference", other_qs))

    def __and__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("and", (other,)))

    def __or__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("or", (other,)))

    def __xor__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("xor", (other,)))

    @overload
    def __getitem__(self: Source[Q], k: slice) -> Q: ...
    @overload
    def __getitem__(self, k: int) -> RowAt[R]: ...
    def __getitem__(self, k: int | slice) -> Any:
        """`query[2:5]` is a query; `await query[2].run()` is one row, and raises `IndexError` where there is none."""
        if isinstance(k, slice):
            return self._with(_checked_slice(k))
        if not isinstance(k, int):
            raise TypeError(f"a query is indexed by whole numbers and slices, not by {type(k).__name__}.")
        _refuse_negative(k)
        return RowAt(self._with(ask.Slice(k, k + 1)).run, k)

    # -- finishing: rows -----------------------------------------------------------------------------------------------

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
            return await self.filter(*args, **kwargs).aget()
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
        row: R = await answer(self, Finish(Answer.EARLIEST, fields))
        return row

    async def alatest(self, *fields: str) -> R:
        """The last row by the named fields, or by `Meta.get_latest_by`. Raises the model's `DoesNotExist`."""
        row: R = await answer(self, Finish(Answer.LATEST, fields))
        return row

    async def ain_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, R]:
        """Rows by their primary key, or by another unique field; all rows without a list.

        Raises `TypeError` after a slice and `ValueError` for a field that is not unique.
        """
        ids = None if id_list is None else tuple(id_list)
        queryset = self.queryset
        if queryset.query.is_sliced or not has_instances(queryset) or not _is_unique(queryset, field_name):
            # Django's own code says what is wrong, or deals with rows that are no instances.
            found: dict[Any, R] = await answer_in_django(self, lambda found: found.in_bulk(ids, field_name=field_name))
            return found
        if ids is not None and not ids:
            return {}
        rows: list[R] = []
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
        is positive.
        """
        if not isinstance(chunk_size, int) or chunk_size <= 0:
            raise ValueError(f"chunk_size must be a positive number of rows, not {chunk_size!r}.")
        return RowStream(self.db, Question(self.statement, self.structure, ROWS), chunk_size)

    async def __aiter__(self) -> AsyncIterator[R]:
        """`async for row in query`: all rows, fetched at once, as Django does; `stream()` fetches as it goes."""
        for row in await self.run():
            yield row

    async def page(self, size: int, *, after: str | None = None, before: str | None = None) -> Page[R]:
        """At most `size` rows behind a cursor, before one, or from the beginning; the cursors are in the page.

        Rows are found by what they are sorted by, made total by the primary key, so that no page is slow, and rows that
        come or go meanwhile shift nothing. Raises `InvalidCursor` for a cursor that is not one of this order, and
        `ShapeError` for rows that have no place of their own: random order, slices, unions, groups.
        """
        return await fetch_page(self.all(), size, after, before)

    # -- finishing: facts ----------------------------------------------------------------------------------------------

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
        values: dict[str, Any] = await answer(self, Finish(Answer.AGGREGATE, args, kwargs))
        return values

    async def aexplain(self, *, format: str | None = None, **options: Any) -> str:
        """How the database would run the query, in its own words."""
        plan: str = await answer_in_django(self, lambda found: found.explain(format=format, **options))
        return plan

    # -- the same question to others -----------------------------------------------------------------------------------

    @property
    def model(self) -> type[M]:
        """The model of the question."""
        return cast("type[M]", self.statement.model)

    @property
    def queryset(self) -> QuerySet[M, R]:
        """Django's QuerySet of the same question, for synchronous code such as forms and the admin."""
        queryset: QuerySet[M, R] = build(self.statement).all()
        return queryset

    @property
    def query(self) -> Query:
        """Django's Query of the same question. This is what makes a query usable where Django takes a QuerySet."""
        return self.queryset.query

    @property
    def db(self) -> str:
        """The alias that the query would run on now."""
        return alias_of(self.statement)

    @property
    def ordered(self) -> bool:
        """Whether the rows have an order."""
        return self.queryset.ordered

    @property
    def totally_ordered(self) -> bool:
        """Whether the rows have an order that leaves no two of them equal; needs Django 6.1."""
        return bool(getattr(self.queryset, "totally_ordered"))  # noqa: B009  # not in every supported Django

    def sql(self) -> SQL:
        """The SQL and the parameters that `run()` would send, without running it. SQL of an empty query is empty.

        Raises `EngineNotOpen` where the SQL depends on the server's version and no query has run yet.
        """
        prepared = prepare(Question(self.statement, self.structure, ROWS), dialect_for(self.db))
        if isinstance(prepared, Answered):
            return SQL("", ())
        if isinstance(prepared, Foreign):
            return SQL(*prepared.queryset.query.get_compiler(self.db).as_sql())
        return SQL(prepared.sql, prepared.parameters)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """Called by Django where the query stands in another one, as in `filter(author__in=q(Author))`."""
        return self.queryset.resolve_expression(*args, **kwargs)

    @property
    def _known_related_objects(self) -> Any:
        """Read by Django's `&`, `|` and `^`."""
        return known_related_objects(self.queryset)

    def __repr__(self) -> str:
        return f"<AsyncQuery: {query_text(self.statement, with_values=True)}>"

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
        # Django would run a QuerySet to pickle it; a query goes as what it asks, and a manager as a query.
        query = self._asking(self.statement, self.structure)
        return _unpickled, (type(query), pickled(query.statement))

    if TYPE_CHECKING:
        # Otherwise `query[0]` makes checkers believe that a `for` loop works.
        __iter__: None

    if not TYPE_CHECKING:  # a checker already refuses these; they are for those without one

        def __await__(self) -> NoReturn:
            raise TypeError(f"a query is not awaitable: add .run(), as in `await {query_text(self.statement)}.run()`.")

        def __iter__(self) -> NoReturn:
            raise TypeError("a query is not iterable: use `async for`, or a `for` over `await query.run()`.")

        def __len__(self) -> NoReturn:
            raise TypeError("a query has no length before it has run: use `await query.acount()`.")

        def __bool__(self) -> NoReturn:
            raise TypeError("a query is neither true nor false before it has run: use `await query.aexists()`.")

        def __contains__(self, item: object) -> NoReturn:
            raise TypeError("a query contains nothing before it has run: use `await query.acontains(instance)`.")

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}.{advice(_fate(name))}",
                name=name,
                obj=self,
            )


def _fate(name: str) -> Fate | None:
    return SURFACE.get(name) or MANAGER_SURFACE.get(name) or RELATED_SURFACE.get(name)


_GET, _FIRST, _LAST = Finish(Answer.GET), Finish(Answer.FIRST), Finish(Answer.LAST)
_COUNT, _EXISTS = Finish(Answer.COUNT), Finish(Answer.EXISTS)


def query_of(statement: Statement) -> AsyncQuery[Any, Any]:
    """The query that asks a statement."""
    return AsyncQuery(statement, structure_of_statement(statement))


def statement_of(queryset: QuerySet[Any, Any], seconds: float | None = None) -> Statement:
    """What a QuerySet asks: a copy without cached rows, as the caller may go on using the QuerySet."""
    return Statement(queryset.model, queryset.all(), seconds=seconds)


def _unpickled(kind: type[AsyncQuery[Any, Any]], data: bytes) -> AsyncQuery[Any, Any]:
    statement = unpickled(data)
    return kind(statement, structure_of_statement(statement))


def _identity(query: AsyncQuery[Any, Any]) -> tuple[object, ...]:
    statement, structure = query.statement, query.structure
    if isinstance(structure, Unkeyed):
        return (id(query),)
    # Prefetching changes no SQL of the query itself, and so no structure.
    prefetched = prefetches(statement)
    where = (statement.model, statement.alias, statement.seconds)
    return (*where, structure.key, structure.values, structure.bounds, prefetched)


def _frozen(items: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if items is None else tuple(items)


def _checked_slice(k: slice) -> ask.Slice:
    start, stop = (None if bound is None else int(bound) for bound in (k.start, k.stop))
    if k.step is not None:
        raise TypeError("a query has no steps: slice the rows instead, as in `(await query.run())[::2]`.")
    for bound in (start, stop):
        if bound is not None:
            _refuse_negative(bound)
    return ask.Slice(start, stop)


def _refuse_negative(bound: int) -> None:
    if bound < 0:
        raise ValueError("Negative indexing is not supported: reverse the order, and count from the front.")


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
