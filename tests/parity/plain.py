"""Answers as plain data that compares deeply: types, values, order, and everything an instance carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Model, QuerySet

from adj import AsyncQuery
from adj.hydrate import fetch_mode
from adj.hydrate.row_state import RELATED

_ADDRESS: Any = object.__repr__
"""The default repr, which differs for equal objects."""

_ADDRESSES = re.compile(r"(?<= at )0x[0-9a-f]+")

_SCALARS = (str, int, float, bytes, complex, type(None))


def plain(value: object) -> Any:
    """A value as nested tuples of types and values; two answers are the same if theirs are equal."""
    return _Walk().plain(value)


class _Walk:
    """One walk over an answer; knows an instance that it meets again, as rows may refer to each other."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        # Keeps temporary objects alive, so that no two of them have the same id.
        self.kept: list[object] = []

    def plain(self, value: Any) -> Any:
        if isinstance(value, _SCALARS):
            # repr tells 0.0 from -0.0 and makes NaN equal to itself. A text may hold the repr of an object.
            return (type(value).__name__, _shown(value))
        if isinstance(value, Model):
            return self.instance(value)
        if isinstance(value, QuerySet):
            return self.queryset(value)
        if isinstance(value, AsyncQuery):
            # As a parameter, which only Django's own error can come of.
            return self.queryset(value.queryset)
        if isinstance(value, Mapping):
            return (type(value).__name__, tuple((self.plain(key), self.plain(item)) for key, item in value.items()))
        if isinstance(value, (list, tuple)):
            fields = getattr(value, "_fields", None)
            return (type(value).__name__, fields, tuple(self.plain(item) for item in value))
        if isinstance(value, memoryview):
            return ("memoryview", bytes(value))
        if type(value).__repr__ is _ADDRESS and hasattr(value, "__dict__"):
            return (type(value).__module__, type(value).__qualname__, self.plain(vars(value)))
        return (type(value).__module__, type(value).__qualname__, _shown(value))

    def instance(self, instance: Model) -> Any:
        if (number := self.seen.get(id(instance))) is not None:
            return ("again", number)
        self.seen[id(instance)] = len(self.seen)
        self.kept.append(instance)
        attributes = tuple((name, self.plain(value)) for name, value in instance.__dict__.items() if name != "_state")
        # Django makes this dict when it is read for the first time, adj when it makes the instance.
        _ = instance._state.fields_cache
        state = tuple(sorted((name, self.state(name, value)) for name, value in vars(instance._state).items()))
        deferred = tuple(sorted(instance.get_deferred_fields()))
        return (type(instance), attributes, state, deferred)

    def state(self, name: str, value: Any) -> Any:
        if name == "fetch_mode":
            # adj's own mode stands where Django has its default one.
            is_ours = value is getattr(fetch_mode, "FETCH_OFF_LOOP", None)
            return "FetchOne" if is_ours else type(value).__name__
        if name == "fields_cache" and type(value) is RELATED:
            # Before Django 6.1 adj's own dict stands where Django has a plain one; see adj/hydrate/row_state.py.
            return self.plain(dict(value))
        if name == "peers":
            return len(value)
        return self.plain(value)

    def queryset(self, queryset: QuerySet[Any, Any]) -> Any:
        """The cached rows of a prefetched relation."""
        rows = queryset._result_cache  # what was prefetched, and nothing else
        return (type(queryset).__name__, queryset.model, queryset.db, self.plain(rows))


def _shown(value: object) -> str:
    text = repr(value)
    return _ADDRESSES.sub("", text) if " at 0x" in text else text


def difference(django: Any, ours: Any, place: str = "") -> str:
    """Where two pieces of plain data differ first, for messages."""
    if isinstance(django, (tuple, list)) and isinstance(ours, (tuple, list)) and len(django) == len(ours):
        for number, (one, other) in enumerate(zip(django, ours, strict=True)):
            if one != other:
                return difference(one, other, f"{place}[{number}]")
    return f" at {place or 'the top'}:\n  Django: {str(django)[:1_500]}\n  adj:    {str(ours)[:1_500]}"
