"""`RETURNING`: the rows that a statement changed or deleted, with the columns of a SELECT.

Private Django API used here: `SQLCompiler.pre_sql_setup`, `SQLCompiler.select`, `Model._meta.concrete_model`.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any, cast

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector
from django.db.models.sql.compiler import SQLCompiler

from adj.compiler.django.deleting import deletion_query
from adj.errors import UnknownColumn, UnsupportedFeature
from adj.hydrate.layout import Layout, layout_of
from adj.schema.paths import column_names
from adj.statement import clauses as ask
from adj.statement.clauses import DjangoQuerySet
from adj.statement.shapes import Answer
from adj.statement.statement import ROWS, Names, Statement, TerminalCall
from adj.statement.text import query_text

# MariaDB goes by the name of MySQL.
_ABLE = {Answer.UPDATE: ("postgresql", "sqlite"), Answer.DELETE: ("postgresql", "sqlite", "mysql")}


def check_returning(statement: Statement, names: Names) -> None:
    """Check the arguments of `returning()`.

    Raises `UnknownColumn` for a name that is not a column of the model's table, and `UnsupportedFeature` for rows that
    are not rows of one table.
    """
    model = statement.model
    concrete_model = model._meta.concrete_model
    if concrete_model is not None and concrete_model._meta.parents:
        _refuse(
            statement,
            f"returning() supports models with a single table; {model.__name__} uses multi-table inheritance.",
        )
    if _is_combined(statement):
        _refuse(statement, "returning() cannot be used after a slice or union(), which cannot be updated or deleted.")
    choices = column_names(model)
    for name in names:
        if name not in choices:
            part = str(name)
            raise UnknownColumn(model=model.__name__, path=part, part=part, choices=choices, kind="column")


def _is_combined(statement: Statement) -> bool:
    base: DjangoQuerySet | None = statement.base
    if base is not None and (base.query.is_sliced or base.query.combinator):
        return True
    return any(
        isinstance(clause, ask.Slice)
        or (isinstance(clause, ask.Combine) and clause.operation in {"union", "intersection", "difference"})
        for clause in statement.clauses
    )


def check_backend(statement: Statement, terminal: TerminalCall, wrapper: BaseDatabaseWrapper) -> None:
    """Raise `UnsupportedFeature` where the server has no RETURNING for this kind of statement."""
    # Django's feature flag is about INSERT: SQLite supports all since 3.35; MariaDB's UPDATE does not support it.
    is_able = wrapper.vendor in _ABLE[terminal.answer] and wrapper.features.can_return_columns_from_insert
    if not is_able:
        name = f"a{terminal.answer.value}"
        _refuse(statement, f"{wrapper.display_name} cannot return the rows of {name}().", terminal)


def refuse_django_path(statement: Statement, terminal: TerminalCall, reason: str) -> None:
    """Raise `UnsupportedFeature` for a query that takes the Django path."""
    text = f"returning() requires a single statement, but this query takes the Django path: {reason}."
    _refuse(statement, text, terminal)


def _refuse(statement: Statement, reason: str, terminal: TerminalCall = ROWS) -> None:
    raise UnsupportedFeature(query=query_text(statement, terminal), reason=reason)


def returned_columns(model: type[Model], names: Names, alias: str) -> tuple[str, Layout]:
    """` RETURNING ...`, and the layout of its rows: of instances, or of tuples of the named columns."""
    rows: DjangoQuerySet = QuerySet(model, using=alias).order_by()
    if names:
        rows = rows.values_list(*cast("tuple[str, ...]", names))
    compiler: SQLCompiler = rows.query.get_compiler(alias)
    compiler.pre_sql_setup()
    columns = ", ".join(sql for _, (sql, _), _ in compiler.select)
    return f" RETURNING {columns}", layout_of(rows, compiler, alias)


def delete_returning(queryset: DjangoQuerySet, names: Names) -> list[object]:
    """Lock and read the rows, and let Django delete them and their cascades. Blocks on the database.

    This runs in one transaction, so that exactly the deleted rows are returned. They have the values from before.
    """
    alias, model = queryset.db, queryset.model
    # Inside a transaction, an error of the collector, as for a protected row, must not mark it for rollback.
    is_inside = connections[alias].in_atomic_block
    with nullcontext() if is_inside else transaction.atomic(using=alias):
        chosen: Any = QuerySet(model, using=alias).filter(pk__in=deletion_query(queryset)).order_by()
        if connections[alias].features.has_select_for_update:
            chosen = chosen.select_for_update()
        # Django's collector uses the QuerySet's cached rows, and sets their keys to None at the end.
        rows: list[object] = [
            copy.copy(row) if not names else tuple(_value(row, name) for name in names) for row in chosen
        ]
        collector = Collector(using=alias, origin=queryset)
        collector.collect(chosen)
        collector.delete()
    return rows


def _value(row: Any, name: object) -> object:
    return row.pk if name == "pk" else getattr(row, row._meta.get_field(name).attname)
