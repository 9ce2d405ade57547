"""A small library: three levels of relations, and a column of each kind that takes work to read."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

from django.db import models


class Country(models.Model):
    """Where authors come from."""

    name: models.CharField[str, str] = models.CharField(max_length=50)

    class Meta:
        db_table = "country"

    def __str__(self) -> str:
        return self.name


class Author(models.Model):
    """An author of books."""

    name: models.CharField[str, str] = models.CharField(max_length=50)
    country: models.ForeignKey[Country] = models.ForeignKey(Country, on_delete=models.CASCADE)

    class Meta:
        db_table = "author"

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """What books are found by."""

    name: models.CharField[str, str] = models.CharField(max_length=50)

    class Meta:
        db_table = "tag"

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    """What is read."""

    title: models.CharField[str, str] = models.CharField(max_length=100)
    pages: models.IntegerField[int, int] = models.IntegerField()
    in_print: models.BooleanField[bool, bool] = models.BooleanField()
    published: models.DateTimeField[datetime.datetime, datetime.datetime] = models.DateTimeField(db_index=True)
    price: models.DecimalField[decimal.Decimal, decimal.Decimal] = models.DecimalField(max_digits=6, decimal_places=2)
    details: models.JSONField[Any, Any] = models.JSONField()
    author: models.ForeignKey[Author] = models.ForeignKey(Author, on_delete=models.CASCADE)
    tags: models.ManyToManyField[Tag, models.Model] = models.ManyToManyField(Tag, db_table="book_tag")

    class Meta:
        db_table = "book"

    def __str__(self) -> str:
        return self.title
