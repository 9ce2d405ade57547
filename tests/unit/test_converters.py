"""The fast twins of converters give what Django's converters give, for whatever a driver may send."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.db.models import (
    BooleanField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    Field,
    JSONField,
    TimeField,
    UUIDField,
)
from django.db.models.expressions import Col
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from adj.compiler.django.dialect import Dialect
from adj.hydrate.converters import twin_of
from adj.hydrate.layout import Layout, ResultColumn
from adj.hydrate.rows import hydrator_for
from adj.statement.shapes import RowShape
from tests.unit.asking import dialect

FIELDS: dict[str, Any] = {
    "datetime": DateTimeField(),
    "date": DateField(),
    "time": TimeField(),
    "duration": DurationField(),
    "boolean": BooleanField(),
    "uuid": UUIDField(),
    "decimal": DecimalField(max_digits=8, decimal_places=2),
    "decimal of many digits": DecimalField(max_digits=30, decimal_places=4),
    "whole decimal": DecimalField(max_digits=25, decimal_places=0),
    "json": JSONField(),
}
for _name, _field in FIELDS.items():
    _field.set_attributes_from_name(_name.replace(" ", "_"))


class OwnDecoder(json.JSONDecoder):
    """Reads integers as text."""

    def __init__(self) -> None:
        super().__init__(parse_int=str)


def both(field: Field[Any, Any], known: Dialect) -> tuple[Callable[[Any], Any], Callable[[Any], Any], bool]:
    """Django's conversion of a column and the generated one, and whether the latter has a twin in it."""
    connection = known.wrapper
    expression = Col("table", field)
    functions = tuple(connection.ops.get_db_converters(expression) + expression.get_db_converters(connection))
    layout = Layout(RowShape.TUPLE, (ResultColumn(expression, functions),), (0,), "default", connection)
    hydrate = hydrator_for(layout)
    hydrate_rows: Any = hydrate[0] if isinstance(hydrate, tuple) else hydrate

    def django(value: Any) -> Any:
        for function in functions:
            value = function(value, expression, connection)
        return value

    def ours(value: Any) -> Any:
        return hydrate_rows([(value,)])[0][0]

    has_twin = any(twin_of(function, expression, connection) is not None for function in functions)
    return django, ours, has_twin


def outcome(convert: Callable[[Any], Any], value: Any) -> Any:
    """What a conversion gives, by type and value, or the kind of what it raises."""
    try:
        converted = convert(value)
    except Exception as error:  # noqa: BLE001  # malformed input may raise anything; it has to be the same
        return type(error)
    return shown(converted)


def shown(value: Any) -> Any:
    if isinstance(value, float):
        # NaN equals nothing, and -0.0 equals 0.0.
        return (float, "nan" if math.isnan(value) else repr(value))
    if isinstance(value, dict):
        return (dict, [(key, shown(item)) for key, item in value.items()])
    if isinstance(value, list):
        return (list, [shown(item) for item in value])
    tzinfo = getattr(value, "tzinfo", None)
    return (type(value), repr(value), tzinfo)


MOMENT = datetime.datetime(2021, 10, 31, 1, 30, 0, 5)  # noqa: DTZ001  # as SQLite gives it
COMMON: list[Any] = [None, "", "x", 0, 1, -1, 1.5, b"", b"x", [], True, False, object()]
TABLES: dict[str, list[Any]] = {
    "datetime": [
        MOMENT,
        MOMENT.replace(microsecond=0),
        MOMENT.replace(tzinfo=datetime.UTC),
        MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30))),
        datetime.date(2021, 1, 1),
        *("2021-10-31 01:30:00", "2021-10-31T01:30:00.000005", "2021-10-31 01:30", "2021-10-31", "20211031"),
        *("2021-10-31 01:30:00+02:00", "2021-10-31 01:30:00Z", "2021-10-31 1:3", "2021-13-31 01:30:00", "2021-W05"),
        *(datetime.datetime.min, datetime.datetime.max),  # noqa: DTZ901  # the database has no zones
    ],
    "date": [
        datetime.date(2021, 1, 1),
        MOMENT,
        *("2021-01-01", "2021-1-1", "20210101", "2021-W05-1", "2021-02-30", "2021-01-01 00:00:00"),
    ],
    "time": [
        datetime.time(1, 2, 3, 4),
        datetime.time(1, 2, tzinfo=datetime.UTC),
        MOMENT,
        *("01:02:03", "01:02:03.000004", "01:02", "1:2", "01:02:03+02:00", "010203", "25:00", "T01:02"),
    ],
    "duration": [0, 5, -5, 86_400_000_000, 2**62, 1.5, "5", datetime.timedelta(1)],
    "boolean": [0, 1, True, False, 2, "1", "0", 1.0],
    "uuid": [
        *("0" * 32, "f" * 32, "F" * 32, "0123456789abcdef0123456789ABCDEF", "0x" + "1" * 30, "g" * 32, "1" * 31),
        *("01234567-89ab-cdef-0123-456789abcdef", "{0123456789abcdef0123456789abcdef}", "\uff11" * 32, "1_" * 16),
        *(
            uuid.UUID(int=5),
            5,
            b"0" * 16,
            "+" + "1" * 31,
            " " + "1" * 31,
            "urn:uuid:" + "1" * 32,
            "\u0661" * 32,
            "\xb2" * 32,
        ),
    ],
    "decimal": [
        *(0.0, -0.0, 1.5, 0.005, 0.015, 1e-10, 999_999.99, 123_456.785, -1.005, 1e6, 1e20, 1e300, 5e-324),
        *(float("nan"), float("inf"), float("-inf"), 0, 1, -1, 999_999, 1_000_000, 10**15, 10**16 + 1, 10**30, True),
        *("1.5", "x", decimal.Decimal("1.5"), decimal.Decimal("1.555"), decimal.Decimal("NaN")),
    ],
    "json": [
        *("null", "true", "false", "0", "-1", "1.5", "1e400", "NaN", "Infinity", '"text"', '""', "[]", "{}", "[1, 2]"),
        *(
            '{"a": [null, {"b": "c"}]}',
            " 1",
            "1 ",
            "\n[1]\n",
            "[1",
            "1 2",
            "{'a': 1}",
            "nul",
            '"\\ud800"',
            '"\\n"',
            "\ufeff1",
        ),
        *('{"a": 1, "a": 2}', "[" * 50 + "]" * 50, "9" * 5_000, "-", '"unterminated', '{"a"}', "\x00", '"\x01"'),
        *(b"1", b"[1]", 5, 1.5, {"a": 1}, [1], "\u00e9", '"\u65e5"'),
    ],
}
TABLES["decimal of many digits"] = TABLES["whole decimal"] = TABLES["decimal"]


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("name", FIELDS)
def test_a_twin_gives_what_djangos_converter_gives(name: str, use_tz: bool) -> None:
    """P47, P48"""
    with override_settings(USE_TZ=use_tz):
        django, ours, has_twin = both(FIELDS[name], dialect())
        assert has_twin
        for value in [*COMMON, *TABLES[name]]:
            assert outcome(ours, value) == outcome(django, value), value


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("name", ["datetime", "date", "time"])
def test_a_twin_follows_the_time_zone_of_the_connection(name: str, zone: str) -> None:
    """P47"""
    with override_settings(TIME_ZONE=zone, USE_TZ=True):
        connections["default"].__dict__.pop("timezone", None)
        django, ours, _ = both(FIELDS[name], dialect())
        for value in TABLES[name]:
            assert outcome(ours, value) == outcome(django, value), value


def test_columns_without_a_converter_worth_a_twin_have_none() -> None:
    own = JSONField(decoder=OwnDecoder)
    own.set_attributes_from_name("own")
    django, ours, has_twin = both(own, dialect())
    assert not has_twin
    assert ours('{"a": 1}') == django('{"a": 1}') == {"a": "1"}


def test_a_converter_of_a_subclass_has_no_twin() -> None:
    class Upper(JSONField):
        def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
            return super().from_db_value(value.upper(), expression, connection)

    field = Upper()
    field.set_attributes_from_name("own")
    django, ours, has_twin = both(field, dialect())
    assert not has_twin
    assert ours('"a"') == django('"a"') == "A"


# -- generated values --------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
_ZONES = st.none() | st.just(datetime.UTC) | st.timezones()
_TEXT = st.text(alphabet=st.sampled_from("0123456789abcdefx-+_:.TZ {}[]\",'\u0661\uff11"), max_size=36)


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("datetime", st.datetimes(timezones=_ZONES)),
        (
            "datetime",
            st.datetimes(timezones=_ZONES).map(str) | st.datetimes().map(lambda moment: moment.isoformat("T")),
        ),
        ("datetime", _TEXT),
        ("date", st.dates() | st.dates().map(str) | _TEXT),
        ("time", st.times(timezones=_ZONES) | st.times().map(str) | _TEXT),
        ("duration", st.integers(-(2**62), 2**62)),
        ("boolean", st.booleans() | st.integers()),
        ("uuid", st.uuids().map(lambda found: found.hex) | st.uuids().map(str) | st.uuids()),
        ("uuid", _TEXT | st.text(alphabet="0123456789abcdefABCDEFxX", min_size=32, max_size=32)),
        ("decimal", st.floats() | st.integers() | st.decimals()),
        ("decimal", st.decimals(-999_999, 999_999, places=2).map(float)),
        ("decimal of many digits", st.decimals(-(10**18), 10**18, places=4).map(float)),
        ("decimal", st.floats(min_value=-999_999, max_value=999_999) | st.integers(-999_999, 999_999)),
        ("decimal of many digits", st.floats() | st.integers() | st.floats(min_value=-(10**20), max_value=10**20)),
        ("decimal of many digits", st.integers(-(2**63), 2**63 - 1)),
        ("whole decimal", st.floats() | st.integers(-(2**63), 2**63 - 1)),
        ("json", _JSON.map(json.dumps) | _JSON.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))),
        ("json", st.text() | _TEXT),
    ],
)
def test_a_twin_gives_what_djangos_converter_gives_for_generated_values(name: str, values: Any, use_tz: bool) -> None:
    """P47, P48"""
    with override_settings(USE_TZ=use_tz):
        django, ours, _ = both(FIELDS[name], dialect())

        @given(values)
        def compare(value: Any) -> None:
            assert outcome(ours, value) == outcome(django, value)

        compare()
