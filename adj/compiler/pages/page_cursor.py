"""The cursor of a page: the position of a row in an order, as signed text."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

from django.core import signing

from adj.errors import InvalidCursor

_SALT: Final = "adj.page"

# The value of a key in a cursor: a plain value, or a text with the SQL type to cast it to.
Plain: TypeAlias = int | float | str | bytes
Place: TypeAlias = Plain | tuple[str, str] | None


def order_mark(model: str, order: Iterable[str]) -> str:
    """A digest that identifies the order of a cursor."""
    return hashlib.sha256("\n".join([model, *order]).encode()).hexdigest()[:16]


def write_cursor(mark: str, places: Iterable[Place], *, includes_row: bool) -> str:
    """The cursor of a row. `includes_row`: the next page starts with this row, as for the cursor of an empty page."""
    return signing.dumps([mark, int(includes_row), *map(_written, places)], salt=_SALT, compress=True)


def read_cursor(cursor: str, mark: str, count: int) -> tuple[list[Place], bool]:
    """The places of a cursor for an order, and whether it includes its row.

    Raises `InvalidCursor` for a text that is not a cursor, or a cursor of another order.
    """
    if not isinstance(cursor, str):
        raise InvalidCursor(reason=f"a cursor is a str; got {type(cursor).__name__}")
    try:
        signed_mark, includes_row, *written = signing.loads(cursor, salt=_SALT)
        places = [_read(value) for value in written]
    except (signing.BadSignature, ValueError, TypeError, binascii.Error):
        raise InvalidCursor(reason="it was changed, or was not signed by this project") from None
    if signed_mark != mark or len(places) != count:
        raise InvalidCursor(reason="it belongs to a query with another model, order or database")
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
