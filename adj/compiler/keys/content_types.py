"""The keys of content types, which Django writes into the SQL of generic relations.

They are constants there, until somebody empties Django's cache of them, as a flushed database asks for.

Private Django API used here: `ContentTypeManager._cache`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps

_caches: dict[str, object] = {}
_generations: dict[str, int] = {}


@cache
def uses_content_types() -> bool:
    """Whether a model of the project has a generic relation."""
    if not apps.is_installed("django.contrib.contenttypes"):
        return False
    # Its models can be imported only where it is installed.
    from django.contrib.contenttypes.fields import GenericRelation

    options = [model._meta for model in apps.get_models()]
    return any(isinstance(field, GenericRelation) for option in options for field in option.private_fields)


@cache
def _manager() -> Any:
    # Its models can be imported only where it is installed.
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects


def generation(alias: str) -> int:
    """A number that changes whenever Django's cache of an alias was emptied: SQL from before may be outdated."""
    current = _manager()._cache.get(alias)
    if current is not _caches.get(alias):
        _caches[alias] = current
        _generations[alias] = _generations.get(alias, 0) + 1
    return _generations.get(alias, 0)
