"""Keys of constants: values as part of a structure, distinguished from other values that compare equal.

`1`, `1.0` and `True` are equal and have the same hash, and so are two datetimes in different time zones, although their
SQL differs. So the key of a constant includes its class, and its text where equal values may have different texts.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import types
import uuid
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

from adj.statement.structure import Key, Uncacheable

LONGEST_TEXT = 1_000
"""The maximum number of characters or bytes of a text in a key."""

_EXACT = frozenset({types.NoneType, bool, int, str, bytes, datetime.date, datetime.timedelta, uuid.UUID})
# Equal values of these types may have different texts: 0.0 and -0.0, 1.0 and 1.00, one datetime in two time zones.
_BY_TEXT = frozenset({float, complex, decimal.Decimal, datetime.datetime, datetime.time})
_BY_IDENTITY = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)

_READERS: Mapping[type, Callable[[Any], Hashable]] = {
    bytes: bytes.__bytes__,
    int: int.__int__,
}

CONSTANT_TYPES = (
    *(types.NoneType, bool, int, str, bytes, float, complex, decimal.Decimal, uuid.UUID),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, enum.Enum),
    *_BY_IDENTITY,
)
"""Types that a key may contain: immutable, hashable, and without references to rows."""


def constant_key(value: Any) -> Key:
    """The key of a constant. Raises `Uncacheable` for a value that cannot be distinguished from similar ones."""
    value_type = type(value)
    if value_type in _EXACT:
        if value_type in {str, bytes} and len(value) > LONGEST_TEXT:
            raise Uncacheable("a long text that is part of its structure")
        return (value_type, value)
    if value_type in _BY_TEXT:
        return _key_by_text(value)
    if isinstance(value, enum.Enum):
        # Unknown bits of a Flag have no name.
        return (value_type, value.name, value.value) if isinstance(value, enum.Flag) else (value_type, value.name)
    if isinstance(value, _BY_IDENTITY):
        return ("object", value)
    if isinstance(value, datetime.tzinfo):
        return (value_type, value, repr(value))
    return (
        _key_of_container(value) if isinstance(value, (list, tuple, set, frozenset, Mapping)) else _of_subclass(value)
    )


def _key_by_text(value: Any) -> Key:
    if isinstance(value, (datetime.datetime, datetime.time)):
        # Time zones of different offsets may have the same text.
        return (type(value), repr(value), value.utcoffset())
    return (type(value), repr(value))


def _key_of_container(value: Collection[object]) -> Key:
    value_type = type(value)
    if isinstance(value, Mapping):
        return (value_type, tuple([(constant_key(name), constant_key(item)) for name, item in value.items()]))
    keys = [constant_key(item) for item in value]
    return (value_type, frozenset(keys) if isinstance(value, (set, frozenset)) else tuple(keys))


def _of_subclass(value: object) -> Key:
    """The key of an instance of a subclass of a Python type, read with the Python type's methods.

    Not for subclasses of `str`, whose own methods Django uses for formatting, and not for instances with attributes.
    """
    if getattr(value, "__dict__", None) or any(vars(base).get("__slots__") for base in type(value).__mro__):
        raise Uncacheable(f"a {type(value).__name__} that has attributes")
    for base in (bytes, int, float, decimal.Decimal, datetime.datetime, datetime.date, datetime.timedelta):
        if isinstance(value, base):
            return (type(value), _text(base, value))
    raise Uncacheable(f"{type(value).__name__} has no structure that adj knows")


def _text(base: Any, value: object) -> Hashable:
    read: Callable[[Any], Hashable] = _READERS.get(base, base.__repr__)
    return read(value)


@functools.lru_cache(maxsize=1_024)
def is_constant_type(value_type: type) -> bool:
    """Whether instances of a class are constants."""
    return issubclass(value_type, CONSTANT_TYPES)
