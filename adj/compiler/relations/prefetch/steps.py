"""The next step for a lookup at one level of its path.

Raises the same errors as Django's `prefetch_related_objects()`.

Private Django API used here: `ModelState.fields_cache`, `Model._prefetched_objects_cache`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db.models import Model
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property

from adj.compiler.keys.prefetch_lookups import holder, is_leaf, overrides_its_query, through
from adj.compiler.relations.deferred_columns import load_as_one, missing
from adj.compiler.relations.prefetch.caches import carried_rows, keys_of
from adj.compiler.relations.prefetch.request import Request, request_for
from adj.compiler.relations.relation import Relation, key_columns, relation_of
from adj.compiler.slots.row_keys import RowKeys
from adj.django_types import AnyPrefetch, PrivateModel

Instances: TypeAlias = Sequence[PrivateModel]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Missing rows, to be fetched by one request and stored in the instances' caches."""

    request: Request
    lookup: AnyPrefetch
    instances: Instances
    # One key for each instance, in the same order.
    keys: Sequence[object]

    def distinct_keys(self) -> RowKeys:
        """The distinct keys without None; may be empty."""
        keys = dict.fromkeys(self.keys)
        keys.pop(None, None)
        return RowKeys(keys)


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows that are loaded on all instances."""

    rows: list[PrivateModel]


@dataclass(frozen=True, slots=True)
class LoadColumns:
    """Deferred columns with the keys of the relation."""

    instances: Instances
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class ByDjango:
    """A level that Django's code has to prefetch."""

    instances: Instances


Step: TypeAlias = Fetch | Carried | LoadColumns | ByDjango


def step_for(instances: Instances, lookup: AnyPrefetch, level: int) -> Step:
    """The next step for a lookup at a level; some of the rows may be loaded already."""
    model: type[Model] = type(instances[0])
    if len({*map(type, instances)}) > 1:
        # Django uses the first instance's model for all.
        return ByDjango(instances)
    relation = relation_of(model, through(lookup, level))
    if relation is None:
        return _other_step(instances, lookup, level, model)
    attribute = holder(lookup, level)
    if attribute != relation.name and is_computed(model, attribute):
        return ByDjango(instances)
    if overrides_its_query(lookup):
        return ByDjango(instances)
    bare = [*filter(is_bare(relation, attribute), instances)]
    if not bare:
        return Carried(carried_rows(relation, instances)) if attribute == relation.name else ByDjango(instances)
    return _fetch(relation, lookup, level, bare) or ByDjango(instances)


def _fetch(relation: Relation, lookup: AnyPrefetch, level: int, bare: Instances) -> Fetch | LoadColumns | None:
    source = lookup.queryset if is_leaf(lookup, level) else None
    request, keys = request_for(relation, bare[0], source), keys_of(relation, bare)
    if request is None:
        return None
    return Fetch(request, lookup, bare, keys) if keys is not None else _columns(bare, [relation.instance_key])


def _columns(instances: Instances, names: Sequence[str]) -> LoadColumns | None:
    lacking, names = missing(instances, names)
    return LoadColumns(lacking, names) if lacking and load_as_one(lacking) else None


def is_computed(model: type[Model], attribute: str) -> bool:
    """Whether reading an attribute of instances calls code, which may load a column or belong to the project."""
    descriptor = getattr(model, attribute, None)
    return hasattr(model, "__getattr__") or (descriptor is not None and not isinstance(descriptor, cached_property))


def is_bare(relation: Relation, attribute: str) -> Callable[[PrivateModel], bool]:
    """A function that tells whether the relation in an attribute is not loaded on an instance."""
    name = relation.name
    if attribute != name:
        if isinstance(getattr(relation.model, attribute, None), cached_property):
            return lambda instance: attribute not in instance.__dict__
        return lambda instance: not hasattr(instance, attribute)
    if relation.is_single:
        cache_name = relation.cache_name
        return lambda instance: cache_name not in instance._state.fields_cache
    return lambda instance: name not in instance._prefetched_objects_cache


def _other_step(instances: Instances, lookup: AnyPrefetch, level: int, model: type[Model]) -> Step:
    """The step for an attribute that is not a relation over keys: a `to_attr`, the project's, or a mistake."""
    name = through(lookup, level)
    descriptor = getattr(model, name, None)
    if descriptor is None and name in instances[0].__dict__:
        if is_leaf(lookup, level):
            raise ValueError(_no_relation(lookup))
        return Carried(_attributes(instances, name))
    if descriptor is None and not hasattr(instances[0], name):
        raise AttributeError(
            f"Cannot find '{name}' on {model.__name__} object, '{lookup.prefetch_through}' is an invalid "
            "parameter to prefetch_related()"
        )
    if type(descriptor) is DeferredAttribute and is_leaf(lookup, level):
        raise ValueError(_no_relation(lookup))
    bare = [instance for instance in instances if not _carries(instance, name)]
    return _columns(bare, key_columns(model, name)) or ByDjango(instances)


def _carries(instance: PrivateModel, name: str) -> bool:
    return name in instance._state.fields_cache or name in instance._prefetched_objects_cache


def _attributes(instances: Instances, name: str) -> list[PrivateModel]:
    rows: list[PrivateModel] = []
    for instance in instances:
        value = getattr(instance, name)
        rows.extend(value if isinstance(value, list) else [] if value is None else [value])
    return rows


def _no_relation(lookup: AnyPrefetch) -> str:
    return (
        f"'{lookup.prefetch_through}' does not resolve to an item that supports prefetching - this is an invalid "
        "parameter to prefetch_related()."
    )
