"""Titles; their default manager loads a relation, defers a column and annotates."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Count

from adj.models.mixin import AsyncManager, AsyncModel

if TYPE_CHECKING:
    from typecheck_tests.plugin.people.models import Member


class Kind(models.TextChoices):
    NOVEL = "n"
    ESSAY = "e"


class LoadingManager(models.Manager["Title"]):
    """What every query of the model starts from."""

    def get_queryset(self) -> models.QuerySet[Title]:
        found = super().get_queryset().select_related("house").prefetch_related("marks")
        return found.defer("text").annotate(mark_count=Count("marks"))


class PlainQuerySet(models.QuerySet["Title"]):
    def novels(self) -> Self:
        return self.filter(kind=Kind.NOVEL)


class LoadingAsyncManager(AsyncManager["Title"]):
    """One of adj's managers, with related objects loaded."""

    def get_queryset(self) -> models.QuerySet[Title]:
        return models.QuerySet(Title).select_related("house__owner")


class Title(AsyncModel):
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=1, choices=Kind.choices)
    text = models.TextField()
    house = models.ForeignKey("press.House", models.CASCADE, related_name="titles")
    editor = models.ForeignKey("people.Member", models.SET_NULL, null=True, related_name="edited")
    readers = models.ManyToManyField("people.Member", related_name="read")
    marks = GenericRelation("press.Mark")

    objects = LoadingManager()
    plain: ClassVar[models.Manager[Self]] = models.Manager()
    listed = PlainQuerySet.as_manager()
    aobjects = AsyncManager()
    loading = LoadingAsyncManager()

    @property
    def shown(self) -> str:
        return self.name.upper()

    @cached_property
    def who(self) -> Member | None:
        return self.editor


class Mark(models.Model):
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("content_type", "object_id")
    by = models.ForeignKey("people.Member", models.CASCADE, related_name="marks")
