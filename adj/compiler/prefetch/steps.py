"""What has to be done at one level of a prefetch, for each branch of its lookups.

Raises what Django's `prefetch_related_objects()` raises, in its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import Model
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property

from adj.compiler.prefetch.caches import carried_rows, keys_of, unfetched
from adj.compiler.prefetch.lookups import deeper, holder, is_leaf, normalized, path, through
from adj.compiler.prefetch.request import Request, request_for
from adj.compiler.relation import Relation, relation_of
from adj.compiler.row_keys import Keys

Lookups: TypeAlias = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Rows that are missing: fetched by one request, and put into the instances' caches."""

    request: Request
    lookup: Any
    instances: Sequence[Any]
    # Of each instance, in their order.
    keys: Sequence[Any]
    next_lookups: Lookups

    def distinct_keys(self) -> Keys:
        """What the database is asked for; may be empty."""
        keys = dict.fromkeys(self.keys)
        keys.pop(None, None)
        return Keys(keys)


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows that the instances carry; `rest` are lookups that have to be looked at anew, after the others."""

    rows: list[Any]
    next_lookups: Lookups
    rest: Lookups


@dataclass(frozen=True, slots=True)
class Foreign:
    """Lookups that Django's own code has to follow."""

    instances: Sequence[Any]
    lookups: Lookups


Step: TypeAlias = Fetch | Carried | Foreign


def step_for(instances: Sequence[Any], branch: Lookups, level: int) -> Step:
    """What to do for a branch; its first lookup decides how the rows are fetched, as in Django."""
    first = branch[0]
    model: Any = type(instances[0])
    name, attribute = through(first, level), holder(first, level)
    relation = relation_of(model, name)
    if relation is None:
        return _other_step(instances, branch, level, model)
    missing = _without_rows(relation, attribute, instances)
    if not missing:
        if attribute != name:
            return Foreign(instances, branch)
        return _carried(carried_rows(relation, instances), branch, level)
    source = first.queryset if is_leaf(first, level) else None
    request, keys = request_for(relation, missing[0], source), keys_of(relation, missing)
    if request is None or keys is None:
        return Foreign(instances, branch)
    _refuse_second_queryset(branch, level)
    own = normalized(request.lookups, path(first, level))
    next_lookups = [*deeper(branch[:1], level), *own, *deeper(branch[1:], level)]
    return Fetch(request, first, missing, keys, next_lookups)


def _without_rows(relation: Relation, attribute: str, instances: Sequence[Any]) -> list[Any]:
    if attribute == relation.name:
        return unfetched(relation, instances)
    if isinstance(getattr(relation.model, attribute, None), cached_property):
        return [instance for instance in instances if attribute not in instance.__dict__]
    return [instance for instance in instances if not hasattr(instance, attribute)]


def _carried(rows: list[Any], branch: Lookups, level: int) -> Carried:
    """Rows that are there, for the lookups that go through the attribute of the first one."""
    name = through(branch[0], level)
    same = [lookup for lookup in branch if through(lookup, level) == name]
    rest = [lookup for lookup in branch if through(lookup, level) != name]
    return Carried(rows, deeper(same, level), rest)


def _other_step(instances: Sequence[Any], branch: Lookups, level: int, model: type[Model]) -> Step:
    """A step along an attribute that is no relation over keys: of the project's own, of `to_attr`, or a mistake."""
    first = branch[0]
    name = through(first, level)
    descriptor = getattr(model, name, None)
    if descriptor is None and name in instances[0].__dict__:
        if is_leaf(first, level):
            raise ValueError(_no_relation(first))
        return _carried(_attributes(instances, name), branch, level)
    if descriptor is None and not hasattr(instances[0], name):
        raise AttributeError(
            f"Cannot find '{name}' on {model.__name__} object, '{first.prefetch_through}' is an invalid "
            "parameter to prefetch_related()"
        )
    if type(descriptor) is DeferredAttribute and is_leaf(first, level):
        raise ValueError(_no_relation(first))
    return Foreign(instances, branch)


def _attributes(instances: Sequence[Any], name: str) -> list[Any]:
    rows: list[Any] = []
    for instance in instances:
        value = getattr(instance, name)
        rows.extend(value if isinstance(value, list) else [] if value is None else [value])
    return rows


def _no_relation(lookup: Any) -> str:
    return (
        f"'{lookup.prefetch_through}' does not resolve to an item that supports prefetching - this is an invalid "
        "parameter to prefetch_related()."
    )


def _refuse_second_queryset(branch: Lookups, level: int) -> None:
    """Rows that one lookup has fetched cannot be those of another one's query."""
    for lookup in branch[1:]:
        if is_leaf(lookup, level) and lookup.queryset is not None:
            raise ValueError(
                f"'{lookup.prefetch_to}' lookup was already seen with a different queryset. You may need to adjust "
                "the ordering of your lookups."
            )
