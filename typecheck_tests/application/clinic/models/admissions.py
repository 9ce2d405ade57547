"""Stays in the hospital, what is measured in them, and notes about anything."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count

from adj.models.mixin import AsyncManager
from typecheck_tests.application.clinic.models.bases import Stamped
from typecheck_tests.application.clinic.models.people import Clinician, Patient
from typecheck_tests.application.clinic.models.places import Ward


class Status(models.TextChoices):
    EXPECTED = "expected"
    PRESENT = "present"
    DISCHARGED = "discharged"


class Urgency(models.IntegerChoices):
    PLANNED = 1
    URGENT = 2
    EMERGENCY = 3


class AdmissionQuerySet(models.QuerySet["Admission"]):
    """Admissions by their state."""

    def present(self) -> Self:
        return self.filter(status=Status.PRESENT)

    def with_counts(self) -> Self:
        """The admissions with the number of their prescriptions."""
        return self.annotate(prescription_count=Count("prescriptions"))


class Note(Stamped):
    """A text about a patient, an admission or anything else."""

    author = models.ForeignKey(Clinician, models.SET_NULL, null=True, related_name="notes")
    text = models.TextField()
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    subject = GenericForeignKey("content_type", "object_id")


class Admission(Stamped):
    """A patient's stay on a ward."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="admissions")
    ward = models.ForeignKey(Ward, models.PROTECT, related_name="admissions")
    attending = models.ForeignKey(Clinician, models.SET_NULL, null=True, related_name="attended")
    bed_number = models.PositiveSmallIntegerField(null=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.EXPECTED)
    urgency = models.IntegerField(choices=Urgency.choices, default=Urgency.PLANNED)
    admitted_at = models.DateTimeField()
    discharged_at = models.DateTimeField(null=True)
    labels = ArrayField(models.CharField(max_length=30), default=list)
    notes = GenericRelation(Note)

    objects = AdmissionQuerySet.as_manager()
    found = AsyncManager.from_queryset(AdmissionQuerySet)()

    class Meta:
        get_latest_by = "admitted_at"


class EmergencyManager(models.Manager["EmergencyAdmission"]):
    """Those that could not wait."""

    def get_queryset(self) -> models.QuerySet[EmergencyAdmission]:
        return super().get_queryset().filter(urgency=Urgency.EMERGENCY).select_related("patient")


class EmergencyAdmission(Admission):
    """The same table, seen from the emergency room."""

    emergencies = EmergencyManager()

    class Meta:
        proxy = True


class Vital(models.TextChoices):
    PULSE = "pulse"
    TEMPERATURE = "temperature"
    PRESSURE = "pressure"


class Measurement(models.Model):
    """A value that was measured at a bedside."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    admission = models.ForeignKey(Admission, models.CASCADE, related_name="measurements")
    vital = models.CharField(max_length=12, choices=Vital.choices)
    value = models.DecimalField(max_digits=7, decimal_places=2)
    taken_at = models.DateTimeField()
    took = models.DurationField(null=True)
    device = models.JSONField(default=dict)
    raw = models.BinaryField(null=True)

    class Meta:
        get_latest_by = "taken_at"
