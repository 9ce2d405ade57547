"""Rows for COPY: their columns, and each value prepared as Django prepares it for an INSERT.

A sequence of values stands for the instance with these values, so that defaults and field hooks apply to the missing
fields as well.

Private Django API used here: `Model._prepare_related_fields_for_save`, `Field.pre_save`, `Field.get_db_prep_save`,
`Field.get_pk_value_on_save`, `Field.get_placeholder`, `Field.get_placeholder_sql`, `ModelState.fields_cache`,
`DatabaseDefault`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model, Value
from django.db.models.expressions import DatabaseDefault
from django.db.models.sql.query import Query

from adj.django_types import AnyField, PrivateModel
from adj.errors import UnknownColumn, UnsupportedFeature
from adj.statement.structure import PLAIN_TYPES

Read: TypeAlias = Callable[[Any], object]
"""From a row to the value of one field."""

# The cast to the column's type that Django writes around some values; COPY does not need it.
_CAST = re.compile(r"%s(?:::.+)?")


@dataclass(frozen=True, slots=True)
class CopyColumn:
    """A field to write, how to read its value from a row, and how to prepare the value."""

    field: AnyField
    read: Read
    prepare: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class RowCopy:
    """How the rows of one COPY become values. `left_out` are fields whose values the database generates."""

    model: type[Model]
    has_instances: bool
    count: int | None
    columns: tuple[CopyColumn, ...]
    left_out: tuple[CopyColumn, ...]

    def sql(self, quote: Callable[[str], str]) -> str:
        """The COPY statement."""
        names = ", ".join(quote(column.field.column or "") for column in self.columns)
        return f"COPY {quote(self.model._meta.db_table)} ({names}) FROM STDIN"

    def values(self, rows: Iterable[object], first: int) -> Iterator[tuple[object, ...]]:
        """The values of rows; `first` is the number of the first row, which a note on errors names."""
        readers = [(column.read, column.prepare) for column in self.columns]
        for number, row in enumerate(rows, start=first):
            try:
                self._check(row)
                yield tuple([prepare(read(row)) for read, prepare in readers])
            except Exception as error:
                error.add_note(f"Row {number} of acopy().")
                raise

    def _check(self, row: Any) -> None:
        """Raise `TypeError` or `ValueError` for a row that differs in form from the first one."""
        if isinstance(row, Model) is not self.has_instances:
            raise TypeError(f"acopy() expects either model instances or sequences of values; got {type(row).__name__}.")
        if self.has_instances:
            _complete(row, self.model)
        elif len(row) != self.count:
            raise ValueError(f"acopy() got {len(row)} values for {self.count} fields.")
        for column in self.left_out:
            if not _is_databases(column.field, column.read(row)):
                raise _mixed(column.field)


def check_copyable(model: type[Model]) -> None:
    """Raise `ValueError` for a model whose rows are in several tables, as `bulk_create()` does."""
    concrete = model._meta.concrete_model
    if concrete is not None and concrete._meta.parents:
        raise ValueError(
            f"{model.__name__} uses multi-table inheritance, and COPY fills a single table. Save the instances instead."
        )


def fields_of(model: type[Model], names: Sequence[str] | None) -> list[AnyField]:
    """The named fields, or all fields that can be written.

    Raises `UnknownColumn` for a name that is not a column, or that is a generated column.
    """
    writable = [field for field in model._meta.concrete_fields if not getattr(field, "generated", False)]
    if names is None:
        return writable
    by_name: dict[str, AnyField] = {name: field for field in writable for name in (field.name, field.attname)}
    if model._meta.pk in writable:
        by_name["pk"] = model._meta.pk
    for name in names:
        if name not in by_name:
            raise UnknownColumn(model=model.__name__, path=name, part=name, choices=by_name, kind="column to write")
    return [by_name[name] for name in names]


def as_instance(model: type[Model], row: Any, names: Sequence[str] | None) -> Model:
    """The instance for a row; the row itself if it is an instance and no fields are named."""
    if isinstance(row, Model):
        _check_model(row, model)
        if names is None:
            return row
    fields = fields_of(model, names)
    values = [getattr(row, field.attname) for field in fields] if isinstance(row, Model) else list(row)
    if len(values) != len(fields) or names is None:
        raise ValueError(f"acopy() got {len(values)} values for {len(fields) if names else 'no'} fields.")
    return model(**{_argument(field, value): value for field, value in zip(fields, values, strict=True)})


def _argument(field: AnyField, value: object) -> str:
    name: str = field.name if isinstance(value, Model) else field.attname
    return name


def copied(model: type[Model], names: Sequence[str] | None, row: Any, connection: BaseDatabaseWrapper) -> RowCopy:
    """How to copy rows that have the form of the first row.

    Raises `ValueError` for sequences without field names, `TypeError` for a value that is not a row, and
    `UnknownColumn`.
    """
    is_instance = isinstance(row, Model)
    if is_instance:
        _complete(cast("PrivateModel", row), model)
    elif names is None:
        raise ValueError("acopy() requires `fields` for sequences: the names of their columns.")
    named = fields_of(model, names)
    readers: Mapping[AnyField, Read] = dict(
        _instance_readers(named) if is_instance else _sequence_readers(named, model)
    )
    if len(readers) != len(named):
        raise ValueError("acopy() got a column more than once in `fields`.")
    readers = {**readers, **dict(_default_readers(set(fields_of(model, None)) - set(named), model))}
    if not is_instance and len(row) != len(named):
        raise ValueError(f"acopy() got {len(row)} values for {len(named)} fields.")
    columns = [CopyColumn(field, read, _preparation(field, connection)) for field, read in readers.items()]
    is_left = [_is_databases(column.field, column.read(row)) for column in columns]
    return RowCopy(
        model=model,
        has_instances=is_instance,
        count=None if is_instance else len(named),
        columns=tuple(column for column, left in zip(columns, is_left, strict=True) if not left),
        left_out=tuple(column for column, left in zip(columns, is_left, strict=True) if left),
    )


def _complete(instance: PrivateModel, model: type[Model]) -> None:
    """Set the primary key if Python generates it, and the keys of related instances, as `bulk_create()` does."""
    _check_model(instance, model)
    if instance.pk is None:
        instance.pk = instance._meta.pk.get_pk_value_on_save(instance)
    instance._prepare_related_fields_for_save(operation_name="acopy")


def _check_model(instance: Model, model: type[Model]) -> None:
    """Raise `TypeError` for an instance of another table; a proxy shares its model's."""
    if instance._meta.concrete_model is not model._meta.concrete_model:
        raise TypeError(f"acopy() expects instances of {model.__name__}; got {type(instance).__name__}.")


def _is_databases(field: AnyField, value: object) -> bool:
    """Whether the database generates the value: of an AutoField, or by the field's `db_default`."""
    return isinstance(value, DatabaseDefault) or (value is None and isinstance(field, AutoField))


def _mixed(field: AnyField) -> ValueError:
    return ValueError(
        f"{field.model.__name__}.{field.name} has a value in some rows and not in others. "
        "Copy the two kinds of rows separately."
    )


# -- reading -----------------------------------------------------------------------------------------------------------


def _has_plain_value(field: AnyField) -> bool:
    """Whether the value in the row is saved unchanged; `auto_now` and file fields have hooks."""
    return type(field).pre_save is Field.pre_save


def _instance_readers(fields: Iterable[AnyField]) -> Iterator[tuple[AnyField, Read]]:
    for field in fields:
        yield field, attrgetter(field.attname) if _has_plain_value(field) else _hooked(field)


def _hooked(field: AnyField) -> Read:
    return lambda instance: field.pre_save(instance, True)


def _sequence_readers(fields: Iterable[AnyField], model: type[Model]) -> Iterator[tuple[AnyField, Read]]:
    for position, field in enumerate(fields):
        value_of = _key_reader(field, model, itemgetter(position)) if field.is_relation else itemgetter(position)
        yield field, value_of if _has_plain_value(field) else _hooked_value(field, model(), value_of)


def _key_reader(field: AnyField, model: type[Model], value_of: Read) -> Read:
    """A related instance may stand for its key."""

    def read(row: object) -> object:
        value = value_of(row)
        return _related_key(field, model, value) if isinstance(value, Model) else value

    return read


def _related_key(field: AnyField, model: type[Model], related: Model) -> object:
    """The key of a related instance. Django raises `ValueError` if it cannot be assigned to the model's field."""
    blank = cast("PrivateModel", model())
    cached = related._state.fields_cache.copy()
    setattr(blank, field.name, related)
    blank._prepare_related_fields_for_save(operation_name="acopy", fields=[field])
    # Assigning to a one-to-one field has cached the blank instance on the related one.
    setattr(related._state, "fields_cache", cached)  # noqa: B010  # a descriptor of the class
    return getattr(blank, field.attname)


def _default_readers(fields: Iterable[AnyField], model: type[Model]) -> Iterator[tuple[AnyField, Read]]:
    """Readers for the fields that are not named: the values that a new instance would have."""
    for field in sorted(fields):
        yield field, _hooked_value(field, model(), _default_of(field))


def _default_of(field: AnyField) -> Read:
    return lambda row: field.get_default()


def _hooked_value(field: AnyField, blank: Model, value_of: Read) -> Read:
    """The value as `pre_save()` returns it for an instance with this value alone."""

    def read(row: object) -> object:
        setattr(blank, field.attname, value_of(row))
        return field.pre_save(blank, True)

    return read


# -- preparing ---------------------------------------------------------------------------------------------------------


def _preparation(field: AnyField, connection: BaseDatabaseWrapper) -> Callable[[object], object]:
    """The function that prepares a field's values for the driver."""
    save, is_key = field.get_db_prep_save, isinstance(field, AutoField)
    surround = _surrounding(field, connection)

    def prepare(value: object) -> object:
        is_expression = type(value) not in PLAIN_TYPES and hasattr(value, "resolve_expression")
        if is_expression and not isinstance(value, (Value, DatabaseDefault)):
            raise _refused(field, "an expression")
        prepared = save(value, connection)
        if hasattr(prepared, "as_sql") or (prepared is None and is_key):
            raise _mixed(field) if _is_databases(field, value) else _refused(field, "an expression")
        return prepared if surround is None else surround(prepared)

    return prepare


def _surrounding(field: Any, connection: BaseDatabaseWrapper) -> Callable[[object], object] | None:
    """The conversion for a field that writes SQL around its values; None for other fields.

    Raises `UnsupportedFeature` for a value whose SQL is more than a cast.
    """
    if not hasattr(field, "get_placeholder_sql") and not hasattr(field, "get_placeholder"):
        return None
    compiler = Query(field.model).get_compiler(connection=connection)

    def surround(value: object) -> object:
        if hasattr(field, "get_placeholder_sql"):
            sql, parameters = field.get_placeholder_sql(value, compiler, connection)
        else:
            sql, parameters = field.get_placeholder(value, compiler, connection), (value,)
        if _CAST.fullmatch(sql) is None or len(parameters) != 1:
            raise _refused(field, f"a value that is written as {sql}")
        return parameters[0]

    return surround


def _refused(field: AnyField, what: str) -> UnsupportedFeature:
    name = f"{field.model.__name__}.{field.name}"
    return UnsupportedFeature(
        query=f"q({field.model.__name__}).acopy(...)", reason=f"COPY accepts plain values only; {name} has {what}."
    )
