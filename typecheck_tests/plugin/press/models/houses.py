"""Houses and what belongs to them; refers to the user model by its setting."""

from __future__ import annotations

from typing import Generic, TypeVar

from django.conf import settings
from django.db import models

from typecheck_tests.plugin.people.models import Member

T = TypeVar("T")


class Owned(models.Model):
    """An abstract base with a relation."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="%(class)ss")

    class Meta:
        abstract = True


class House(Owned):
    name = models.CharField(max_length=80)
    founder = models.ForeignKey(Member, models.PROTECT, related_name="founded")

    def label(self) -> str:
        """What a method of the model's own reads is not tracked."""
        return f"{self.name} of {self.owner.username}"


class Imprint(House):
    """A child with a separate table, of a child of an abstract model."""

    parent = models.ForeignKey(House, models.CASCADE, related_name="imprints")


class Box(models.Model, Generic[T]):
    """A generic model of the project's own."""

    house = models.ForeignKey(House, models.CASCADE, related_name="+")

    class Meta:
        abstract = True

    def opened(self, content: T) -> T:
        return content


class TextBox(Box[str]):
    text = models.TextField()
