"""The keys of content types, which Django writes into the SQL of generic relations.

They are constants until Django's cache of content types is cleared, as after a flush.

Private Django API used here: `ContentTypeManager._cache`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps


class _Seen:
    """The caches by alias that were seen last, and how often they have changed."""

    __slots__ = ("caches", "generation")

    def __init__(self) -> None:
        self.caches: tuple[tuple[str, object], ...] = ()
        self.generation = 0


_seen = _Seen()


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


def generation() -> int:
    """A number that changes whenever Django fills or clears its cache of an alias, since older SQL may be outdated.

    The SQL of a query may contain content types of another alias, which the router chooses.
    """
    # Called for every query: without further Python calls.
    current, caches = _manager()._cache, _seen.caches
    if len(current) == len(caches):
        for alias, cache in caches:
            if current.get(alias) is not cache:
                break
        else:
            return _seen.generation
    _seen.caches = tuple(dict(current).items())
    _seen.generation += 1
    return _seen.generation
