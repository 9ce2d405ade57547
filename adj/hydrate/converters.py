"""Faster twins of some of Django's converters, in which rows with dates, decimals or JSON spend most of their time.

A twin takes only the value. It returns the same as Django's converter, which it calls for unexpected values;
`tests/unit/test_converters.py` compares the two. Time zones are read when a plan is created; Django's signal
`setting_changed` drops all plans.

Private Django API used here: the converters of the SQLite backend's `DatabaseOperations`, `JSONField.from_db_value`,
`DecimalField.context`.
"""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import JSONField
from django.db.models.expressions import BaseExpression, Col

Converter: TypeAlias = Callable[[Any, BaseExpression, BaseDatabaseWrapper], object]


@dataclass(frozen=True, slots=True)
class Twin:
    """Replaces a converter. `None`, and values of exactly the type `passes`, are not converted."""

    convert: Callable[[Any], object]
    passes: type | None = None


def twin_of(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin | None:
    """The faster twin of a converter for one column; None if there is none."""
    make = _TWINS.get((getattr(converter, "__module__", ""), getattr(converter, "__qualname__", "")))
    return None if make is None else make(converter, expression, connection)


def _datetime(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin:
    zone = connection.timezone if settings.USE_TZ else None

    def convert(value: object) -> object:
        # The driver returns naive datetimes for columns that are declared as datetimes.
        if type(value) is datetime.datetime and value.tzinfo is None:
            return value.replace(tzinfo=zone)
        return converter(value, expression, connection)

    return Twin(convert, None if settings.USE_TZ else datetime.datetime)


def _already(value_type: type) -> Callable[[Converter, BaseExpression, BaseDatabaseWrapper], Twin]:
    """A twin for columns whose values the driver usually returns in the right type."""

    def make(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin:
        return Twin(lambda value: converter(value, expression, connection), value_type)

    return make


def _uuid(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin:
    new, uuid_class, safety = object.__new__, uuid.UUID, uuid.SafeUUID.unknown
    # The slots of a UUID, which does not allow setting attributes.
    set_int, set_safety = vars(uuid_class)["int"].__set__, vars(uuid_class)["is_safe"].__set__

    def convert(value: object) -> object:
        if type(value) is str and len(value) == 32 and value.isalnum():
            result = new(uuid_class)
            set_int(result, int(value, 16))
            set_safety(result, safety)
            return result
        return converter(value, expression, connection)

    return Twin(convert)


def _duration(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin:
    make = datetime.timedelta
    return Twin(lambda value: make(0, 0, value))


def _decimal(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin | None:
    field: Any = expression.output_field if isinstance(expression, Col) else None
    if field is None or field.decimal_places is None:
        return None
    from_float = decimal.Context(prec=15).create_decimal_from_float
    from_integer = decimal.Decimal
    quantum, context = decimal.Decimal(1).scaleb(-field.decimal_places), field.context
    # A float has that many decimal digits, so a float that equals the nearest multiple of the quantum represents it.
    limit, scale, multiply = float(10 ** min(context.prec, 15)), 10**field.decimal_places, context.multiply

    def convert(value: object) -> object:
        if type(value) is float:
            if -limit < (scaled := value * scale) < limit and (quanta := round(scaled)) and quanta / scale == value:
                return multiply(quanta, quantum)
            return from_float(value).quantize(quantum, None, context)
        # Django before 6.1 rounds longer integers.
        if type(value) is int and -_EXACT < value < _EXACT:
            return from_integer(value).quantize(quantum, None, context)
        return converter(value, expression, connection)

    return Twin(convert)


def _json(converter: Converter, expression: BaseExpression, connection: BaseDatabaseWrapper) -> Twin | None:
    field: JSONField = converter.__self__  # type: ignore[attr-defined]  # a bound method of JSONField
    if field.decoder is not None:
        return None
    decoder: Any = json.JSONDecoder()  # Any: typeshed leaves out the scanner.
    scan = decoder.scan_once

    def convert(value: object) -> object:
        if type(value) is str:
            try:
                decoded, end = scan(value, 0)
            except (StopIteration, ValueError):
                return converter(value, expression, connection)
            if end == len(value):
                return decoded
        return converter(value, expression, connection)

    return Twin(convert)


_EXACT = 10**15

# By name, so that projects that do not use SQLite do not need it.
_SQLITE = "django.db.backends.sqlite3.operations"
_TWINS: dict[tuple[str, str], Callable[[Converter, BaseExpression, BaseDatabaseWrapper], Twin | None]] = {
    (_SQLITE, "DatabaseOperations.convert_datetimefield_value"): _datetime,
    (_SQLITE, "DatabaseOperations.convert_datefield_value"): _already(datetime.date),
    (_SQLITE, "DatabaseOperations.convert_timefield_value"): _already(datetime.time),
    (_SQLITE, "DatabaseOperations.convert_booleanfield_value"): _already(bool),
    (_SQLITE, "DatabaseOperations.convert_uuidfield_value"): _uuid,
    (_SQLITE, "DatabaseOperations.get_decimalfield_converter.<locals>.converter"): _decimal,
    ("django.db.backends.base.operations", "BaseDatabaseOperations.convert_durationfield_value"): _duration,
    (JSONField.__module__, "JSONField.from_db_value"): _json,
}
