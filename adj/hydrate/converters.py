"""Faster twins of a few of Django's converters, which a row with dates, decimals or JSON spends most of its time in.

A twin takes the value alone. It gives what Django's converter gives, and asks that converter about whatever it does
not expect; `tests/unit/test_converters.py` compares the two. Time zones are read when a plan is made: when Django's
`setting_changed` says that they change, as tests do, all plans are dropped.

Private Django API used here: the converters of the SQLite backend's `DatabaseOperations`, `JSONField.from_db_value`,
`DecimalField.context`.
"""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings
from django.db.models import JSONField
from django.db.models.expressions import Col

Converter: TypeAlias = Callable[[Any, Any, Any], Any]
Twin: TypeAlias = Callable[[Any], Any]


def twin_of(converter: Converter, expression: Any, connection: Any) -> Twin | None:
    """The faster twin of a converter, for one column; None if it has none."""
    make = _TWINS.get((getattr(converter, "__module__", ""), getattr(converter, "__qualname__", "")))
    return None if make is None else make(converter, expression, connection)


def _datetime(converter: Converter, expression: Any, connection: Any) -> Twin:
    parse = datetime.datetime.fromisoformat
    zone = connection.timezone if settings.USE_TZ else None

    def convert(value: Any) -> Any:
        if value is None:
            return None
        try:
            moment = parse(value)
        except (TypeError, ValueError):
            return converter(value, expression, connection)
        return moment.replace(tzinfo=zone) if zone is not None and moment.tzinfo is None else moment

    return convert


def _parsed_by(parse: Callable[[str], Any]) -> Callable[[Converter, Any, Any], Twin]:
    """A twin that lets a constructor parse text, and Django everything else."""

    def make(converter: Converter, expression: Any, connection: Any) -> Twin:
        def convert(value: Any) -> Any:
            if value is None:
                return None
            try:
                return parse(value)
            except (TypeError, ValueError, AttributeError):
                return converter(value, expression, connection)

        return convert

    return make


def _decimal(converter: Converter, expression: Any, connection: Any) -> Twin | None:
    field: Any = expression.output_field if isinstance(expression, Col) else None
    if field is None or field.decimal_places is None:
        return None
    create = decimal.Context(prec=15).create_decimal_from_float
    quantum, context = decimal.Decimal(1).scaleb(-field.decimal_places), field.context

    def convert(value: Any) -> Any:
        if type(value) is float:
            return create(value).quantize(quantum, None, context)
        return converter(value, expression, connection)

    return convert


def _json(converter: Converter, expression: Any, connection: Any) -> Twin | None:
    field: Any = converter.__self__  # type: ignore[attr-defined]  # a bound method of JSONField
    if field.decoder is not None:
        return None
    decoder: Any = json.JSONDecoder()
    scan = decoder.scan_once

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is str:
            try:
                decoded, end = scan(value, 0)
            except (StopIteration, ValueError):
                return converter(value, expression, connection)
            if end == len(value):
                return decoded
        return converter(value, expression, connection)

    return convert


# By name, so that a project which does not use SQLite need not have it.
_SQLITE = "django.db.backends.sqlite3.operations"
_TWINS: dict[tuple[str, str], Callable[[Converter, Any, Any], Twin | None]] = {
    (_SQLITE, "DatabaseOperations.convert_datetimefield_value"): _datetime,
    (_SQLITE, "DatabaseOperations.convert_datefield_value"): _parsed_by(datetime.date.fromisoformat),
    (_SQLITE, "DatabaseOperations.convert_timefield_value"): _parsed_by(datetime.time.fromisoformat),
    (_SQLITE, "DatabaseOperations.convert_uuidfield_value"): _parsed_by(uuid.UUID),
    (_SQLITE, "DatabaseOperations.get_decimalfield_converter.<locals>.converter"): _decimal,
    (JSONField.__module__, "JSONField.from_db_value"): _json,
}
