"""The QuerySets in which Django caches the prefetched rows of a related manager.

Django creates the first one. If the manager overrides nothing, the others differ only in a few attributes, and are
copied from it. Their Query is cloned at its first use, since cloning takes most of the time in a prefetch of many
instances.

Private Django API used here: `QuerySet.__dict__`, `Query.clone`, `QuerySet._chain`, `._hints`, `._query`,
`._result_cache`, `._prefetch_done`, `._deferred_filter`, `._known_related_objects`, `._fetch_mode`,
`RelatedManager._apply_rel_filters`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from django.db.models import Model
from django.db.models.sql.query import Query

from adj.compiler.keys.overrides import builds_plainly, starts_plain
from adj.compiler.relations.prefetch.waiting_query import waiting_query
from adj.compiler.relations.relation import Relation
from adj.django_types import PrivateModel, PrivateQuerySet, RelatedManager
from adj.statement.clauses import DjangoQuerySet

MakeQuerySet: TypeAlias = Callable[[Model, list[PrivateModel]], DjangoQuerySet]


def querysets_of(relation: Relation, source: PrivateQuerySet | None) -> MakeQuerySet:
    """A function that creates the QuerySet of an instance, as the related manager does, or by filtering `source`."""
    copy: MakeQuerySet | None = None
    can_copy = source is not None or starts_plain(relation.manager)

    def make(instance: Model, rows: list[PrivateModel]) -> DjangoQuerySet:
        nonlocal copy
        if copy is not None and instance.__dict__.get(relation.instance_key) not in (None, ""):
            return copy(instance, rows)
        queryset = _filled(_djangos(relation, source, instance), rows)
        if can_copy and copy is None and (lookup := _only_lookup(queryset, instance)) is not None:
            copy = _copier(relation, queryset, lookup)
        return queryset

    return make


def _djangos(relation: Relation, source: PrivateQuerySet | None, instance: Model) -> PrivateQuerySet:
    manager: RelatedManager = getattr(instance, relation.name)
    return manager.get_queryset() if source is None else manager._apply_rel_filters(source._chain())


def _filled(queryset: PrivateQuerySet, rows: list[PrivateModel]) -> PrivateQuerySet:
    queryset._result_cache = rows
    # Further prefetches of the rows are fetched separately.
    queryset._prefetch_done = True
    return queryset


def _only_lookup(queryset: PrivateQuerySet, instance: object) -> str | None:
    """The lookup of the related manager's condition, if that is the only deferred filter of a QuerySet."""
    if not builds_plainly(type(queryset)):
        return None
    negated, args, lookups = queryset._deferred_filter or (False, (), {})
    if negated or args or len(lookups) != 1 or queryset._hints.get("instance") is not instance:
        return None
    return next(iter(lookups))


def _copier(relation: Relation, first: PrivateQuerySet, lookup: str) -> MakeQuerySet:
    """A function that copies a QuerySet for another instance."""
    # Copied now, since using the first QuerySet changes its query.
    queryset_class, template, hints, query_copy = (
        type(first),
        dict(first.__dict__),
        first._hints,
        _query_copier(first._query),
    )
    key_name = relation.instance_key
    by_key = relation.through is not None
    (field,) = first._known_related_objects or (None,)
    known_name = None if field is None else field.target_field.attname
    has_mode = "_fetch_mode" in template
    new = object.__new__

    def copy(instance: Model, rows: list[PrivateModel]) -> DjangoQuerySet:
        # Any: type checkers do not accept another `__dict__`.
        queryset: Any = new(queryset_class)
        queryset.__dict__ = attributes = template.copy()
        attributes["_hints"] = {**hints, "instance": instance}
        attributes["_query"] = query_copy()
        attributes["_result_cache"] = rows
        attributes["_deferred_filter"] = (False, (), {lookup: instance.__dict__[key_name] if by_key else instance})
        if known_name is not None:
            attributes["_known_related_objects"] = {field: {getattr(instance, known_name): instance}}
        if has_mode:
            attributes["_fetch_mode"] = instance._state.fetch_mode
        return queryset  # type: ignore[no-any-return]  # of the class of the first one

    return copy


def _query_copier(query: Query) -> Callable[[], Query]:
    """A function that copies a Query in its current state."""
    template = query.clone()
    return partial(waiting_query, template) if type(template) is Query else template.clone
