"""The bookshop's models: at least one of everything that Django's models can be."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, F, Q

from tests.shop.fields import MoneyField


class Stamped(models.Model):
    """An abstract base."""

    created = models.DateTimeField()
    updated = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Country(models.Model):
    """The end of a three-level path, with a text as its key."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=80)
    population = models.BigIntegerField(null=True)
    is_member = models.BooleanField(null=True)

    class Meta:
        verbose_name_plural = "countries"
        ordering = ("name",)


class CountingManager(models.Manager[Any]):
    """Adds a column to every row."""

    def get_queryset(self) -> Any:
        return super().get_queryset().annotate(book_count=Count("books"))


class Publisher(models.Model):
    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    country = models.ForeignKey(Country, models.SET_NULL, null=True, related_name="publishers")
    founded = models.PositiveSmallIntegerField(null=True)

    objects = models.Manager()
    counted = CountingManager()

    class Meta:
        base_manager_name = "objects"


class Author(Stamped):
    name = models.CharField(max_length=120)
    pen_name = models.CharField(max_length=120, blank=True, default="")
    born = models.DateField(null=True)
    publisher = models.ForeignKey(Publisher, models.CASCADE, null=True, related_name="authors")
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")

    class Meta:
        ordering = (
            "name",
            "pk",
        )


class AuthorProfile(models.Model):
    """A reverse one-to-one; not every author has one."""

    author = models.OneToOneField(Author, models.CASCADE, related_name="profile")
    bio = models.TextField(blank=True)
    website = models.URLField(null=True)
    email = models.EmailField(blank=True)
    address = models.GenericIPAddressField(null=True)


class Category(models.Model):
    """A tree; the roots have no parent. Ordered by a relation."""

    name = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")

    class Meta:
        ordering = (
            "parent__name",
            "name",
        )


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True)
    weight = models.SmallIntegerField(default=0)


class BookQuerySet(models.QuerySet[Any]):
    """Methods of the project's own, which change nothing of how Django builds."""

    def published(self) -> BookQuerySet:
        return self.filter(published__isnull=False)

    def rated_above(self, rating: float) -> BookQuerySet:
        return self.filter(rating__gt=rating)


class BookManager(models.Manager[Any]):
    """A manager with one method and those of the QuerySet."""

    def long(self, pages: int = 400) -> Any:
        return self.get_queryset().filter(pages__gte=pages)


class PublishedManager(models.Manager[Any]):
    """Has a condition that every query starts from."""

    def get_queryset(self) -> BookQuerySet:
        return BookQuerySet(self.model, using=self._db).filter(published__isnull=False)


class Format(models.TextChoices):
    HARDBACK = "hb", "Hardback"
    PAPERBACK = "pb", "Paperback"
    EBOOK = "eb", "E-book"


class Book(models.Model):
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=200, null=True)
    isbn = models.CharField(max_length=13, unique=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    editor = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="edited_books")
    publisher = models.ForeignKey(Publisher, models.CASCADE, null=True, related_name="books")
    category = models.ForeignKey(Category, models.SET_NULL, null=True, related_name="books")
    tags = models.ManyToManyField(Tag, related_name="books")
    contributors = models.ManyToManyField(Author, through="Contribution", related_name="contributed_books")
    pages = models.PositiveIntegerField()
    weight = models.SmallIntegerField(null=True)
    copies_sold = models.BigIntegerField(default=0)
    rating = models.FloatField(null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    cost = MoneyField(null=True)
    published = models.DateField(null=True)
    released = models.DateTimeField(null=True)
    reading_hour = models.TimeField(null=True)
    reading_time = models.DurationField(null=True)
    reference = models.UUIDField(default=uuid.uuid4)
    is_available = models.BooleanField(default=True)
    is_translated = models.BooleanField(null=True)
    cover = models.BinaryField(null=True)
    format = models.CharField(max_length=2, choices=Format.choices, default=Format.PAPERBACK)
    metadata = models.JSONField(null=True)
    notes = GenericRelation("Note")

    objects: Any = BookManager.from_queryset(BookQuerySet)()
    in_print = PublishedManager()

    class Meta:
        get_latest_by = "published"


class BookDetail(models.Model):
    """A reverse one-to-one whose key is the relation; not every book has one."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="detail")
    summary = models.TextField()
    printings = models.PositiveSmallIntegerField(default=1)


class Contribution(models.Model):
    """The through model of `Book.contributors`."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="contributions")
    author = models.ForeignKey(Author, models.CASCADE, related_name="contributions")
    role = models.CharField(max_length=20)
    position = models.IntegerField(default=0)

    class Meta:
        unique_together = (("book", "author", "role"),)


class Chapter(models.Model):
    """Ordered with respect to its book."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="chapters")
    title = models.CharField(max_length=100)

    class Meta:
        order_with_respect_to = "book"


class BestsellerManager(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(copies_sold__gte=1_000_000)


class Bestseller(Book):
    """A proxy with its own manager and order."""

    objects: Any = BestsellerManager()

    class Meta:
        proxy = True
        ordering = (
            "-copies_sold",
            "title",
        )


class VisibleManager(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(is_hidden=False)


class Review(Stamped):
    """Its default manager hides rows; ordered by a relation."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    critic = models.CharField(max_length=80)
    stars = models.IntegerField()
    text = models.TextField(blank=True)
    is_hidden = models.BooleanField(default=False)

    objects = VisibleManager()
    everything = models.Manager()

    class Meta:
        ordering = (
            "book__title",
            "-stars",
            "pk",
        )
        get_latest_by = (
            "created",
            "stars",
        )
        constraints = (models.UniqueConstraint(fields=["book", "critic"], name="one_review_per_critic"),)


class Note(models.Model):
    """About anything: a generic foreign key."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("content_type", "object_id")
    text = models.CharField(max_length=200)


class Depot(models.Model):
    """Table and columns have names that need quoting; refers to a field that is not a primary key."""

    name = models.CharField(max_length=60, db_column="Full Name")
    publisher = models.ForeignKey(Publisher, models.CASCADE, to_field="slug", db_column="pub", related_name="depots")
    books = models.ManyToManyField(Book, related_name="depots", db_table="shop books in depots")

    class Meta:
        db_table = "shop depots"


class Item(models.Model):
    """The root of an inheritance over three tables."""

    name = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    maker = models.ForeignKey(Publisher, models.SET_NULL, null=True, related_name="items")


class Gadget(Item):
    voltage = models.IntegerField()
    tested = models.DateField(null=True)

    class Meta:
        ordering = ("name",)


class Reader(Gadget):
    screen = models.FloatField()
    favourite = models.ForeignKey(Book, models.SET_NULL, null=True, related_name="readers")


class Customer(models.Model):
    """Overrides `__init__`."""

    name = models.CharField(max_length=80)
    country = models.ForeignKey(Country, models.PROTECT, related_name="customers")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made_by_init = True


class Visit(models.Model):
    """Overrides `from_db`."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="visits")
    moment = models.DateTimeField()
    page = models.CharField(max_length=40)

    loaded_page: str | None = None

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any, **kwargs: Any) -> Any:
        visit = super().from_db(db, field_names, values, **kwargs)
        visit.loaded_page = visit.__dict__.get("page")
        return visit


class Order(models.Model):
    """Its key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    placed = models.DateTimeField()
    is_paid = models.BooleanField(null=True)

    class Meta:
        get_latest_by = "-placed"


class OrderLine(models.Model):
    """Its key has two columns, and one column is computed by the database."""

    pk = models.CompositePrimaryKey("order_id", "number")
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    number = models.IntegerField()
    book = models.ForeignKey(Book, models.CASCADE, null=True, related_name="order_lines")
    quantity = models.IntegerField()
    cents = models.IntegerField()
    total = models.GeneratedField(
        expression=F("quantity") * F("cents"), output_field=models.BigIntegerField(), db_persist=True
    )

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(quantity__gt=0), name="something_was_ordered"),)


class Shelf(models.Model):
    """What only PostgreSQL has."""

    label = models.CharField(max_length=40)
    numbers = ArrayField(models.IntegerField(), default=list)
    labels = ArrayField(models.CharField(max_length=20), null=True)

    class Meta:
        required_db_vendor = "postgresql"
