"""Readings of stations: a column of every type, relations of every kind around them."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Length


class Station(models.Model):
    """Ordered by an expression, which is null where the height is."""

    name = models.CharField(max_length=40)
    height = models.IntegerField(null=True)

    class Meta:
        ordering = (F("height").desc(nulls_last=True), Length("name"), "-name")


class Reading(models.Model):
    station = models.ForeignKey(Station, models.CASCADE, null=True, related_name="readings")
    whole = models.BigIntegerField(null=True)
    real = models.FloatField(null=True)
    exact = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    name = models.CharField(max_length=40, null=True)
    text = models.TextField(null=True)
    moment = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    span = models.DurationField(null=True)
    uid = models.UUIDField(null=True)
    blob = models.BinaryField(null=True)
    flag = models.BooleanField(null=True)
    data = models.JSONField(null=True)
    twice = models.GeneratedField(expression=F("whole") * 2, output_field=models.BigIntegerField(), db_persist=True)


class Sample(models.Model):
    """Several for each reading."""

    reading = models.ForeignKey(Reading, models.CASCADE, related_name="samples")
    label = models.CharField(max_length=10)
    value = models.IntegerField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["reading", "label"], name="one_sample_per_label"),)


class Seal(models.Model):
    """A reverse one-to-one, which not every reading has."""

    reading = models.OneToOneField(Reading, models.CASCADE, related_name="seal")
    color = models.CharField(max_length=10)


class Slip(models.Model):
    """A reverse one-to-one whose key has two columns."""

    pk = models.CompositePrimaryKey("book", "page")
    book = models.IntegerField()
    page = models.IntegerField()
    reading = models.OneToOneField(Reading, models.CASCADE, related_name="slip")
