"""The cursor of a page: where a row stands in an order, as signed text."""

from __future__ import annotations

import base64
import binascii
import datetime
import decimal
import hashlib
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.core import signing

from adj.errors import InvalidCursor, ShapeError

_SALT: Final = "adj.page"

# For each type that JSON does not have: what marks it, how it becomes text, and how it is read.
_TYPES: Final[list[tuple[str, type, Callable[[Any], str], Callable[[str], object]]]] = [
    ("datetime", datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    ("date", datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    ("time", datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    (
        "timedelta",
        datetime.timedelta,
        lambda value: str(value // datetime.timedelta(microseconds=1)),
        lambda text: datetime.timedelta(microseconds=int(text)),
    ),
    ("decimal", decimal.Decimal, str, decimal.Decimal),
    ("uuid", uuid.UUID, str, uuid.UUID),
    ("bytes", bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
]


def order_mark(model: str, order: Iterable[str]) -> str:
    """What a cursor says about the order that it belongs to."""
    return hashlib.sha256("\n".join([model, *order]).encode()).hexdigest()[:16]


def write_cursor(mark: str, values: Iterable[object], query: str) -> str:
    """The cursor of a row. Raises `ShapeError` for a value of a type that cannot be put into text."""
    try:
        written = [_written(value) for value in values]
    except TypeError as error:
        raise ShapeError(query=query, reason=str(error), advice="Order by other fields.") from None
    return signing.dumps([mark, *written], salt=_SALT, compress=True)


def read_cursor(cursor: str, mark: str, count: int) -> list[Any]:
    """The values of a cursor for an order. Raises `InvalidCursor` for text that is none, or one for another order."""
    if not isinstance(cursor, str):
        raise InvalidCursor(reason=f"a cursor is text, not a {type(cursor).__name__}")
    try:
        found, *values = signing.loads(cursor, salt=_SALT)
        read = [_read(value) for value in values]
    except (signing.BadSignature, ValueError, TypeError, binascii.Error):
        raise InvalidCursor(reason="it was not made by this project, or it was changed") from None
    if found != mark or len(read) != count:
        raise InvalidCursor(reason="it belongs to a query of another model, or of another order")
    return read


def _written(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, memoryview):
        value = bytes(value)
    for mark, kind, write, _ in _TYPES:
        if isinstance(value, kind):
            return [mark, write(value)]
    raise TypeError(f"A cursor cannot hold a {type(value).__name__}.")


def _read(value: Any) -> object:
    if not isinstance(value, list):
        return value
    mark, text = value
    return next(read for name, _, _, read in _TYPES if name == mark)(text)
