"""One level of a prefetch by Django's code, for relations that adj does not handle; blocks on the database.

Private Django API used here: `get_prefetcher` and `prefetch_one_level` of `django.db.models.query`,
`Model._prefetched_objects_cache`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db.models.query import get_prefetcher, prefetch_one_level

from adj.compiler.keys.prefetch_lookups import holder, is_leaf, prefetch_lookup, through
from adj.django_types import AnyPrefetch, PrivateModel


def take_level(
    instances: Sequence[PrivateModel], lookup: AnyPrefetch, level: int
) -> tuple[list[PrivateModel], Sequence[str | AnyPrefetch] | None]:
    """The rows of a lookup at a level, and the further lookups of their query; None if nothing was fetched.

    Works as the loop in `prefetch_related_objects()`, and raises the same errors.
    """
    first, name = instances[0], through(lookup, level)
    # django-stubs declare the last item as a bool, as in Django 2.
    prefetcher, _, exists, is_fetched = cast("Any", get_prefetcher)(first, name, holder(lookup, level))
    if not exists:
        raise AttributeError(
            f"Cannot find '{name}' on {type(first).__name__} object, '{lookup.prefetch_through}' is an invalid "
            "parameter to prefetch_related()"
        )
    if prefetcher is None:
        if is_leaf(lookup, level):
            raise ValueError(
                f"'{lookup.prefetch_through}' does not resolve to an item that supports prefetching - this is an "
                "invalid parameter to prefetch_related()."
            )
        return _followed(instances, name), None
    missing = [instance for instance in instances if not is_fetched(instance)]
    if not missing:
        return _followed(instances, name), None
    rows, own = prefetch_one_level(missing, prefetcher, prefetch_lookup(lookup), level)
    return list(rows), own


def _followed(instances: Sequence[PrivateModel], name: str) -> list[PrivateModel]:
    """The related rows in an attribute of instances."""
    rows: list[PrivateModel] = []
    for instance in instances:
        cache = getattr(instance, "_prefetched_objects_cache", {})
        try:
            value = list(cache[name]) if name in cache else getattr(instance, name)
        except ObjectDoesNotExist:
            continue
        if value is not None:
            rows.extend(value if isinstance(value, list) else [value])
    return rows
