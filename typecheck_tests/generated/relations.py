"""What kinds of columns there are, and where a model's relations lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel

from tests.shop.fields import MoneyField

Model: TypeAlias = type[models.Model]

KINDS: Final[tuple[tuple[type[Any], str], ...]] = (
    (MoneyField, "money"),
    (models.BooleanField, "bool"),
    (models.IntegerField, "int"),
    (models.FloatField, "float"),
    (models.DecimalField, "decimal"),
    (models.GenericIPAddressField, "address"),
    (models.CharField, "str"),
    (models.TextField, "text"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (models.TimeField, "time"),
    (models.DurationField, "duration"),
    (models.UUIDField, "uuid"),
    (models.BinaryField, "bytes"),
    (models.JSONField, "json"),
    (models.GeneratedField, "int"),
)
"""The kinds of columns, the most special first."""


@dataclass(frozen=True, slots=True)
class Link:
    """A relation by the name in queries, and by that of its attribute."""

    name: str
    attribute: str
    target: Model
    many: bool
    key: str
    is_forward: bool


def kind_of(field: object) -> str | None:
    """The kind of a field that is not a relation."""
    return next((kind for cls, kind in KINDS if isinstance(field, cls)), None)


@cache
def links(model: Model) -> tuple[Link, ...]:
    """A model's relations from either side."""
    return tuple(_links(model))


def _links(model: Model) -> Iterator[Link]:
    relations: Iterable[Any] = model._meta.get_fields()
    for relation in relations:
        target: Any = getattr(relation, "related_model", None)
        if target is None:
            continue
        if target._meta.pk_fields[1:]:
            # Django itself refuses most of what leads to keys of several columns.
            continue
        many = bool(relation.one_to_many or relation.many_to_many)
        reverse = isinstance(relation, ForeignObjectRel)
        attribute = relation.get_accessor_name() if isinstance(relation, ForeignObjectRel) else relation.name
        if attribute and relation.name and not attribute.endswith("+"):
            key = kind_of(_key(relation, target)) or "other"
            yield Link(relation.name, attribute, target, many, key, is_forward=not reverse)


def _key(relation: Any, target: Model) -> Any:
    """The field that values of the relation are keys of."""
    own: Any = getattr(relation, "target_field", None) if getattr(relation, "concrete", False) else None
    field: Any = own or target._meta.pk
    while getattr(field, "is_relation", False):
        field = field.target_field
    return field
