"""AsyncQuery: the typed, fluent grammar that writes a Statement, and the coroutines that finish it.

Its methods are in the files beside this one: query methods in `builders.py`, terminal methods that read in `reads.py`,
those that write in `writes.py`. Here is what names the class itself: query methods that change the type of the rows,
operators, and how a query works with Python's and Django's objects.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, cast, overload

from django.db.models import QuerySet

from adj.compiler.django.build import build, pickled, unpickled
from adj.compiler.django.dialect import dialect_for
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.keys.snapshot import snapshot_expressions, snapshot_value, snapshot_values
from adj.compiler.plans.prepare import prepare
from adj.compiler.plans.prepared import DjangoPath, KnownResult, Question
from adj.compiler.relations.known_objects import known_related_objects, prefetches
from adj.query.builders import BuildingQuery
from adj.query.query_method import Source
from adj.query.queryset_names import MANAGER_SURFACE, RELATED_SURFACE, SURFACE, Fate, advice
from adj.query.raw import AsyncRawQuery
from adj.query.reads import ReadingQuery
from adj.query.results import SQL, RowAt
from adj.query.writes import WritingQuery
from adj.statement import clauses as ask
from adj.statement.statement import ROWS, Statement
from adj.statement.structure import Unkeyed
from adj.statement.text import query_text
from adj.typevars import M, Q, R

if TYPE_CHECKING:
    from typing import Self

    from django.db.models.sql.query import Query


class AsyncQuery(ReadingQuery[M, R], WritingQuery[M, R], Generic[M, R]):
    """A question about the rows of a model `M`, whose answer has rows of type `R`.

    Immutable: every builder returns a new query, and a query may be run any number of times, also at once. Two queries
    are equal when they ask the same with the same values. Made by `q()`.
    """

    __slots__ = ()

    @classmethod
    def of(cls, query: AsyncQuery[M, R]) -> Self:
        """The same question with the methods of this class: `BookQuery.of(q(Book))`."""
        return cls(query.statement, query.structure)

    # -- rows of another type ------------------------------------------------------------------------------------------

    def _with_shape(self, clause: ask.Clause) -> AsyncQuery[M, Any]:
        """The query with a clause that makes other rows of them."""
        return self._with(clause)

    def values(self, *fields: object, **expressions: object) -> AsyncQuery[M, dict[str, Any]]:
        """Rows are dicts of the named columns; all columns if none is named."""
        return self._with_shape(ask.Values(*snapshot_expressions(self, fields, expressions)))

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
        return self._with_shape(ask.ValuesList(snapshot_values(self, fields), bool(flat), bool(named)))

    def dates(self, field_name: str, kind: str, order: str = "ASC") -> AsyncQuery[M, datetime.date]:
        """The distinct dates of a field, truncated to `kind`: year, month, week or day."""
        return self._with_shape(ask.Dates(field_name, kind, order))

    def datetimes(
        self, field_name: str, kind: str, order: str = "ASC", tzinfo: datetime.tzinfo | None = None
    ) -> AsyncQuery[M, datetime.datetime]:
        """The distinct moments of a field, truncated to `kind`: year, month, week, day, hour, minute or second."""
        return self._with_shape(ask.Datetimes(field_name, kind, order, tzinfo))

    def raw(
        self, raw_query: str, params: Any = (), translations: Mapping[str, str] | None = None, using: str | None = None
    ) -> AsyncRawQuery[M]:
        """Instances from hand-written SQL. The clauses so far do not matter to it, as in Django."""
        alias = using if using is not None else self.statement.alias
        return AsyncRawQuery(
            self.queryset.raw(raw_query, snapshot_value(params), snapshot_value(translations), using=alias)
        )

    # -- operators -----------------------------------------------------------------------------------------------------

    def __and__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("and", snapshot_values(self, (other,))))

    def __or__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("or", snapshot_values(self, (other,))))

    def __xor__(self: Source[Q], other: AsyncQuery[M, R] | QuerySet[M, R]) -> Q:
        return self._with(ask.Combine("xor", snapshot_values(self, (other,))))

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
        # As Django's Query adds it up, whatever class of numbers it is.
        position = k + 0
        return RowAt(self._with(ask.Slice(position, position + 1)).run, position)

    # -- the same question to others -----------------------------------------------------------------------------------

    @property
    def model(self) -> type[M]:
        """The model of the question."""
        return cast("type[M]", self.statement.model)

    @property
    def queryset(self) -> QuerySet[M, R]:
        """Django's QuerySet of the same question, for synchronous code such as forms and the admin."""
        queryset: QuerySet[M, R] = build(self.statement)
        return queryset

    @property
    def query(self) -> Query:
        """Django's Query of the same question. This is what makes a query usable where Django takes a QuerySet."""
        return self.queryset.query

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
        if isinstance(prepared, KnownResult):
            return SQL("", ())
        if isinstance(prepared, DjangoPath):
            return SQL(*prepared.source.query.get_compiler(self.db).as_sql())
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


def _named_as_public() -> None:
    """Let warnings about a forgotten `await`, and pickles, name inherited methods by the class that users know."""
    for part in (BuildingQuery, ReadingQuery, WritingQuery):
        for function in filter(inspect.isfunction, vars(part).values()):
            function.__module__ = AsyncQuery.__module__
            function.__qualname__ = f"{AsyncQuery.__qualname__}.{function.__name__}"


_named_as_public()


def _fate(name: str) -> Fate | None:
    return SURFACE.get(name) or MANAGER_SURFACE.get(name) or RELATED_SURFACE.get(name)


def query_of(statement: Statement) -> AsyncQuery[Any, Any]:
    """The query that asks a statement."""
    return AsyncQuery(statement, structure_of_statement(statement))


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


def _checked_slice(k: slice) -> ask.Slice:
    if k.step is not None:
        raise TypeError("a query has no steps: slice the rows instead, as in `(await query.run())[::2]`.")
    for bound in (k.start, k.stop):
        if bound is not None:
            # Before `int()`, which takes texts and UUIDs as well; Django compares first, too.
            _refuse_negative(bound)
    start, stop = (None if bound is None else int(bound) for bound in (k.start, k.stop))
    return ask.Slice(start, stop)


def _refuse_negative(bound: int) -> None:
    if bound < 0:
        raise ValueError("Negative indexing is not supported: reverse the order, and count from the front.")
