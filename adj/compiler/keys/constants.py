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

_SUBCLASSED: tuple[type, ...] = (
    *(bytes, int, float, decimal.Decimal),
    *(datetime.datetime, datetime.date, datetime.timedelta, datetime.time),
)
_CONTAINERS = (list, tuple, set, frozenset, dict, types.MappingProxyType)
_MODULES_OF_METHODS = frozenset({"enum", "django.db.models.enums", "collections", "collections.abc"})
_MODULES_OF_ZONES = frozenset({"datetime", "zoneinfo", "pytz", "dateutil"})
_PYTHONS = (
    *(types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType),
    *(types.BuiltinFunctionType, types.GetSetDescriptorType),
)
# SQL does not depend on these.
_NEVER_CALLED = frozenset(
    {
        *("__doc__", "__hash__", "__init__", "__init_subclass__", "__module__", "__new__"),
        *("__class_getitem__", "__dir__"),
        *("__getnewargs__", "__getstate__", "__reduce__", "__reduce_ex__", "__setstate__", "__sizeof__"),
    }
)

CONSTANT_TYPES = (
    *(types.NoneType, bool, int, str, bytes, float, complex, decimal.Decimal, uuid.UUID),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, enum.Enum),
    *_BY_IDENTITY,
)
"""Types that a key may contain: immutable, hashable, and without references to rows."""


def constant_key(value: Any) -> Key:
    """The key of a constant. Raises `Uncacheable` for a value that cannot be distinguished from similar ones."""
    value_type: type = type(value)
    if value_type in _EXACT:
        if value_type in {str, bytes} and len(value) > LONGEST_TEXT:
            raise Uncacheable("a long text that is part of its structure")
        return (value_type, value)
    if value_type in _BY_TEXT:
        return _key_by_text(value)
    if not keeps_methods(value_type):
        raise Uncacheable(f"{value_type.__name__} has methods that may give other SQL at the next run")
    if isinstance(value, enum.Enum):
        # Unknown bits of a Flag have no name.
        return (value_type, value.name, value.value) if isinstance(value, enum.Flag) else (value_type, value.name)
    if isinstance(value, _BY_IDENTITY):
        return ("object", value)
    if isinstance(value, datetime.tzinfo):
        return (value_type, check_zone(value), repr(value))
    return _key_of_container(value) if isinstance(value, _CONTAINERS) else _of_subclass(value)


def _key_by_text(value: Any) -> Key:
    if isinstance(value, (datetime.datetime, datetime.time)):
        check_zone(value.tzinfo)
        # Time zones of different offsets may have the same text.
        return (type(value), repr(value), value.utcoffset())
    return (type(value), repr(value))


def _key_of_container(value: Collection[object]) -> Key:
    value_type = type(value)
    _check_attributes(value)
    if isinstance(value, Mapping):
        return (value_type, tuple([(constant_key(name), constant_key(item)) for name, item in value.items()]))
    keys = [constant_key(item) for item in value]
    return (value_type, frozenset(keys) if isinstance(value, (set, frozenset)) else tuple(keys))


def _of_subclass(value: object) -> Key:
    """The key of an instance of a subclass of a Python type, read with the Python type's methods.

    Not for subclasses of `str`, whose own methods Django uses for formatting, and not for instances with attributes.
    """
    _check_attributes(value)
    for base in _SUBCLASSED:
        if isinstance(value, base):
            return (type(value), _text(base, value))
    raise Uncacheable(f"{type(value).__name__} has no structure that adj knows")


def _check_attributes(value: object) -> None:
    if getattr(value, "__dict__", None) or any(vars(base).get("__slots__") for base in type(value).__mro__):
        raise Uncacheable(f"a {type(value).__name__} that has attributes")


def check_zone(zone: datetime.tzinfo | None) -> datetime.tzinfo | None:
    """Return a time zone. Raises `Uncacheable` for a class of the project, which may read its context."""
    if zone is not None and type(zone).__module__.partition(".")[0] not in _MODULES_OF_ZONES:
        raise Uncacheable(f"{type(zone).__name__} is a class of time zones that adj does not know")
    return zone


@functools.lru_cache(maxsize=1_024)
def keeps_methods(value_type: type) -> bool:
    """Whether a subclass of a Python type, or an enum, keeps the methods by which its values become SQL."""
    base = next((base for base in (*_SUBCLASSED, *_CONTAINERS, str) if issubclass(value_type, base)), object)
    if base is object and not issubclass(value_type, enum.Enum):
        return True
    names = {*dir(base)} - _NEVER_CALLED - ({"__repr__"} if base in _CONTAINERS else set())
    own = value_type.__mro__[: value_type.__mro__.index(base)]
    return not any(_is_own(vars(each)[name]) for each in own for name in names & vars(each).keys())


def _is_own(method: object) -> bool:
    """Whether a method is not from Python or Django, whose enums have some."""
    return not isinstance(method, _PYTHONS) and getattr(method, "__module__", None) not in _MODULES_OF_METHODS


def _text(base: Any, value: object) -> Hashable:
    read: Callable[[Any], Hashable] = _READERS.get(base, base.__repr__)
    return read(value)


@functools.lru_cache(maxsize=1_024)
def is_constant_type(value_type: type) -> bool:
    """Whether instances of a class are constants."""
    return issubclass(value_type, CONSTANT_TYPES)
