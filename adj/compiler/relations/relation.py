"""Describes a relation of a model, for fetching its rows by the keys of many instances at once.

This covers relations over one column with Django's own descriptors and fields. Django's `prefetch_related_objects()`
handles all others.

Private Django API used here: `ForeignObject.foreign_related_fields`, `.local_related_fields`,
`.get_instance_value_for_fields`, `FieldCacheMixin.cache_name`, `ManyToManyField.m2m_field_name`,
`.m2m_reverse_field_name`, `Options.get_ancestor_link`, `Query.add_q`, `Query.clear_ordering`, the descriptors of
`django.db.models.fields.related_descriptors` and their `related_manager_cls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Model, Q
from django.db.models.fields.mixins import FieldCacheMixin
from django.db.models.fields.related import ForeignObject
from django.db.models.fields.related_descriptors import (
    ForwardManyToOneDescriptor,
    ForwardOneToOneDescriptor,
    ManyToManyDescriptor,
    ReverseManyToOneDescriptor,
    ReverseOneToOneDescriptor,
)
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.options import Options

from adj.django_types import AnyField, ForeignKeyField
from adj.statement.clauses import DjangoQuerySet


@dataclass(frozen=True, slots=True)
class Through:
    """The table between the two sides of a many-to-many relation, and its column that leads back to an instance."""

    table: str
    column: str
    # The attribute of a row with the column's value.
    attribute: str
    # The field of the column, and the field it refers to.
    source: ForeignKeyField
    target: AnyField


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """A relation from the instances of a model; compared by identity, since each exists once.

    `lookup` selects the rows by keys. `instance_key` and `row_key` are the attributes with the key on either side.
    Django caches the rows of an instance under `cache_name`, and the instance of a row under `back_name`. `manager`
    returns the rows, independent of an instance.
    """

    model: type[Model]
    name: str
    related_model: type[Model]
    lookup: str
    instance_key: str
    row_key: str
    cache_name: str
    back_name: str | None
    # Any: for type checkers, a manager in a class is a descriptor.
    manager: Any
    is_single: bool
    through: Through | None = None

    def narrowed(self, queryset: DjangoQuerySet, keys: object) -> DjangoQuerySet:
        """Filter a QuerySet by keys, as Django's descriptors and managers do."""
        if self.is_single:
            narrowed = queryset.filter(**{self.lookup: keys})
            # Each key has one row.
            narrowed.query.clear_ordering()
            return narrowed
        narrowed = queryset.all()
        # Existing joins are reused, since they lead to the same rows.
        narrowed.query.add_q(Q(**{self.lookup: keys}), reuse_all=True)
        if self.through is None:
            return narrowed
        quote = connections[narrowed.db].ops.quote_name
        column = f"{quote(self.through.table)}.{quote(self.through.column)}"
        return narrowed.extra(select={self.through.attribute: column})


@dataclass(frozen=True, slots=True, eq=False)
class OwnRows:
    """The rows of a model by their own keys."""

    lookup: str = "pk__in"

    def narrowed(self, queryset: DjangoQuerySet, keys: object) -> DjangoQuerySet:
        """Filter a QuerySet by primary keys."""
        return queryset.filter(**{self.lookup: keys})


OWN_ROWS = OwnRows()


@lru_cache(maxsize=1_024)
def relation_of(model: type[Model], name: str) -> Relation | None:
    """The relation of an attribute of a model; None for relations that Django handles, and for other attributes."""
    descriptor: Any = getattr(model, name, None)
    make = _BY_DESCRIPTOR.get(type(descriptor))
    return None if make is None else make(model, name, descriptor)


def _forward(model: type[Model], name: str, descriptor: Any) -> Relation | None:
    field = descriptor.field
    if not _has_plain_key(field):
        return None
    related, target = field.remote_field.model, field.foreign_related_fields[0]
    return Relation(
        model=model,
        name=name,
        related_model=related,
        lookup=f"{target.name}__in",
        instance_key=_key_name(model, field),
        row_key=_key_name(related, target),
        cache_name=field.cache_name,
        back_name=None if field.remote_field.multiple else field.remote_field.cache_name,
        manager=related._base_manager,
        is_single=True,
    )


def _reverse_single(model: type[Model], name: str, descriptor: Any) -> Relation | None:
    return _backwards(model, name, descriptor.related, is_single=True)


def _reverse(model: type[Model], name: str, descriptor: Any) -> Relation | None:
    return _backwards(model, name, descriptor.rel, is_single=False)


def _backwards(model: type[Model], name: str, rel: ForeignObjectRel, *, is_single: bool) -> Relation | None:
    field, related = rel.field, rel.related_model
    if not _has_plain_key(field):
        return None
    return Relation(
        model=model,
        name=name,
        related_model=related,
        lookup=f"{field.name}__in",
        instance_key=_key_name(model, field.foreign_related_fields[0]),
        row_key=_key_name(related, field),
        cache_name=rel.cache_name,
        back_name=field.cache_name,
        manager=related._base_manager if is_single else related._default_manager,
        is_single=is_single,
    )


def _many_to_many(model: type[Model], name: str, descriptor: Any) -> Relation | None:
    rel, field = descriptor.rel, descriptor.rel.field
    is_reverse, source = descriptor.reverse, source_field(descriptor)
    # Django's managers also use the prefetched rows of a parent model's instance.
    if not _has_plain_key(source) or not source.foreign_related_fields[0].primary_key or model._meta.parents:
        return None
    target = source.foreign_related_fields[0]
    related = rel.related_model if is_reverse else rel.model
    query_name = field.name if is_reverse else field.related_query_name()
    return Relation(
        model=model,
        name=name,
        related_model=related,
        lookup=f"{query_name}__in",
        instance_key=target.attname,
        row_key=f"_prefetch_related_val_{source.attname}",
        cache_name=field.related_query_name() if is_reverse else field.name,
        back_name=None,
        manager=related._default_manager,
        is_single=False,
        through=Through(
            rel.through._meta.db_table, source.column, f"_prefetch_related_val_{source.attname}", source, target
        ),
    )


def key_columns(model: type[Model], name: str) -> list[str]:
    """The columns of instances that hold the keys of a relation, other than primary key columns."""
    relation = relation_of(model, name)
    if relation is not None:
        return [relation.instance_key]
    return [field.attname for field in _key_fields(model, getattr(model, name, None)) if not field.primary_key]


def _key_fields(model: type[Model], descriptor: object) -> Any:
    if (key := generic_key(descriptor)) is not None:
        return [model._meta.get_field(name) for name in (key.ct_field, key.fk_field)]
    if isinstance(descriptor, ForwardManyToOneDescriptor):
        return descriptor.field.local_related_fields
    if isinstance(descriptor, ReverseOneToOneDescriptor):
        return descriptor.related.field.foreign_related_fields
    if isinstance(descriptor, ManyToManyDescriptor):
        return source_field(descriptor).foreign_related_fields
    if isinstance(descriptor, ReverseManyToOneDescriptor) and hasattr(descriptor.field, "foreign_related_fields"):
        # A generic relation uses the primary key.
        return [] if hasattr(descriptor.field, "content_type_field_name") else descriptor.field.foreign_related_fields
    return []


def generic_key(descriptor: object) -> Any:
    """The generic foreign key of a descriptor (before Django 6.1, the descriptor itself); None for others."""
    field = getattr(descriptor, "field", descriptor)
    return field if hasattr(field, "ct_field") else None


def source_field(descriptor: Any) -> Any:
    """The foreign key of a many-to-many relation's table that refers to the instance."""
    field = descriptor.rel.field
    return descriptor.through._meta.get_field(
        field.m2m_reverse_field_name() if descriptor.reverse else field.m2m_field_name()
    )


_BY_DESCRIPTOR = {
    ForwardManyToOneDescriptor: _forward,
    ForwardOneToOneDescriptor: _forward,
    ReverseOneToOneDescriptor: _reverse_single,
    ReverseManyToOneDescriptor: _reverse,
    ManyToManyDescriptor: _many_to_many,
}


def _has_plain_key(field: object) -> bool:
    """Whether a foreign key has one column, and looks up and caches rows as Django's foreign keys do."""
    field_class, django, caching = type(field), ForeignObject, FieldCacheMixin
    names = ("get_local_related_value", "get_foreign_related_value", "get_instance_value_for_fields")
    return (
        isinstance(field, ForeignObject)
        and len(field.foreign_related_fields) == 1
        and all(getattr(field_class, name) is getattr(django, name) for name in (*names, "get_extra_restriction"))
        and all(getattr(field_class, name) is getattr(caching, name) for name in ("is_cached", "set_cached_value"))
    )


def _key_name(model: type[Model], field: AnyField) -> str:
    """The attribute with a key: for a primary key the model's own, as in `get_instance_value_for_fields()`."""
    options: Options[Model] = model._meta
    if field.primary_key:
        parent_link = options.get_ancestor_link(field.model)
        if not parent_link or parent_link.primary_key or parent_link.model._meta.abstract:
            return str(options.pk.attname)
    return str(field.attname)
