"""Keys of constants: a value as part of a structure, told apart from every other value that Python calls equal.

`1`, `1.0` and `True` are equal and have one hash, and so have two moments in different zones, although their SQL
differs. So a constant is keyed together with its class, and by its text where equality is looser than the text.
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
"""The number of characters or bytes up to which a text may be part of a key."""

_EXACT = frozenset({types.NoneType, bool, int, str, bytes, datetime.date, datetime.timedelta, uuid.UUID})
# Equal values of these may have different texts: 0.0 and -0.0, 1.0 and 1.00, one moment in two zones.
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
"""What a key may hold: immutable, hashable, and without a reference to a row."""


def constant_key(value: Any) -> Key:
    """The key of a constant. Raises `Uncacheable` for a value that cannot be told apart from its like."""
    value_type = type(value)
    if value_type in _EXACT:
        if value_type in {str, bytes} and len(value) > LONGEST_TEXT:
            raise Uncacheable("a long text that is part of its structure")
        return (value_type, value)
    if value_type in _BY_TEXT:
        return (value_type, repr(value))
    if isinstance(value, enum.Enum):
        return (value_type, value.name)
    if isinstance(value, _BY_IDENTITY):
        return ("object", value)
    if isinstance(value, datetime.tzinfo):
        return (value_type, value, repr(value))
    return (
        _key_of_container(value) if isinstance(value, (list, tuple, set, frozenset, Mapping)) else _of_subclass(value)
    )


def _key_of_container(value: Collection[object]) -> Key:
    value_type = type(value)
    if isinstance(value, Mapping):
        return (value_type, tuple([(constant_key(name), constant_key(item)) for name, item in value.items()]))
    keys = [constant_key(item) for item in value]
    return (value_type, frozenset(keys) if isinstance(value, (set, frozenset)) else tuple(keys))


def _of_subclass(value: object) -> Key:
    """A constant of a class derived from one of Python's, read by Python's own methods and never by the class's.

    Not of `str`: Django formats names and texts by the class's own methods.
    """
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
