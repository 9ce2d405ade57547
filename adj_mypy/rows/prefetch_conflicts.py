"""Find prefetches that conflict with each other, with an annotation, or with an attribute of the model."""

from __future__ import annotations

from inspect import getattr_static
from types import FunctionType
from typing import Final

from django.db.models.manager import ManagerDescriptor

from adj_mypy.calls.call import Call, Query
from adj_mypy.models.project import SEPARATOR, ModelClass, relations, single_relations, target_of
from adj_mypy.row_state.row_types import state_of
from adj_mypy.row_state.state import State
from adj_mypy.row_state.trees import Lookup

_METHODS: Final = (FunctionType, classmethod, staticmethod, ManagerDescriptor)
"""Attributes that `to_attr` would hide. It may be a `cached_property`, or an attribute with a default."""


def conflict(call: Call, query: Query, state: State, lookup: Lookup) -> str | None:
    """Return what is wrong with a lookup after others, or None."""
    if lookup.to_attr is None:
        if lookup.row is not None and _is_prefetched(call, query.model, state, lookup.path):
            return f'"{lookup.path}" is prefetched already, and this lookup has another query'
        return None
    other = None if SEPARATOR in lookup.path else _named(query.model, state, lookup.to_attr)
    return None if other is None else f'to_attr="{lookup.to_attr}" conflicts with {other}'


def _named(model: ModelClass, state: State, name: str) -> str | None:
    """Return what has a name already."""
    if name in {field.name for field in model._meta.get_fields()}:
        return f"a field of {model.__name__}"
    if name in state.annotations:
        return "an annotation or another prefetch"
    attribute: object = getattr_static(model, name, None)
    is_method = isinstance(attribute, _METHODS) or (isinstance(attribute, property) and attribute.fset is None)
    return f"an attribute of {model.__name__}" if is_method else None


def _is_prefetched(call: Call, model: ModelClass | None, state: State | None, path: str) -> bool:
    """Return whether the rows of a multi-valued relation are prefetched; others may be joined instead."""
    name, _, rest = path.partition(SEPARATOR)
    relation = None if model is None else relations(model).get(name)
    if model is None or relation is None or state is None or not state.has(name):
        return False
    if not rest:
        return name not in single_relations(model)
    return _is_prefetched(call, target_of(relation), state_of(call.project, state.loaded[name]), rest)
