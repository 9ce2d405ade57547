"""Who pays."""

from __future__ import annotations

from django.db import models

from typecheck_tests.application.clinic.models.admissions import Admission
from typecheck_tests.application.clinic.models.bases import Named, Stamped
from typecheck_tests.application.clinic.models.people import Patient


class Insurer(Named):
    """Pays for its members."""

    copayment = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    is_public = models.BooleanField(default=True)


class InsuranceCard(models.Model):
    """Shows that a patient is insured."""

    patient = models.OneToOneField(Patient, models.CASCADE, primary_key=True, related_name="card")
    insurer = models.ForeignKey(Insurer, models.CASCADE, related_name="cards")
    number = models.CharField(max_length=20, unique=True)
    valid_until = models.DateField(null=True)


class Invoice(Stamped):
    """The bill of a stay."""

    admission = models.OneToOneField(Admission, models.CASCADE, related_name="invoice")
    total = models.DecimalField(max_digits=10, decimal_places=2)
    issued = models.DateField()
    paid = models.DateField(null=True)
    lines = models.JSONField(default=list)
