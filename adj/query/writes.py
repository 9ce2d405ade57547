"""Terminal methods that write, with Django's names, arguments and results.

`aupdate()`, and deletions without cascades or signals, are one statement each, whose SQL adj caches. All others run
Django's own code on adj's connection: defaults, signals, cascades, savepoints and locks are Django's.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, overload

from adj.compiler.django.assign import check_assignments
from adj.compiler.django.django_path import terminal_reason
from adj.compiler.django.returning import check_returning
from adj.compiler.keys.overrides import method_names
from adj.compiler.keys.snapshot import snapshot_expressions
from adj.query.copy_from import COPY_BATCH, copy_rows
from adj.query.hidden_frames import hides_frame
from adj.query.running import answer
from adj.statement.shapes import Answer
from adj.statement.statement import Names, Statement, TerminalCall
from adj.statement.structure import StatementHolder, Structure, Unkeyed
from adj.typevars import M, R, T

# pytest reads it from the globals of a frame.
__tracebackhide__ = hides_frame


class WritingQuery(StatementHolder, Generic[M, R]):
    """The terminal methods of a query that write. They use the router's `db_for_write`, or the alias of `using()`.

    All raise Django's own errors for errors of the database, such as `IntegrityError`.
    """

    __slots__ = ()

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


def _reusable(values: Iterable[T]) -> Iterable[T]:
    """The values, in a tuple if they can be iterated over only once."""
    return tuple(values) if isinstance(values, Iterator) else values


class ReturningQuery(StatementHolder, Generic[T]):
    """A query whose writes return the changed rows, which have the type `T`. Created by `returning()`."""

    __slots__ = ("_names",)

    def __init__(self, statement: Statement, structure: Structure | Unkeyed, names: Names) -> None:
        self.statement, self.structure, self._partial = statement, structure, None
        self._names = names

    async def aupdate(self, **kwargs: Any) -> list[T]:
        """Set columns of all rows, and return the rows as they are afterwards, in no particular order.

        See `AsyncQuery.aupdate()`. Raises `UnsupportedFeature` if the database or the query does not support it.
        """
        check_assignments(self.statement.model, kwargs)
        _, kwargs = snapshot_expressions(self, (), kwargs)
        rows: list[T] = await answer(self, TerminalCall(Answer.UPDATE, kwargs=kwargs, returning=self._names))
        return rows

    async def adelete(self) -> list[T]:
        """Delete all rows, and return them as they were before, in no particular order.

        This is one statement when no cascades or signal handlers are involved. Otherwise the rows are locked, read and
        deleted by Django's own code in one transaction. Raises `UnsupportedFeature` if the database does not support
        it.
        """
        rows: list[T] = await answer(self, TerminalCall(Answer.DELETE, returning=self._names))
        return rows
