"""Django's lazy objects and lazy texts: their values, and when Django evaluates them.

Private Django API used here: `LazyObject._wrapped`, `LazyObject._setup`.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.db.models import Field, Model
from django.db.models.lookups import Exact, FieldGetDbPrepValueIterableMixin, Lookup
from django.utils.functional import LazyObject, Promise, empty

from adj.django_types import AnyField
from adj.errors import QueryError
from adj.schema.paths import resolve

_ANY_FIELD: AnyField = Field()


def unwrapped(value: Any) -> Any:
    """The object behind a lazy object, such as the user of `request.user`; other values are returned unchanged.

    The first use may query the database, for which Django raises `SynchronousOnlyOperation` on an event loop.
    """
    # By type(): `__class__` is the class of the wrapped object.
    while issubclass(type(value), LazyObject):
        if value._wrapped is empty:
            _set_up(value)
        value = value._wrapped
    return value


def _set_up(proxy: Any) -> None:
    try:
        proxy._setup()
    except SynchronousOnlyOperation as error:
        error.add_note(
            f"A {type(proxy).__name__} queries the database when it is first used, which is not possible on the event "
            "loop. Load its object first: for `request.user`, write `user = await request.auser()`."
        )
        raise


def text_of(promise: Promise) -> object:
    """A lazy text in the current language."""
    return _ANY_FIELD.get_prep_value(promise)


def is_cast_at_once(model: type[Model], path: str, *, of_members: bool = False) -> bool:
    """Whether Django casts a lazy text when it creates the lookup of a path, and not when the query runs.

    `of_members`: whether it casts the members of a list.
    """
    lookup = _lookup_class(model, path)
    casts: bool = lookup.prepare_rhs
    return casts and not (of_members and not issubclass(lookup, FieldGetDbPrepValueIterableMixin))


def _lookup_class(model: type[Model], path: str) -> type[Lookup]:
    try:
        resolved = resolve(model, path)
    except QueryError:
        # It may be an annotation.
        return _ANY_FIELD.get_lookup(path.rpartition("__")[2]) or Exact
    return resolved.output.get_lookup(resolved.lookup) or Exact
