"""What changes rows: the writing methods of AsyncQuery, with Django's names, arguments and results.

Each ends a query, as the reading ones do. `aupdate()` and plain deletions are one statement, whose SQL adj keeps; all
else is Django's own code on adj's connection: defaults, signals, cascades, savepoints and locks are Django's.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, overload

from adj.compiler.django.assign import check_assignments
from adj.compiler.django.django_path import terminal_reason
from adj.compiler.django.returning import check_returning
from adj.compiler.keys.overrides import method_names
from adj.compiler.keys.snapshot import snapshot_expressions
from adj.errors import hides_frame
from adj.query.copy_from import COPY_BATCH, copy_rows
from adj.query.running import answer
from adj.statement.shapes import Answer
from adj.statement.statement import Finish, Names, Statement
from adj.statement.structure import StatementHolder, Structure, Unkeyed
from adj.typevars import M, R, T

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class WritingQuery(StatementHolder, Generic[M, R]):
    """The methods of a query of `M` that write. They go to the router's `db_for_write`, or where `using()` says.

    Each raises Django's own errors for what the database refuses: `IntegrityError` and its like.
    """

    __slots__ = ()

    async def acreate(self, **kwargs: Any) -> M:
        """Save a new instance and return it. The conditions of the query do not matter to it, as in Django."""
        created: M = await answer(self, Finish(Answer.CREATE, kwargs=kwargs))
        return created

    async def aget_or_create(self, defaults: Mapping[str, Any] | None = None, **kwargs: Any) -> tuple[M, bool]:
        """The row that fulfils the conditions, or a new one made of them and `defaults`; and whether it is new.

        Raises the model's `MultipleObjectsReturned`.
        """
        args = () if defaults is None else (defaults,)
        got: tuple[M, bool] = await answer(self, Finish(Answer.GET_OR_CREATE, args, kwargs))
        return got

    async def aupdate_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[M, bool]:
        """Change the row that fulfils the conditions to `defaults`, or make a new one; and whether it is new.

        A new row is made of the conditions and `create_defaults`, or `defaults` without these. Raises the model's
        `MultipleObjectsReturned`.
        """
        args = (defaults, create_defaults) if create_defaults is not None else (defaults,)
        got: tuple[M, bool] = await answer(self, Finish(Answer.UPDATE_OR_CREATE, args, kwargs))
        return got

    async def abulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """Insert instances, `batch_size` rows at a time, and return them: all of them or none, without `save()`.

        Raises `ValueError` for a model that inherits from another table, and `NotSupportedError` where the database
        has no such conflicts.
        """
        options = {
            "batch_size": batch_size,
            "ignore_conflicts": ignore_conflicts,
            "update_conflicts": update_conflicts,
            "update_fields": update_fields,
            "unique_fields": unique_fields,
        }
        created: list[M] = await answer(self, Finish(Answer.BULK_CREATE, (objs,), options))
        return created

    async def abulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Write these fields of instances, `batch_size` rows at a time; how many rows were there.

        Raises `ValueError` for an instance without a primary key, and for a field that cannot be updated.
        """
        args = _reusable(objs), _reusable(fields)
        changed: int = await answer(self, Finish(Answer.BULK_UPDATE, args, {"batch_size": batch_size}))
        return changed

    async def aupdate(self, **kwargs: Any) -> int:
        """Set columns of all rows to values or expressions, without signals or `save()`; how many rows there were.

        Raises `UnknownColumn` for a name the model does not have, and what Django raises: `TypeError` after a slice,
        `NotSupportedError` after `union()`, `ValueError` for a value that its column cannot hold.
        """
        if terminal_reason(self.statement, method_names(Answer.UPDATE)) is None:
            check_assignments(self.statement.model, kwargs)
        _, kwargs = snapshot_expressions(self, (), kwargs)
        changed: int = await answer(self, Finish(Answer.UPDATE, kwargs=kwargs))
        return changed

    async def adelete(self) -> tuple[int, dict[str, int]]:
        """Delete all rows, and what `on_delete` says; how many rows went, in all and by model.

        Signals are sent, and cascades followed, as Django does. Raises `ProtectedError` and `RestrictedError`, and what
        Django raises: `TypeError` after a slice, `distinct()` of fields or `values()`, `NotSupportedError` after
        `union()`.
        """
        deleted: tuple[int, dict[str, int]] = await answer(self, Finish(Answer.DELETE))
        return deleted

    @overload
    def returning(self) -> ReturningQuery[M]: ...
    @overload
    def returning(self, field: str, /, *fields: str) -> ReturningQuery[tuple[Any, ...]]: ...
    def returning(self, *fields: str) -> ReturningQuery[Any]:
        """The same query, whose `aupdate()` and `adelete()` give the rows that they change.

        Rows are tuples of the named columns, or instances if none is named: after an update as they are now, after a
        deletion as they were. PostgreSQL and SQLite can do both, MariaDB the deletion; elsewhere these two raise
        `UnsupportedFeature`. Raises it at once after a slice, and for a model that inherits from another table;
        `UnknownColumn` for what is no column.
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
        """Insert any number of rows by PostgreSQL's COPY, all of them or none; how many.

        - `rows` are instances, or sequences with a value for each of `fields`; `batch_size` of them (2,000 by default)
          are in memory at a time. Every value is converted as for an INSERT.
        - `fields` are the columns that are given; of instances, all by default. The others have what a new instance has
          there. A key that the database makes, and a `db_default` that nobody has changed, is left to the database.
        - `progress` is called with the number of rows that were sent so far, after each batch.

        Neither `save()` nor signals are called, and instances do not learn their keys. Runs in the transaction, if
        there is one, which an error fails as any other. Other databases take `abulk_create()` in batches, in a
        transaction. Raises `ValueError` for a row of another length, or one that leaves other columns to the database
        than the first, and for a model that inherits from another table; `UnknownColumn` for what is no column.
        """
        return await copy_rows(self, rows, fields, batch_size=batch_size, progress=progress)


def _reusable(values: Iterable[T]) -> Iterable[T]:
    """The same, or a tuple of what could be iterated over only once."""
    return tuple(values) if isinstance(values, Iterator) else values


class ReturningQuery(StatementHolder, Generic[T]):
    """A query whose changed rows are wanted; `T` is what one of them is. Made by `returning()`."""

    __slots__ = ("_names",)

    def __init__(self, statement: Statement, structure: Structure | Unkeyed, names: Names) -> None:
        self.statement, self.structure, self._partial = statement, structure, None
        self._names = names

    async def aupdate(self, **kwargs: Any) -> list[T]:
        """Set columns of all rows, and return the rows as they are now; in no particular order.

        See `AsyncQuery.aupdate()`. Raises `UnsupportedFeature` where the database or the query cannot.
        """
        check_assignments(self.statement.model, kwargs)
        _, kwargs = snapshot_expressions(self, (), kwargs)
        rows: list[T] = await answer(self, Finish(Answer.UPDATE, kwargs=kwargs, returning=self._names))
        return rows

    async def adelete(self) -> list[T]:
        """Delete all rows, and return them as they were; in no particular order.

        One statement, where nothing hangs on the rows. Where signals or cascades do, the rows are locked and read, and
        deleted by Django's own code, in one transaction. Raises `UnsupportedFeature` where the database cannot.
        """
        rows: list[T] = await answer(self, Finish(Answer.DELETE, returning=self._names))
        return rows
