"""A few rows of everything, written with Django's own means."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Final

from django.core.management import call_command
from django.db.backends.postgresql.psycopg_any import DateRange

from typecheck_tests.application.clinic.models import (
    Admission,
    Bed,
    Clinician,
    Dose,
    Drug,
    Grade,
    InsuranceCard,
    Insurer,
    Invoice,
    Measurement,
    Note,
    Patient,
    Posting,
    Prescription,
    Specialty,
    Status,
    Urgency,
    Vital,
    Ward,
)


def moment(month: int, day: int, hour: int = 10) -> datetime.datetime:
    return datetime.datetime(2024, month, day, hour, tzinfo=datetime.UTC)


JANUARY: Final = datetime.date(2024, 1, 1)
JULY: Final = datetime.date(2024, 7, 1)


def load() -> None:
    """Make the tables and fill them."""
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    places()
    people()
    stays()
    pharmacy()
    bedside()
    bills()


def places() -> None:
    wards = (
        ("icu", "Intensive care", 3, Specialty.SURGERY, "400.00", datetime.date(2001, 5, 1), 3),
        ("card", "Cardiology", 2, Specialty.CARDIOLOGY, "300.00", datetime.date(2010, 1, 1), 2),
        ("kids", "Children", 1, Specialty.PEDIATRICS, "250.50", None, 1),
    )
    for code, name, floor, specialty, rate, opened, beds in wards:
        ward = Ward.objects.create(
            code=code, name=name, floor=floor, specialty=specialty, daily_rate=Decimal(rate), opened=opened
        )
        for number in range(1, beds + 1):
            Bed.objects.create(ward=ward, number=number, is_isolated=number == 3, equipment=["lamp", "monitor"])


def people() -> None:
    ada = Clinician.objects.create(
        name="Ada Holm", born=datetime.date(1970, 2, 3), license_number="L1", grade=Grade.CONSULTANT,
        skills=["surgery", "anesthesia"], email="ada@example.org",
    )  # fmt: skip
    ben = Clinician.objects.create(
        name="Ben Lund", born=datetime.date(1985, 4, 5), license_number="L2", grade=Grade.RESIDENT,
        skills=["surgery"], supervisor=ada,
    )  # fmt: skip
    cleo = Clinician.objects.create(
        name="Cleo Moe", born=datetime.date(1990, 6, 7), license_number="L3", grade=Grade.NURSE, supervisor=ben
    )
    icu, card, kids = (Ward.objects.get(code=code) for code in ("icu", "card", "kids"))
    Posting.objects.create(clinician=ada, ward=icu, during=DateRange(JANUARY, None), is_head=True)
    Posting.objects.create(clinician=ben, ward=icu, during=DateRange(JANUARY, JULY), share=0.25)
    Posting.objects.create(clinician=ben, ward=card, during=DateRange(JANUARY, None), is_head=True, share=0.5)
    Posting.objects.create(clinician=cleo, ward=kids, during=DateRange(JULY, None))
    Patient.objects.create(
        number="P1", name="Ida Berg", born=datetime.date(1950, 5, 1), allergies=["penicillin"],
        address={"city": "Oslo"}, practitioner=ada, email="ida@example.org",
    )  # fmt: skip
    Patient.objects.create(number="P2", name="Jon Dahl", born=datetime.date(1980, 3, 2), address={"city": "Bergen"})
    Patient.objects.create(
        number="P3", name="Kim Eide", born=datetime.date(2012, 8, 9), allergies=["latex", "penicillin"],
        address={"city": "Oslo"}, practitioner=ben,
    )  # fmt: skip
    Patient.objects.create(number="P4", name="Ada Holm", born=datetime.date(1982, 1, 1))


def stays() -> None:
    icu, card, kids = (Ward.objects.get(code=code) for code in ("icu", "card", "kids"))
    ada, ben = (Clinician.objects.get(license_number=number) for number in ("L1", "L2"))
    ida, jon, kim = (Patient.objects.get(number=number) for number in ("P1", "P2", "P3"))
    Admission.objects.create(
        patient=ida, ward=icu, attending=ada, bed_number=1, status=Status.PRESENT, urgency=Urgency.EMERGENCY,
        admitted_at=moment(5, 1),
    )  # fmt: skip
    Admission.objects.create(
        patient=jon, ward=card, attending=ben, status=Status.DISCHARGED, urgency=Urgency.URGENT,
        admitted_at=moment(4, 1), discharged_at=moment(4, 4),
    )  # fmt: skip
    Admission.objects.create(
        patient=ida, ward=card, attending=ben, status=Status.DISCHARGED, admitted_at=moment(3, 1),
        discharged_at=moment(3, 3),
    )  # fmt: skip
    Admission.objects.create(patient=kim, ward=kids, admitted_at=moment(6, 1))
    Admission.objects.create(
        patient=jon, ward=icu, attending=ada, bed_number=2, status=Status.PRESENT, urgency=Urgency.URGENT,
        admitted_at=moment(5, 2), labels=["isolated"],
    )  # fmt: skip


def pharmacy() -> None:
    amox = Drug.objects.create(
        code="amox", name="amoxicillin", price=Decimal("10.00"), strength=0.5, stock=10, properties={"form": "pill"}
    )
    ibu = Drug.objects.create(code="ibu", name="ibuprofen", price=Decimal("2.50"), stock=5, properties={"form": "pill"})
    Drug.objects.create(
        code="morph", name="morphine", price=Decimal("30.00"), strength=1.0, properties={"form": "fluid"}
    )
    pen = Drug.objects.create(code="pen", name="penicillin", price=Decimal("4.00"), strength=0.25, stock=3)
    amox.conflicts.add(ibu)
    first, second = Admission.objects.order_by("pk")[:2]
    ada, ben = (Clinician.objects.get(license_number=number) for number in ("L1", "L2"))
    one = Prescription.objects.create(admission=first, prescriber=ada, starts=datetime.date(2024, 5, 1), days=3)
    two = Prescription.objects.create(admission=second, prescriber=ben, starts=datetime.date(2024, 4, 1))
    Dose.objects.create(prescription=one, drug=amox, amount=Decimal(2), times_per_day=3)
    Dose.objects.create(prescription=one, drug=ibu, amount=Decimal(1))
    Dose.objects.create(prescription=one, drug=pen, amount=Decimal(1))
    Dose.objects.create(prescription=two, drug=ibu, amount=Decimal(2), times_per_day=2)


def bedside() -> None:
    first, second, *_ = Admission.objects.order_by("pk")
    for hour, pulse in ((10, 80), (11, 95), (12, 130)):
        Measurement.objects.create(
            admission=first, vital=Vital.PULSE, value=Decimal(pulse), taken_at=moment(5, 1, hour),
            took=datetime.timedelta(seconds=hour), device={"maker": "Acme"},
        )  # fmt: skip
    Measurement.objects.create(
        admission=first, vital=Vital.TEMPERATURE, value=Decimal("38.50"), taken_at=moment(5, 1, 13)
    )
    Measurement.objects.create(admission=second, vital=Vital.PULSE, value=Decimal(70), taken_at=moment(4, 1, 11))
    ida, icu = Patient.objects.get(number="P1"), Ward.objects.get(code="icu")
    ada, ben = (Clinician.objects.get(license_number=number) for number in ("L1", "L2"))
    Note.objects.create(subject=first, text="stable", author=ada)
    Note.objects.create(subject=ida, text="calls often")
    Note.objects.create(subject=icu, text="noisy at night", author=ben)


def bills() -> None:
    _, second, third, *_ = Admission.objects.order_by("pk")
    ida, jon = (Patient.objects.get(number=number) for number in ("P1", "P2"))
    public = Insurer.objects.create(code="pub", name="Public", copayment=Decimal(10))
    private = Insurer.objects.create(code="priv", name="Private", is_public=False)
    InsuranceCard.objects.create(patient=ida, insurer=public, number="C1", valid_until=datetime.date(2024, 6, 30))
    InsuranceCard.objects.create(patient=jon, insurer=private, number="C2")
    Invoice.objects.create(
        admission=second, total=Decimal("950.00"), issued=datetime.date(2024, 4, 5), lines=[{"text": "days"}]
    )
    Invoice.objects.create(
        admission=third, total=Decimal("600.00"), issued=datetime.date(2024, 3, 4), paid=datetime.date(2024, 3, 20)
    )
