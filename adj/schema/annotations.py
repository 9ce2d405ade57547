"""Whether an annotation accepts values of a type, as far as that is certain.

Private name of Python's `typing` used here: `_is_protocol`.
"""

from __future__ import annotations

import datetime
import types
import typing
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin

import typing_extensions

_WRAPPERS: Final = (
    typing.Annotated,
    typing.Final,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
)
_NUMBERS: Final = frozenset({int, float, Decimal, bool, str, bytes})
_MOMENTS: Final = frozenset({int, float, Decimal, str, bytes})

_CONVERTED_BY_PYDANTIC: Final[Mapping[type, frozenset[type]]] = {
    int: _NUMBERS,
    float: _NUMBERS,
    Decimal: _NUMBERS,
    bool: _NUMBERS,
    str: frozenset({str, bytes}),
    bytes: frozenset({str, bytes}),
    uuid.UUID: frozenset({uuid.UUID, str, bytes}),
    datetime.date: _MOMENTS | {datetime.date, datetime.datetime},
    datetime.datetime: _MOMENTS | {datetime.date, datetime.datetime},
    datetime.time: _MOMENTS | {datetime.time},
    datetime.timedelta: _MOMENTS | {datetime.timedelta},
}
"""The types that pydantic converts to a type, by its table of conversions; it may refuse some of their values."""

_PROMOTED: Final[Mapping[type, frozenset[type]]] = {float: frozenset({int}), complex: frozenset({int, float})}
"""The types that type checkers accept in place of another."""


def members(annotation: object) -> tuple[object, ...]:
    """The types of a union, or the annotation itself; without `Annotated` and other wrappers."""
    annotation = _unwrapped(annotation)
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(member for part in get_args(annotation) for member in members(part))
    return (annotation,)


def _unwrapped(annotation: object) -> object:
    while True:
        # Any: what an annotation may be has no common type.
        wrapped: Any = annotation
        if hasattr(type(annotation), "__value__"):
            # `type Name = ...`, of which typing and typing_extensions have a class each.
            annotation = wrapped.__value__
        elif get_origin(annotation) in _WRAPPERS:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = wrapped.__supertype__
        else:
            return annotation


def accepts(annotation: object, value_type: type, *, is_lax: bool = False) -> bool:
    """Whether an annotation accepts a type of values; `NoneType` stands for NULL.

    True if that is not certain. With `is_lax`, types that pydantic converts are accepted.
    """
    return any(_accepts(member, value_type, is_lax=is_lax) for member in members(annotation))


def _accepts(member: object, value_type: type, *, is_lax: bool) -> bool:
    if member is None:
        return value_type is types.NoneType
    if get_origin(member) is Literal:
        return any(type(choice) is value_type for choice in get_args(member))
    cls = get_origin(member) or member
    # Any is a class since Python 3.11.
    if cls is Any or not isinstance(cls, type) or getattr(cls, "_is_protocol", False):
        return True
    if is_lax and value_type is not types.NoneType:
        return value_type in _CONVERTED_BY_PYDANTIC[cls] if cls in _CONVERTED_BY_PYDANTIC else True
    try:
        return issubclass(value_type, cls) or value_type in _PROMOTED.get(cls, ())
    # Of some classes Python cannot tell.
    except TypeError:
        return True


def annotation_text(annotation: object) -> str:
    """An annotation as its user wrote it, for messages."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    if get_origin(annotation) in {Union, types.UnionType}:
        return " | ".join(map(annotation_text, get_args(annotation)))
    if annotation is None or annotation is types.NoneType:
        return "None"
    return repr(annotation).removeprefix("typing.")
