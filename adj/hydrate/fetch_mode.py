"""What happens when an attribute is read that is not loaded.

Since Django 6.1 the fetch mode of the instance decides. Instances from adj fetch as Django does in synchronous code,
and raise `NotLoaded` on an event loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

import django
from django.db.models import Model
from django.db.models.fields.related_descriptors import ForwardOneToOneDescriptor

from adj.errors import NotLoaded


def is_parent_part(descriptor: object, instance: Model) -> bool:
    """Whether an attribute is a parent link whose instance Django creates from loaded columns."""
    if not isinstance(descriptor, ForwardOneToOneDescriptor):
        return False
    relation = descriptor.field.remote_field
    deferred = instance.get_deferred_fields()
    return relation.parent_link and not any(field.attname in deferred for field in relation.model._meta.concrete_fields)


if django.VERSION >= (6, 1):
    from django.db.models.fetch_modes import FETCH_ONE, FetchMode

    class FetchOffLoop(FetchMode):
        """Fetches one attribute at a time, and raises `NotLoaded` on an event loop."""

        __slots__ = ()

        def fetch(self, fetcher: Any, instance: Model) -> None:
            """Load `fetcher.field` for an instance; raises `NotLoaded` in a thread whose event loop is running."""
            if asyncio._get_running_loop() is None or is_parent_part(fetcher, instance):
                FETCH_ONE.fetch(fetcher, instance)
                return
            field = fetcher.field
            raise NotLoaded(model=type(instance).__name__, field=field.name, is_relation=field.is_relation) from None

        def __reduce__(self) -> str:
            return "FETCH_OFF_LOOP"

    FETCH_OFF_LOOP = FetchOffLoop()

    def mode_for(chosen: object) -> Any:
        """The fetch mode of rows: the query's choice, with adj's mode instead of Django's default."""
        return FETCH_OFF_LOOP if chosen is FETCH_ONE else chosen

    def is_default(mode: object) -> bool:
        """Whether an instance fetches one attribute at a time, as by default."""
        return mode in (None, FETCH_ONE, FETCH_OFF_LOOP)

else:

    def mode_for(chosen: object) -> Any:
        """Return None: Django has no fetch modes before 6.1, where `row_state.py` raises `NotLoaded`."""
        return None

    def is_default(mode: object) -> bool:
        """Every instance fetches one attribute at a time."""
        return True
