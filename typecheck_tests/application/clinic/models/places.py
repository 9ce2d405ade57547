"""Wards and their beds."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Count, Q

from typecheck_tests.application.clinic.models.bases import Named


class Specialty(models.TextChoices):
    SURGERY = "surgery", "Surgery"
    CARDIOLOGY = "cardiology", "Cardiology"
    PEDIATRICS = "pediatrics", "Pediatrics"


class WardQuerySet(models.QuerySet["Ward"]):
    """Wards by what happens in them."""

    def of(self, specialty: Specialty) -> Self:
        return self.filter(specialty=specialty)

    def with_occupancy(self) -> Self:
        """The wards with the number of patients that are there now."""
        return self.annotate(occupied=Count("admissions", filter=Q(admissions__discharged_at=None)))


class CountedWards(models.Manager["Ward"]):
    """Adds the number of beds."""

    def get_queryset(self) -> models.QuerySet[Ward]:
        return super().get_queryset().annotate(bed_count=Count("beds"))


class Ward(Named):
    """Where patients lie."""

    floor = models.SmallIntegerField()
    specialty = models.CharField(max_length=20, choices=Specialty.choices)
    opened = models.DateField(null=True)
    daily_rate = models.DecimalField(max_digits=8, decimal_places=2)
    phones = models.JSONField(default=dict)

    objects = WardQuerySet.as_manager()
    counted = CountedWards()


class Bed(models.Model):
    """Is known by its ward and its number there."""

    pk = models.CompositePrimaryKey("ward_id", "number")
    ward = models.ForeignKey(Ward, models.CASCADE, related_name="beds")
    number = models.PositiveSmallIntegerField()
    is_isolated = models.BooleanField(default=False)
    equipment = models.JSONField(default=list)
