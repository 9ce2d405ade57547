"""What the generator knows of the models: kinds of columns, and where relations lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel

from tests.shop import models as shop
from tests.shop.fields import MoneyField

Model: TypeAlias = type[models.Model]

MODELS: Final[tuple[Model, ...]] = (
    shop.Country, shop.Publisher, shop.Author, shop.AuthorProfile, shop.Category, shop.Tag, shop.Book, shop.Book,
    shop.Book, shop.BookDetail, shop.Contribution, shop.Chapter, shop.Bestseller, shop.Review, shop.Note, shop.Depot,
    shop.Item, shop.Gadget, shop.Reader, shop.Customer, shop.Visit, shop.Order, shop.OrderLine,
)  # fmt: skip
"""Those that queries begin with; the richest one more often."""

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

_PLAIN: Final = frozenset(
    {
        "IntegerField", "FloatField", "DecimalField", "CharField", "BooleanField", "DateField", "DateTimeField",
        "TimeField", "DurationField",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its path from a model, `many` if a row may have several of it."""

    path: str
    kind: str
    many: bool = False
    is_plain: bool = True
    """Whether its field is of the class that constants of this kind have; then Django combines the two in any order."""


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
def columns(model: Model) -> tuple[Column, ...]:
    """A model's own columns that are not relations, with `pk`."""
    named = [(field.name, field) for field in model._meta.concrete_fields]
    return tuple(
        Column(name, kind, is_plain=type(field).__name__ in _PLAIN)
        for name, field in (*named, ("pk", model._meta.pk))
        if (kind := kind_of(field)) is not None
    )


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


def paths(model: Model, prefix: str = "", depth: int = 2, *, many: bool = False) -> Iterator[Column]:
    """The columns that can be reached from a model, over at most so many relations."""
    for column in columns(model):
        yield Column(prefix + column.path, column.kind, many, column.is_plain)
    if depth:
        for link in links(model):
            yield from paths(link.target, f"{prefix}{link.name}__", depth - 1, many=many or link.many)


@cache
def reachable(model: Model, depth: int = 1) -> tuple[Column, ...]:
    """Every field and relation."""
    return tuple(paths(model, depth=depth))
