"""The cursor of a page: where a row stands in an order, as signed text."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

from django.core import signing

from adj.errors import InvalidCursor

_SALT: Final = "adj.page"

# What a cursor holds of a key: a value that needs no more than itself, or one with the SQL type that it is cast to.
Plain: TypeAlias = int | float | str | bytes
Place: TypeAlias = Plain | tuple[str, str] | None


def order_mark(model: str, order: Iterable[str]) -> str:
    """What a cursor says about the order that it belongs to."""
    return hashlib.sha256("\n".join([model, *order]).encode()).hexdigest()[:16]


def write_cursor(mark: str, places: Iterable[Place], *, includes_row: bool) -> str:
    """The cursor of a row. One that includes its row is that of a page without rows, from where this row is next."""
    return signing.dumps([mark, int(includes_row), *map(_written, places)], salt=_SALT, compress=True)


def read_cursor(cursor: str, mark: str, count: int) -> tuple[list[Place], bool]:
    """The places of a cursor for an order, and whether it includes its row.

    Raises `InvalidCursor` for text that is none, or one for another order.
    """
    if not isinstance(cursor, str):
        raise InvalidCursor(reason=f"a cursor is text, not a {type(cursor).__name__}")
    try:
        signed_mark, includes_row, *written = signing.loads(cursor, salt=_SALT)
        places = [_read(value) for value in written]
    except (signing.BadSignature, ValueError, TypeError, binascii.Error):
        raise InvalidCursor(reason="it was not made by this project, or it was changed") from None
    if signed_mark != mark or len(places) != count:
        raise InvalidCursor(reason="it belongs to a query of another model, of another order, or to another database")
    return places, bool(includes_row)


def _written(place: Place) -> object:
    match place:
        case bytes():
            return ["bytes", base64.b64encode(place).decode()]
        case tuple():
            return list(place)
        case _:
            return place


def _read(value: object) -> Place:
    match value:
        case ["bytes", str(text)]:
            return base64.b64decode(text)
        case [str(cast), str(text)]:
            return cast, text
        case None | int() | float() | str():
            return value
        case _:
            raise ValueError
