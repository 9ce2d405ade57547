"""The rows of `tests.walks`: few different values, so that many are equal, and those that make trouble."""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.management.color import no_style
from django.db import connections
from django.db.models import Model

from tests.walks.models import Reading, Sample, Seal, Slip, Station

_UTC = datetime.UTC
_MOMENTS = [
    datetime.datetime(2024, 3, 31, 0, 59, 59, 999_999, _UTC),
    datetime.datetime(2024, 3, 31, 1, 0, tzinfo=_UTC),
    datetime.datetime(2024, 10, 27, 0, 30, tzinfo=_UTC),
    datetime.datetime(2024, 10, 27, 1, 30, tzinfo=_UTC),
    datetime.datetime(2024, 12, 31, 22, 59, 59, 1, _UTC),
    datetime.datetime(2024, 12, 31, 23, 0, tzinfo=_UTC),
    datetime.datetime(1969, 7, 20, 20, 17, 40, tzinfo=_UTC),
]
VALUES: dict[str, list[Any]] = {
    "whole": [0, 1, -1, 2**53, 2**53 + 1, -(2**62)],
    "real": [0.0, -0.0, 0.1, 1 / 3, 0.1 + 0.2, 0.3, 1e300, 5e-324, -2.5],
    "exact": [Decimal("0.1"), Decimal("0.100000"), Decimal("12345678901234.567891"), Decimal("-7.5"), Decimal(3)],
    "name": ["", "a", "A", "á", "b", "ß", "ss", "%", "_", "\\", "'", "日本"],
    "text": ["", "x" * 200, "x" * 200 + "y", "Z", "a\nb"],
    "moment": _MOMENTS,
    "day": [moment.date() for moment in _MOMENTS],
    "clock": [datetime.time(0), datetime.time(23, 59, 59, 999_999), datetime.time(12, 30), datetime.time(12, 30, 0, 1)],
    "span": [datetime.timedelta(microseconds=1), datetime.timedelta(days=-3, hours=5), datetime.timedelta(400)],
    "uid": [uuid.UUID(int=number) for number in (0, 1, 2**127, 2**80 + 5)],
    "blob": [b"", b"\x00", b"\xff\x00'", b"abc"],
    "flag": [True, False],
    "data": [{"n": 1}, {"n": "1"}, {"n": 2.5}, {}, []],
}
COUNT = 40


def random_reading(choose: random.Random, stations: list[Station]) -> Reading:
    """A reading, each column of which is null once in five times."""
    values = {name: choose.choice([*members, None]) for name, members in VALUES.items()}
    return Reading(station=choose.choice([*stations, None]), **values)


def load(alias: str) -> None:
    """Make the rows on a database that has none."""
    choose = random.Random(5)
    heights = [("Aar", 800), ("Bo", None), ("Cho Oyu", 8188), ("D", None), ("E", 800)]
    stations = [Station(pk=number, name=name, height=height) for number, (name, height) in enumerate(heights, 1)]
    rows = [random_reading(choose, stations) for _ in range(COUNT)]
    samples: list[Sample] = []
    for number, reading in enumerate(rows, 1):
        reading.pk = number
        labels = choose.sample("abc", choose.randint(0, 3))
        samples += [Sample(reading=reading, label=label, value=choose.choice([None, 1, 2, 3, 5])) for label in labels]
    seals = [Seal(reading=reading, color=choose.choice(["red", "blue"])) for reading in rows if reading.pk % 3]
    slips = [Slip(book=choose.randint(1, 3), page=reading.pk, reading=reading) for reading in rows if reading.pk % 2]
    for made in (stations, rows, samples, seals, slips):
        _bulk_create(alias, made)


def _bulk_create(alias: str, made: Sequence[Model]) -> None:
    manager: Any = type(made[0])._default_manager
    manager.using(alias).bulk_create(made)
    wrapper: Any = connections[alias]
    with wrapper.cursor() as cursor:
        for statement in wrapper.ops.sequence_reset_sql(no_style(), [type(made[0])]):
            cursor.execute(statement)


def empty(alias: str) -> None:
    """Delete them."""
    for model in (Slip, Seal, Sample, Reading, Station):
        model.objects.using(alias).all().delete()
