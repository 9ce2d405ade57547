"""The state of rows before Django 6.1, which has no fetch modes: a relation that is not loaded raises `NotLoaded`.

Django's descriptors look up a related row in the instance's `fields_cache`, and fetch it if it is missing. The cache of
these rows raises `NotLoaded` at that moment if an event loop runs in the thread. Copies and pickles use Django's
state.

Private Django API used here: `ModelState`, `ModelState.fields_cache`, `Options.get_ancestor_link`,
`ForeignObject.get_local_related_value`, `FieldCacheMixin.is_cached`.
"""

from __future__ import annotations

import asyncio
import sys
from types import FrameType
from typing import Any, NoReturn, cast

import django
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor, ReverseOneToOneDescriptor

from adj.errors import NotLoaded
from adj.hydrate.fetch_mode import is_parent_part

_READERS = {
    cast("Any", descriptor_class).__get__.__code__
    for descriptor_class in (ForwardManyToOneDescriptor, ReverseOneToOneDescriptor)
}


class RelatedRows(dict[str, object]):
    """The loaded relations of a row, by cache name."""

    def __missing__(self, key: str) -> NoReturn:
        if asyncio._get_running_loop() is not None:
            # The caller's caller is a descriptor's `__get__()` if Django would fetch the row; not for `is_cached()`.
            reader: FrameType | None = sys._getframe(2)
            if reader is not None and reader.f_code in _READERS:
                _refuse_fetching(reader.f_locals["self"], reader.f_locals["instance"])
        raise KeyError(key)


class _RelatedRowsOf:
    """Creates the relations at the first access, as Django's descriptor does."""

    def __get__(self, state: Any, owner: object = None) -> object:
        if state is None:
            return self
        state.fields_cache = RelatedRows()
        return state.fields_cache


class RowState(ModelState):
    """Django's state with `RelatedRows`."""

    fields_cache: Any = _RelatedRowsOf()

    def __reduce__(self) -> tuple[object, ...]:
        return _plain, (dict(self.__dict__),)


def _plain(attributes: dict[str, Any]) -> object:
    state: Any = ModelState()
    state.__dict__.update(attributes)
    if "fields_cache" in attributes:
        state.fields_cache = dict(attributes["fields_cache"])
    return state


def _refuse_fetching(descriptor: Any, instance: Model) -> None:
    """Raise `NotLoaded` if Django would query the row of a relation."""
    if isinstance(descriptor, ReverseOneToOneDescriptor):
        related = descriptor.related
        name, is_at_hand = related.name, instance.pk is None
    else:
        name, is_at_hand = descriptor.field.name, _is_at_hand(descriptor, instance)
    if not is_at_hand:
        raise NotLoaded(model=type(instance).__name__, field=name, is_relation=True) from None


def _is_at_hand(descriptor: Any, instance: Model) -> bool:
    """Whether a relation needs no query: its key is NULL, or a cached parent instance has it."""
    field = descriptor.field
    is_loaded = instance.get_deferred_fields().isdisjoint(key.attname for key in field.local_related_fields)
    if is_loaded and None in field.get_local_related_value(instance):
        return True
    parent_link = instance._meta.get_ancestor_link(field.model)
    if parent_link and parent_link.is_cached(instance) and field.is_cached(parent_link.get_cached_value(instance)):
        return True
    return is_parent_part(descriptor, instance)


STATE: Any = ModelState if django.VERSION >= (6, 1) else RowState
"""The class of a row's state."""

RELATED: Any = dict if django.VERSION >= (6, 1) else RelatedRows
"""The class of the relations in a row's state."""


def with_state(instance: Any) -> Any:
    """Give an instance that Django created the state of rows."""
    if STATE is not ModelState and type(instance._state) is ModelState:
        instance._state.__class__ = STATE
        if "fields_cache" in instance._state.__dict__:
            instance._state.fields_cache = RELATED(instance._state.fields_cache)
    return instance
