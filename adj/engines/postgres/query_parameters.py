"""How the parameters of a statement reach the server: written into the SQL by adj, or sent beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from psycopg.types.numeric import Int2, Int4, Int8

from adj.abc import Parameters

# The types that Django gives integers, with their size in bits.
_BITS: dict[type, int] = {Int2: 16, Int4: 32, Int8: 64}
_INTEGER_TYPES = frozenset({int, *_BITS})
# The protocol counts the parameters of a statement in 16 bits.
_MOST_PARAMETERS = 65_535
# psycopg caches how it parses a statement, but not for statements with more parameters.
_MOST_CACHED = 50


def can_be_merged(sql: str, parameters: Parameters) -> bool:
    """Whether `merged()` is faster than psycopg and gives the same: for many integers, such as the keys of a prefetch.

    An alias may contain other percent signs, since Django allows that. Python would read `%900000000d` as a width,
    while psycopg raises an error.
    """
    if len(parameters) <= _MOST_CACHED or not all(type(number) in _INTEGER_TYPES for number in parameters):
        return False
    rest = sql.replace("%%", "")
    return rest.count("%s") == rest.count("%") == len(parameters)


def merged(sql: str, parameters: Parameters) -> str:
    """A statement with integers in place of its placeholders, as psycopg's client-side cursor merges them."""
    numbers = cast("Iterable[int]", parameters)
    # Like psycopg, put a space before a minus, so that two of them do not start a comment.
    return sql % tuple(f" {int(number)}" if number < 0 else int(number) for number in numbers)


def can_be_sent_apart(parameters: Parameters) -> bool:
    """Whether the server can get the parameters beside the statement.

    An integer that is too big for its type would be truncated. Written into the SQL, it is compared as it is.
    """
    return len(parameters) <= _MOST_PARAMETERS and all(map(_fits, parameters))


def _fits(parameter: object) -> bool:
    bits = _BITS.get(type(parameter))
    if bits is None:
        return True
    limit, number = 1 << (bits - 1), cast("int", parameter)
    return -limit <= number < limit
