"""The keys of content types, which Django writes into the SQL of generic relations.

They are constants until Django's cache of content types is cleared, as after a flush.

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
    # Importing its models requires the app to be installed.
    from django.contrib.contenttypes.fields import GenericRelation

    options = [model._meta for model in apps.get_models()]
    return any(isinstance(field, GenericRelation) for option in options for field in option.private_fields)


@cache
def _manager() -> Any:
    # Importing its models requires the app to be installed.
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects


def generation(alias: str) -> int:
    """A number that changes when Django's cache of an alias is cleared, since older SQL may be outdated."""
    current = _manager()._cache.get(alias)
    if current is not _caches.get(alias):
        _caches[alias] = current
        _generations[alias] = _generations.get(alias, 0) + 1
    return _generations.get(alias, 0)
