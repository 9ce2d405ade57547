"""Models of every kind, each as a project writes it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import DateRangeField, HStoreField, IntegerRangeField
from django.db import models

from adj.models.mixin import AsyncManager, AsyncModel
from typecheck_tests.plugin.library.functions import Shout


class Named(models.Model):
    """An abstract base."""

    name = models.CharField(max_length=100)

    class Meta:
        abstract = True


class Shelf(Named):
    """Refers to itself; its manager is typed by `Self`."""

    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")

    objects: ClassVar[models.Manager[Self]] = models.Manager()


class Medium(Named):
    """The parent of another table."""

    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="media")
    added = models.DateField()


class Film(Medium):
    """A child with a separate table."""

    minutes = models.IntegerField()
    director = models.ForeignKey("Person", models.SET_NULL, null=True, related_name="films")


class Recording(Medium):
    """Another child of the same parent."""


class LongFilm(Film):
    """A proxy."""

    class Meta:
        proxy = True


class AnyQuerySet(models.QuerySet[Any]):
    """Of no model in particular."""

    def named(self, name: str) -> Self:
        return self.filter(name=name)

    def unknown(self):  # type: ignore[no-untyped-def]  # noqa: ANN201  # as old code has it
        return self


class Person(AsyncModel):
    """With adj's mixin and manager; named by text above, before it is defined."""

    name = models.CharField(max_length=100)
    born = models.DateField(null=True)
    friends = models.ManyToManyField("self")

    aobjects = AsyncManager()
    found = AsyncManager.from_queryset(AnyQuerySet)()


class CountingManager(models.Manager["Counted"]):
    """Adds a column to every row."""

    def get_queryset(self) -> models.QuerySet[Counted]:
        return super().get_queryset().annotate(film_count=models.Count("films"))


class Counted(Named):
    """Its default manager annotates."""

    films = models.ManyToManyField(Film)

    objects = CountingManager()

    class Meta:
        ordering = (Shout("name").asc(),)


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Methods that annotate, and others that do not."""

    def counted(self) -> Self:
        return self.annotate(copies=models.F("number") * 2)

    def early(self) -> Self:
        return self.filter(number__lt=10)


class Release(AsyncModel):
    """Its manager is a custom QuerySet, with a method that annotates."""

    number = models.IntegerField()
    film = models.ForeignKey(Film, models.CASCADE, related_name="releases")

    objects = ReleaseQuerySet.as_manager()
    found = AsyncManager.from_queryset(ReleaseQuerySet)()


class Screening(models.Model):
    """Fields of PostgreSQL."""

    labels = HStoreField()
    seats = IntegerRangeField()
    days = DateRangeField(null=True)
