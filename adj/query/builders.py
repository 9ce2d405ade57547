"""Query methods that keep the type of the rows, with QuerySet's names and arguments; each adds one clause.

They do not touch the database. Query methods that change the type of the rows are in `adj/query/async_query.py`.
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
from adj.errors import AdjError
from adj.query.hidden_frames import hides_frame
from adj.statement import clauses
from adj.statement.statement import Statement
from adj.statement.structure import StatementHolder, Structure, Unkeyed, extended
from adj.time_limit import checked_seconds
from adj.typevars import M, R

if TYPE_CHECKING:
    from typing import Self

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class BuildingQuery(StatementHolder, Generic[M, R]):
    """The query methods that return a query with rows of the same type."""

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


def _frozen(items: Iterable[object] | None) -> tuple[Any, ...] | None:
    return None if items is None else snapshot_value(tuple(items))
