"""One model or a few for each package: what its QuerySet, manager or field does differently is in use."""

from __future__ import annotations

from django.db import models
from djmoney.models.fields import MoneyField
from model_utils.managers import InheritanceManager
from model_utils.models import SoftDeletableModel
from mptt.models import MPTTModel, TreeForeignKey
from polymorphic.models import PolymorphicModel
from safedelete.models import SOFT_DELETE, SafeDeleteModel
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager


class Product(models.Model):
    """django-money sets methods on each QuerySet."""

    name = models.CharField(max_length=40)
    price = MoneyField(max_digits=10, decimal_places=2, default_currency="EUR")


class Shape(PolymorphicModel):
    """django-polymorphic makes rows of the class that was saved."""

    name = models.CharField(max_length=40)


class Circle(Shape):
    radius = models.IntegerField()


class Square(Shape):
    side = models.IntegerField()


class Folder(SafeDeleteModel):
    """django-safedelete hides rows when a Query is compiled."""

    _safedelete_policy = SOFT_DELETE

    name = models.CharField(max_length=40)


class Document(SafeDeleteModel):
    _safedelete_policy = SOFT_DELETE

    name = models.CharField(max_length=40, unique=True)
    folder = models.ForeignKey(Folder, models.CASCADE, related_name="documents")
    pages = models.IntegerField(default=1)


class Place(models.Model):
    """django-model-utils' InheritanceManager makes rows of subclasses."""

    name = models.CharField(max_length=40)

    objects = InheritanceManager()


class Restaurant(Place):
    stars = models.IntegerField()


class Bar(Place):
    seats = models.IntegerField()


class Task(SoftDeletableModel):
    """django-model-utils' QuerySet deletes in its own way."""

    name = models.CharField(max_length=40)


class News(models.Model):
    """django-modeltranslation rewrites names to those of the current language."""

    title = models.CharField(max_length=40)
    views = models.IntegerField(default=0)

    class Meta:
        ordering = ("title",)


class Poll(models.Model):
    """django-simple-history keeps each version."""

    question = models.CharField(max_length=40)

    history = HistoricalRecords()


class Genre(MPTTModel):
    """django-mptt orders a tree."""

    name = models.CharField(max_length=40, unique=True)
    parent = TreeForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")


class Food(models.Model):
    """django-taggit's manager is a relation."""

    name = models.CharField(max_length=40)

    tags = TaggableManager()
