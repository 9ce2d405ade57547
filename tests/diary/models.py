"""Models with AsyncModel and managers of adj, a `save()` of their own, a `clean()`, parents and a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import slugify

from adj import AsyncQuery
from adj.models.mixin import AsyncManager, AsyncModel
from adj.models.wrappers import asynced, queryset_method, terminal

if TYPE_CHECKING:
    from typing import Self


class Findable(AsyncModel):
    """An abstract base with one of adj's managers."""

    aobjects = AsyncManager()

    class Meta:
        abstract = True


class Writer(Findable):
    name = models.CharField(max_length=80, unique=True)


class EntryQuerySet(models.QuerySet["Entry"]):
    """Methods of the project's own: one that builds, one that asks, one that does it asynchronously."""

    def long(self, words: int = 100, *, or_empty: bool = False) -> Self:
        return self.filter(models.Q(words__gte=words) | models.Q(words=0 if or_empty else None))

    def total_words(self, *, default: int = 0) -> int:
        found: int | None = self.aggregate(total=models.Sum("words"))["total"]
        return default if found is None else found

    async def atitles(self) -> list[str]:
        return [title async for title in self.order_by("title").values_list("title", flat=True)]

    def _private(self) -> Self:
        return self


class EntryQuery(AsyncQuery["Entry"]):
    """The same for adj, as checkers know it."""

    long = queryset_method(EntryQuerySet.long)
    total_words = terminal(EntryQuerySet.total_words)


class LongManager(AsyncManager["Entry"]):
    """A manager with a condition and another method."""

    def get_queryset(self) -> models.QuerySet[Entry]:
        return super().get_queryset().filter(words__gte=100)

    async def longest(self) -> Entry | None:
        return await self.order_by("-words", "pk").afirst()


def shout(entry: Entry, mark: str = "!", *, times: int = 1) -> str:
    """Asks the database for the writer."""
    return f"{entry.title} by {Writer.objects.get(entries=entry).name}{mark * times}"


class Entry(Findable):
    """Its `save()` fills a field in, and its `clean()` refuses a title."""

    writer = models.ForeignKey(Writer, models.CASCADE, related_name="entries")
    title = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, blank=True)
    words = models.IntegerField(null=True, blank=True)
    mood = models.CharField(max_length=20, null=True, blank=True)
    written = models.DateField(null=True, blank=True)

    objects = models.Manager()
    long_ones = LongManager()
    own = AsyncManager.from_queryset(EntryQuerySet)()
    queries = AsyncManager.from_query(EntryQuery, EntryQuerySet)()

    ashout = asynced(shout)

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
    """A child with a separate table (multi-table inheritance)."""

    topic = models.CharField(max_length=40)


class Draft(Entry):
    """A proxy."""

    class Meta:
        proxy = True


MODELS: list[type[models.Model]] = [Writer, Entry, Essay]
"""Those that have a table."""
