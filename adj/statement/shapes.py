"""The results of terminal methods, and the shapes of rows."""

from __future__ import annotations

import enum


class Answer(enum.Enum):
    """The result of a terminal method, by the method's name without its "a"."""

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

    # Faster than Enum's, which is a Python function that hashes the name; every query needs it.
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
"""The results of terminal methods that write, which use the router's `db_for_write`."""


class RowShape(enum.Enum):
    """The type of a row."""

    INSTANCE = "instance"
    DICT = "dict"
    TUPLE = "tuple"
    NAMED_TUPLE = "named tuple"
    SCALAR = "scalar"
    OBJECT = "object"
