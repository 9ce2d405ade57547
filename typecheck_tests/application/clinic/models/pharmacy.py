"""Drugs, and what is prescribed."""

from __future__ import annotations

from django.db import models

from typecheck_tests.application.clinic.models.admissions import Admission
from typecheck_tests.application.clinic.models.bases import Named, Stamped
from typecheck_tests.application.clinic.models.people import Clinician


class Drug(Named):
    """Something from the pharmacy."""

    price = models.DecimalField(max_digits=9, decimal_places=2)
    strength = models.FloatField(null=True)
    stock = models.IntegerField(default=0)
    conflicts = models.ManyToManyField("self")
    properties = models.JSONField(default=dict)


class Prescription(Stamped):
    """What a clinician prescribes in a stay."""

    admission = models.ForeignKey(Admission, models.CASCADE, related_name="prescriptions")
    prescriber = models.ForeignKey(Clinician, models.PROTECT, related_name="prescriptions")
    starts = models.DateField()
    days = models.PositiveSmallIntegerField(default=1)
    drugs: models.ManyToManyField[Drug, Dose] = models.ManyToManyField(
        Drug, through="Dose", related_name="prescriptions"
    )


class Dose(models.Model):
    """How much of a drug, and how often."""

    prescription = models.ForeignKey(Prescription, models.CASCADE, related_name="doses")
    drug = models.ForeignKey(Drug, models.PROTECT, related_name="doses")
    amount = models.DecimalField(max_digits=6, decimal_places=2)
    times_per_day = models.PositiveSmallIntegerField(default=1)
    comment = models.CharField(max_length=200, blank=True)
