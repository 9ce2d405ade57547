"""The fields of a model under the names of paths and of attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import Model

from adj.stubgen.project import ModelClass


@dataclass(frozen=True, slots=True)
class NamedField:
    """A field or a relation of a model.

    `name` stands for it in paths, `attribute` on instances. `is_nullable`: a path through it may have no value.
    """

    name: str
    attribute: str
    field: Any
    related: ModelClass | None
    is_reverse: bool
    is_to_many: bool
    is_nullable: bool

    @property
    def column_attribute(self) -> str | None:
        """The attribute with the key of a foreign key, such as `author_id`."""
        attname = getattr(self.field, "attname", self.name)
        return attname if self.field.concrete and attname != self.name else None


@lru_cache(maxsize=4_096)
def fields_of(model: ModelClass) -> tuple[NamedField, ...]:
    """Return the fields that paths may start with: own ones in the order of the model, then those of other models.

    Hidden relations (`related_name="+"`) and generic foreign keys are not part of paths.
    """
    found = [*_fields_of(model)]
    return (*(each for each in found if not each.is_reverse), *(each for each in found if each.is_reverse))


def forward_relations(model: ModelClass) -> Iterator[tuple[NamedField, ModelClass]]:
    """Yield the relations that are fields of a model, and the models that they lead to."""
    for each in fields_of(model):
        if each.related is not None and not each.is_reverse:
            yield each, each.related


def columns_of(model: ModelClass) -> Iterator[NamedField]:
    """Yield the fields of a model that are columns of its table."""
    return (each for each in fields_of(model) if each.field.concrete and not each.is_to_many)


def _fields_of(model: ModelClass) -> Iterator[NamedField]:
    for field in model._meta.get_fields():
        related = getattr(field, "related_model", None)
        if not isinstance(related, type) or not issubclass(related, Model):
            related = None
        is_reverse = bool(field.auto_created and not field.concrete)
        is_hidden = is_reverse and bool(getattr(field, "hidden", False))
        if is_hidden or field.name == "pk" or (field.is_relation and related is None):
            continue
        is_to_many = bool(field.many_to_many or field.one_to_many)
        # A relation of Django's own description is either a Field or a ForeignObjectRel.
        described: Any = field
        yield NamedField(
            name=field.name,
            attribute=described.get_accessor_name() if is_reverse else field.name,
            field=field,
            related=related,
            is_reverse=is_reverse,
            is_to_many=is_to_many,
            is_nullable=is_to_many or is_reverse or bool(getattr(field, "null", True)),
        )
