"""AsyncQuery: the typed query that users build and run.

Its methods are in the files beside this one: query methods in `builders.py`, terminal methods that read in `reads.py`,
those that write in `writes.py`. This file has the methods that name the class itself: query methods that change the
type of the rows, operators, and the protocols of Python and Django.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, cast, overload

from django.db.models import QuerySet

from adj.compiler.django.build import build, pickled, unpickled
from adj.compiler.django.dialect import dialect_for
from adj.compiler.django.object_rows import IntoRows, plain_text
from adj.compiler.keys.key_visitor import structure_of_statement
from adj.compiler.keys.snapshot import snapshot_expressions, snapshot_value, snapshot_values
from adj.compiler.plans.prepare import prepare
from adj.compiler.plans.prepared import DjangoPath, Execution, KnownResult
from adj.compiler.relations.known_objects import known_related_objects, prefetches
from adj.errors import ShapeError
from adj.query.builders import BuildingQuery
from adj.query.hidden_frames import hides_frame
from adj.query.raw import AsyncRawQuery
from adj.query.reads import ReadingQuery
from adj.query.results import SQL, RowAt
from adj.query.writes import WritingQuery
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
from adj.statement.statement import ROWS, Statement
from adj.statement.structure import Unkeyed
from adj.statement.text import query_text
from adj.typevars import M, R, T

if TYPE_CHECKING:
    from typing import Self

    from django.db.models.sql.query import Query

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class AsyncQuery(ReadingQuery[M, R], WritingQuery[M, R], Generic[M, R]):
    """A query of the model `M` whose rows have the type `R`. Create one with `q()`.

    Queries are immutable: every query method returns a new query, and a query can run any number of times, also
    concurrently. Two queries are equal if they have the same clauses with the same values.
    """

    __slots__ = ()

    @classmethod
    def of(cls, query: AsyncQuery[M, R]) -> Self:
        """Return the query as an instance of this subclass: `BookQuery.of(q(Book))`."""
        return cls(query.statement, query.structure)

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
        self, raw_query: str, params: Any = (), translations: Mapping[str, str] | None = None, using: str | None = None
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

    # -- conversions ---------------------------------------------------------------------------------------------------

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


def _named_as_public() -> None:
    """Let pickles, and warnings about a missing `await`, name inherited methods by the public class."""
    for part in (BuildingQuery, ReadingQuery, WritingQuery):
        for function in filter(inspect.isfunction, vars(part).values()):
            function.__module__ = AsyncQuery.__module__
            function.__qualname__ = f"{AsyncQuery.__qualname__}.{function.__name__}"


_named_as_public()


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
