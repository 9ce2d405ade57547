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
    CREATE = "create"
    GET_OR_CREATE = "get_or_create"
    UPDATE_OR_CREATE = "update_or_create"
    BULK_CREATE = "bulk_create"
    BULK_UPDATE = "bulk_update"
    UPDATE = "update"
    DELETE = "delete"
    COPY = "copy"

    # Python's own hashes the name, in a call on the way of every query; members are equal to themselves alone.
    __hash__ = object.__hash__


WRITES = frozenset(
    {
        Answer.CREATE,
        Answer.GET_OR_CREATE,
        Answer.UPDATE_OR_CREATE,
        Answer.BULK_CREATE,
        Answer.BULK_UPDATE,
        Answer.UPDATE,
        Answer.DELETE,
        Answer.COPY,
    }
)
"""The answers of what changes data, which goes to the router's `db_for_write`."""


class RowShape(enum.Enum):
    """What one row is."""

    INSTANCE = "instance"
    DICT = "dict"
    TUPLE = "tuple"
    NAMED_TUPLE = "named tuple"
    SCALAR = "scalar"
