"""Copies of lists, dicts and views of dicts, including subclasses, without calling methods of the subclasses."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

VIEWS: tuple[type[KeysView[object]], type[ValuesView[object]], type[ItemsView[object, object]]] = (
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)
KEYS, VALUES, ITEMS = VIEWS
COPIED_BY_COPY = frozenset({dict, OrderedDict, defaultdict, Counter})


def copied_list(items: list[object]) -> Any:
    """A copy of a subclass of list, without calling its methods."""
    copied = list.__new__(type(items))
    list.extend(copied, list.__iter__(items))
    return _with_attributes(copied, items)


def copied_dict(mapping: dict[object, object]) -> Any:
    """A copy of a subclass of dict, without calling its methods."""
    if isinstance(mapping, OrderedDict):
        # It stores its order separately.
        return copy.copy(mapping)
    copied: dict[Any, object] = dict.__new__(type(mapping))
    dict.update(copied, dict.items(mapping))
    return _with_attributes(copied, mapping)


def _with_attributes(copied: object, original: object) -> object:
    if (attributes := getattr(original, "__dict__", None)) is not None:
        copied.__dict__.update(attributes)
    return copied
