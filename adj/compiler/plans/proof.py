"""Compares a plan with Django: the SQL must be the same, and the parameters in type and value."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping, Sequence
from typing import Any

# Equal values of these types may be sent as different texts.
_BY_TEXT = (float, complex, decimal.Decimal, datetime.datetime, datetime.time)


def difference(
    sql: str, parameters: Sequence[object], djangos: str, djangos_parameters: Sequence[object]
) -> str | None:
    """The difference between a plan's statement and Django's, without values; None if they are the same."""
    if sql != djangos:
        return "the SQL differs"
    if len(parameters) != len(djangos_parameters):
        return f"{len(parameters)} parameters instead of {len(djangos_parameters)}"
    for position, (one, other) in enumerate(zip(parameters, djangos_parameters, strict=True)):
        if not are_same(one, other):
            return f"parameter {position} differs ({type(one).__name__}, and {type(other).__name__} from Django)"
    return None


def are_same(one: Any, other: Any) -> bool:
    """Whether two parameters have the same type and are sent as the same value."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, _BY_TEXT):
        return repr(one) == repr(other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(are_same, one, other))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(are_same(one[name], other[name]) for name in one)
    # Some wrapper classes, such as psycopg's Jsonb, do not define equality, and shorten their repr.
    if hasattr(one, "obj") and hasattr(one, "dumps"):
        return are_same(one.obj, other.obj)
    return bool(one == other) or repr(one) == repr(other)
