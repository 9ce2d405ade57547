"""Which branches of a prefetch must keep their order because they may reach the same objects.

Django follows the lookups in order and does not fetch loaded relations, so the order matters if two lookups reach the
same instance. Fetched rows are new objects. From them a lookup reaches shared objects through reverse relations,
through the known objects of a related manager's QuerySet, or through project code.

Private Django API used here: `QuerySet._prefetch_related_lookups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from django.db.models import Model

from adj.compiler.keys.overrides import starts_plain
from adj.compiler.keys.prefetch_lookups import (
    has_second_queryset,
    holder,
    is_leaf,
    length,
    normalized,
    overrides_its_query,
    path,
    through,
)
from adj.compiler.relations.known_objects import known_related_objects, prefetches
from adj.compiler.relations.prefetch.steps import is_bare, is_computed
from adj.compiler.relations.relation import Relation, generic_key, relation_of
from adj.django_types import AnyPrefetch, PrivateManager, PrivateModel, PrivateQuerySet
from adj.statement.structure import StatementHolder

Branch: TypeAlias = Sequence[AnyPrefetch]
AttributeNames: TypeAlias = frozenset[str] | None
"""The attributes that lookups follow or fill; None if unknown."""

_NOTHING: frozenset[str] = frozenset()


def entangled(
    instances: Sequence[PrivateModel], lookups: Sequence[AnyPrefetch], branches: Sequence[Branch], level: int
) -> list[int]:
    """The indexes of branches whose order matters; all others are independent."""
    if len(branches) == 1:
        return [0]
    reached = [_reached(instances, branch, level) for branch in branches]
    numbers: list[int] = []
    more = [i for i, branch in enumerate(branches) if not _is_alone(instances, branch, level, reached[i])]
    while more:
        numbers += more
        if any(reached[i] is None for i in more):
            return [*range(len(branches))]
        # These must find the same objects as in Django.
        met = _NOTHING.union(*((reached[i] or _NOTHING) | _heads(branches[i], level) for i in numbers))
        met_or_between = _names_between(lookups, [branches[i] for i in numbers], level) | met
        more = [i for i, branch in enumerate(branches) if i not in numbers and met_or_between & _heads(branch, level)]
    return sorted(numbers)


def _names_between(lookups: Sequence[AnyPrefetch], branches: Sequence[Branch], level: int) -> frozenset[str]:
    """The attributes filled by lookups between those of some branches; caches keep the order of lookups."""
    names = [holder(lookup, level) for lookup in lookups]
    heads = {holder(branch[0], level) for branch in branches}
    places = [place for place, name in enumerate(names) if name in heads]
    return frozenset(name for name in names[: places[-1]] if names.index(name) > places[0])


def _heads(branch: Branch, level: int) -> frozenset[str]:
    return frozenset((holder(branch[0], level), through(branch[0], level)))


def _is_alone(instances: Sequence[PrivateModel], branch: Branch, level: int, reached: AttributeNames) -> bool:
    """Whether a branch continues from new rows and never returns to the instances."""
    if reached is None or has_second_queryset(branch, level):
        return False
    first = branch[0]
    name, attribute = through(first, level), holder(first, level)
    if not reached and name == attribute:
        return True
    model = type(instances[0])
    relation = relation_of(model, name)
    return (
        relation is not None
        and relation.back_name not in reached
        and (name == attribute or not is_computed(model, attribute))
        and any(map(is_bare(relation, attribute), instances))
    )


def _reached(instances: Sequence[PrivateModel], branch: Branch, level: int) -> AttributeNames:
    """The attributes below the first level of a branch."""
    model = type(instances[0])
    if all(is_leaf(lookup, level) for lookup in branch) and _is_djangos_leaf(model, branch[0], level):
        return _NOTHING
    if len({*map(type, instances)}) > 1:
        return None
    return _names(model, branch, level, is_below=True)


def _is_djangos_leaf(model: type[Model], lookup: AnyPrefetch, level: int) -> bool:
    """Whether a generic relation leads to rows without further prefetches."""
    # Any: the attribute may be anything; django-stubs have no descriptors of contenttypes.
    descriptor: Any = getattr(model, through(lookup, level), None)
    if not type(descriptor).__module__.startswith("django.contrib.contenttypes"):
        return False
    if generic_key(descriptor) is not None:
        return True
    return lookup.queryset is None and starts_plain(descriptor.rel.model._default_manager)


def _names(model: type[Model], lookups: Sequence[AnyPrefetch], level: int, *, is_below: bool = False) -> AttributeNames:
    """The attributes of lookups from a level on, or below it, including those of their queries."""
    models: dict[str, type[Model]] = {}
    names = _NOTHING
    for lookup in lookups:
        here = model
        for depth in range(level, length(lookup)):
            if depth > level or not is_below:
                names |= {through(lookup, depth), holder(lookup, depth)}
            where = path(lookup, depth)
            if where not in models:
                relation = relation_of(here, through(lookup, depth))
                own = None if relation is None else _own_names(relation, lookup, depth)
                if relation is None or own is None:
                    return None
                models[where], names = relation.related_model, names | own
            here = models[where]
    return names


def _own_names(relation: Relation, lookup: AnyPrefetch, level: int) -> AttributeNames:
    """The attributes of the lookups in the query of a relation."""
    if overrides_its_query(lookup):
        return None
    source = lookup.queryset if is_leaf(lookup, level) else None
    own: Sequence[str | AnyPrefetch] | None
    if source is None:
        own = _managers_lookups(relation.manager)
    elif isinstance(source, StatementHolder):
        base = source.statement.base
        own = None if base is not None and known_related_objects(base) else prefetches(source.statement)
    else:
        own = None if known_related_objects(source) else cast("PrivateQuerySet", source)._prefetch_related_lookups
    return None if own is None else _names(relation.related_model, normalized(own), 0)


def _managers_lookups(manager: PrivateManager) -> Sequence[str | AnyPrefetch] | None:
    if starts_plain(manager):
        return ()
    try:
        lookups = cast("PrivateQuerySet", manager.get_queryset())._prefetch_related_lookups
    # A project's manager may query the database, and raise any exception.
    except Exception:  # noqa: BLE001
        return None
    return lookups
