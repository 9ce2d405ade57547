"""Models with AsyncModel and AsyncManager, a `save()` of their own, a `clean()`, parents and a proxy."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import slugify

from adj.models import AsyncModel


class Writer(AsyncModel):
    name = models.CharField(max_length=80, unique=True)


class Entry(AsyncModel):
    """Its `save()` fills a field in, and its `clean()` refuses a title."""

    writer = models.ForeignKey(Writer, models.CASCADE, related_name="entries")
    title = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, blank=True)
    words = models.IntegerField(null=True, blank=True)
    mood = models.CharField(max_length=20, null=True, blank=True)
    written = models.DateField(null=True, blank=True)

    saves: ClassVar[int] = 0

    class Meta:
        get_latest_by = "written"
        constraints = (
            models.CheckConstraint(condition=models.Q(words__gte=0), name="no_words_are_owed"),
            models.UniqueConstraint(fields=["writer", "slug"], name="one_entry_per_slug"),
        )

    # The project's own list of arguments, as projects have them.
    def save(self, **options: Any) -> None:
        self.slug = self.slug or slugify(self.title)
        Entry.saves += 1
        super().save(**options)

    def clean(self) -> None:
        if self.title == "untitled":
            raise ValidationError({"title": "Find a title."})


class Essay(Entry):
    """A table of its own beside its parent's."""

    topic = models.CharField(max_length=40)


class Draft(Entry):
    """A proxy."""

    class Meta:
        proxy = True


MODELS: list[type[models.Model]] = [Writer, Entry, Essay]
"""Those that have a table."""
