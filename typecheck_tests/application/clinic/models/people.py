"""Patients and those who care for them: one table of persons, and one for each of the two."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar, Self, TypedDict

from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.db import models
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Lower
from django_stubs_ext import WithAnnotations

from adj.models.mixin import AsyncManager
from typecheck_tests.application.clinic.models.bases import Stamped
from typecheck_tests.application.clinic.models.places import Ward


class Person(Stamped):
    """The table that patients and clinicians share."""

    name = models.CharField(max_length=120)
    born = models.DateField()
    email = models.EmailField(blank=True, null=True)

    def age_on(self, day: datetime.date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


class Grade(models.IntegerChoices):
    NURSE = 1
    RESIDENT = 2
    CONSULTANT = 3


class Clinician(Person):
    """A nurse or a physician."""

    license_number = models.CharField(max_length=20, unique=True)
    grade = models.IntegerField(choices=Grade.choices)
    skills = ArrayField(models.CharField(max_length=40), default=list)
    supervisor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="trainees")
    wards: models.ManyToManyField[Ward, Posting] = models.ManyToManyField(
        Ward, through="Posting", related_name="clinicians"
    )

    class Meta:
        get_latest_by = "created_at"


class FirstStay(TypedDict):
    """What a method of the QuerySet annotates."""

    first_stay: datetime.datetime | None


class PatientQuerySet(models.QuerySet["Patient"]):
    """Patients by what is known of them."""

    def allergic_to(self, substance: str) -> Self:
        return self.filter(allergies__contains=[substance])

    def with_stays(self) -> Self:
        """The patients with the number of their stays."""
        return self.annotate(stays=Count("admissions"))

    def with_first_stay(self) -> models.QuerySet[WithAnnotations[Patient, FirstStay]]:
        """The patients with the day on which they came first; the annotation says what rows have."""
        rows: Any = self.annotate(first_stay=Min("admissions__admitted_at"))
        found: models.QuerySet[WithAnnotations[Patient, FirstStay]] = rows
        return found


PatientManager = models.Manager.from_queryset(PatientQuerySet)


class Patient(Person):
    """Somebody who is or was admitted."""

    number = models.CharField(max_length=12, unique=True)
    allergies = ArrayField(models.CharField(max_length=40), default=list)
    address = models.JSONField(default=dict)
    practitioner = models.ForeignKey(Clinician, models.SET_NULL, null=True, related_name="regulars")

    objects: ClassVar[PatientManager[Patient]] = PatientManager()
    found = AsyncManager.from_queryset(PatientQuerySet)()

    class Meta:
        indexes = (models.Index(Lower("number"), name="patient_lower_number"),)


class Posting(models.Model):
    """A clinician's time on a ward."""

    clinician = models.ForeignKey(Clinician, models.CASCADE, related_name="postings")
    ward = models.ForeignKey(Ward, models.CASCADE, related_name="postings")
    during = DateRangeField()
    is_head = models.BooleanField(default=False)
    share = models.FloatField(default=1.0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("clinician", "ward"), name="one_posting_per_ward"),
            models.CheckConstraint(condition=Q(share__gt=0.0) & Q(share__lte=F("share")), name="positive_share"),
        )
