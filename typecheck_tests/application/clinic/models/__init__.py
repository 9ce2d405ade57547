"""The models of the hospital."""

from __future__ import annotations

from typecheck_tests.application.clinic.models.admissions import (
    Admission,
    AdmissionQuerySet,
    EmergencyAdmission,
    Measurement,
    Note,
    Status,
    Urgency,
    Vital,
)
from typecheck_tests.application.clinic.models.bases import Named, Stamped
from typecheck_tests.application.clinic.models.billing import InsuranceCard, Insurer, Invoice
from typecheck_tests.application.clinic.models.people import Clinician, Grade, Patient, PatientQuerySet, Person, Posting
from typecheck_tests.application.clinic.models.pharmacy import Dose, Drug, Prescription
from typecheck_tests.application.clinic.models.places import Bed, Specialty, Ward, WardQuerySet

__all__ = [
    "Admission",
    "AdmissionQuerySet",
    "Bed",
    "Clinician",
    "Dose",
    "Drug",
    "EmergencyAdmission",
    "Grade",
    "InsuranceCard",
    "Insurer",
    "Invoice",
    "Measurement",
    "Named",
    "Note",
    "Patient",
    "PatientQuerySet",
    "Person",
    "Posting",
    "Prescription",
    "Specialty",
    "Stamped",
    "Status",
    "Urgency",
    "Vital",
    "Ward",
    "WardQuerySet",
]
