"""What builds a query: the steps of a chain, with QuerySet's names and arguments; each is one clause.

Nothing here touches the database. Steps whose rows are of another type are in `adj/query/async_query.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic

from django.db import models

from adj.compiler.checks.validate import validate
from adj.compiler.django.django_path import copied, on_alias, stepped
from adj.compiler.keys.key_visitor import structure_of, structure_of_statement
from adj.compiler.keys.snapshot import (
    snapshot_condition,
    snapshot_conditions,
    snapshot_expressions,
    snapshot_prefetches,
    snapshot_value,
    snapshot_values,
)
from adj.errors import AdjError, hides_frame
from adj.query.query_method import Source
from adj.statement import clauses as ask
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder, Structure, Unkeyed, extended
from adj.time_limit import checked_seconds
from adj.typevars import M, Q, R

if TYPE_CHECKING:
    from typing import Self

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class BuildingQuery(StatementHolder, Generic[M, R]):
    """The methods of a query that return one with rows of the same type."""

    __slots__ = ()

    def __init__(self, statement: Statement, structure: Structure | Unkeyed) -> None:
        self.statement = statement
        self.structure = structure
        self._partial = None

    def _with(self, clause: ask.Clause) -> Self:
        """The query with one more clause, which has to fit; see `adj/compiler/checks/validate.py`."""
        if self.statement.owner is not None or type(clause) is ask.Combine:
            # A class of the project takes it as it is, and says itself what does not fit.
            owned = stepped(self.statement, clause)
            if owned is not None:
                return self._asking(owned, structure_of_statement(owned))
        statement, before = self.statement.with_clause(clause), self.structure
        added = structure_of(statement.model, clause)
        structure = extended(before, added)
        try:
            partial = validate(self, statement, structure, added)
        except AdjError as error:
            # The traceback ends at the query method: what adj does below it says nothing about the user's mistake.
            error.__traceback__ = None
            raise
        query = self._asking(statement, structure)
        if partial is not None:
            query._partial = partial  # noqa: SLF001  # a query's own
        return query

    def _asking(self, statement: Statement, structure: Structure | Unkeyed) -> Self:
        """A query of the same class that asks something else."""
        return type(self)(statement, structure)

    # -- conditions ----------------------------------------------------------------------------------------------------

    def filter(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Only rows that fulfil every condition: `Q` objects, conditional expressions and `path=value` lookups.

        Raises `UnknownField` and `UnknownLookup` for a path that the model does not have, `InvalidOperand` for a value
        its field cannot be compared with, and `ShapeError` after a slice.
        """
        return self._with(ask.Filter(*snapshot_conditions(self, args, kwargs)))

    def exclude(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Only rows that do not fulfil all of the conditions; see `filter()`."""
        return self._with(ask.Filter(*snapshot_conditions(self, args, kwargs), negated=True))

    def complex_filter(self: Source[Q], filter_obj: models.Q | Mapping[str, object]) -> Q:
        """`filter()` with a `Q` or a dict of lookups, as `limit_choices_to` has them."""
        return self._with(ask.ComplexFilter(snapshot_condition(self, filter_obj)))

    # -- columns -------------------------------------------------------------------------------------------------------

    def annotate(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Add computed attributes or keys to every row."""
        return self._with(ask.Annotate(*snapshot_expressions(self, args, kwargs)))

    def alias(self: Source[Q], *args: object, **kwargs: object) -> Q:
        """Name expressions for later clauses, without adding them to the rows."""
        return self._with(ask.Annotate(*snapshot_expressions(self, args, kwargs), selected=False))

    def only(self: Source[Q], *fields: str) -> Q:
        """Load only these fields, and the primary key."""
        return self._with(ask.Only(fields))

    def defer(self: Source[Q], *fields: str | None) -> Q:
        """Do not load these fields; `defer(None)` loads all again."""
        return self._with(ask.Defer(fields))

    # -- order, number, source -----------------------------------------------------------------------------------------

    def order_by(self: Source[Q], *field_names: object) -> Q:
        """Sort by paths (`-` in front for descending, `?` at random) and expressions; nothing clears the order."""
        return self._with(ask.OrderBy(snapshot_values(self, field_names)))

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
        """The same query; of a related manager or a manager, that of its rows."""
        statement = copied(self.statement)
        return self if statement is self.statement else self._asking(statement, structure_of_statement(statement))

    def using(self: Source[Q], alias: str | None) -> Q:
        """The same question to another database of `settings.DATABASES`."""
        statement = on_alias(self.statement, alias)
        same_base = statement.base is self.statement.base
        return self._asking(statement, self.structure if same_base else structure_of_statement(statement))

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
        and for each of its chunks. Raises `TypeError` for what is not a number, and `ValueError` unless it is positive.
        """
        if seconds is not None:
            checked_seconds(seconds, "timeout()")
        source: Any = self
        query: Any = self._asking(self.statement.within(seconds), self.structure)
        # The clauses are the same.
        query._partial = source._partial  # noqa: SLF001  # a query's own
        return query  # type: ignore[no-any-return]  # its class is that of `_asking()`

    # -- relations, locks ----------------------------------------------------------------------------------------------

    def select_related(self: Source[Q], *fields: str | None) -> Q:
        """Load related rows with a join; `select_related(None)` clears."""
        return self._with(ask.SelectRelated(fields))

    def prefetch_related(self: Source[Q], *lookups: object) -> Q:
        """Load related rows with a further query each: paths, or `Prefetch` around a QuerySet or an AsyncQuery.

        `prefetch_related(None)` clears.
        """
        return self._with(ask.Prefetch(snapshot_prefetches(lookups)))

    def select_for_update(
        self: Source[Q], nowait: bool = False, skip_locked: bool = False, of: Sequence[str] = (), no_key: bool = False
    ) -> Q:
        """Lock the rows until the transaction ends; running it outside one raises `TransactionManagementError`."""
        return self._with(ask.Lock(bool(nowait), bool(skip_locked), tuple(of), bool(no_key)))

    def fetch_mode(self: Source[Q], fetch_mode: object) -> Q:
        """How the rows fetch what they do not carry; needs Django 6.1."""
        return self._with(ask.Fetching(fetch_mode))

    # -- several queries -----------------------------------------------------------------------------------------------

    def union(self: Source[Q], *other_qs: object, all: bool = False) -> Q:
        """The rows of all the queries; each once, unless `all`."""
        return self._with(ask.Combine("union", snapshot_values(self, other_qs), bool(all)))

    def intersection(self: Source[Q], *other_qs: object) -> Q:
        """The rows that every query has."""
        return self._with(ask.Combine("intersection", snapshot_values(self, other_qs)))

    def difference(self: Source[Q], *other_qs: object) -> Q:
        """The rows that no other query has."""
        return self._with(ask.Combine("difference", snapshot_values(self, other_qs)))


def _frozen(items: Iterable[Any] | None) -> tuple[Any, ...] | None:
    return None if items is None else snapshot_value(tuple(items))
