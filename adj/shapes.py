"""What the user gets: the kinds of answer and the shapes of a row."""

from __future__ import annotations

import enum


class Answer(enum.Enum):
    """What a finished query gives back."""

    ROWS = "rows"
    GET = "get"
    FIRST = "first"
    LAST = "last"
    EARLIEST = "earliest"
    LATEST = "latest"
    COUNT = "count"
    EXISTS = "exists"
    AGGREGATE = "aggregate"


class RowShape(enum.Enum):
    """What one row is."""

    INSTANCE = "instance"
    DICT = "dict"
    TUPLE = "tuple"
    NAMED_TUPLE = "named tuple"
    SCALAR = "scalar"
