"""Admissions: from the day that somebody is expected to the day that they leave."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Literal, assert_type, reveal_type

from django.db.models import (
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Max,
    Min,
    Prefetch,
    Q,
    Window,
)
from django.db.models.functions import Now, RowNumber, TruncDate, TruncMonth

import adj
from adj import AsyncQuery, Loaded, q
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    EmergencyAdmission,
    Measurement,
    Patient,
    Status,
    Urgency,
    Ward,
)
from typecheck_tests.application.clinic.services.rows import (
    AdmissionKey,
    Board,
    Chart,
    DetailedAdmission,
    ListedAdmission,
)
from typecheck_tests.application.clinic.services.wards import occupied


class BedTaken(Exception):
    """Somebody lies there."""


def listed() -> AsyncQuery[Admission, ListedAdmission]:
    return q(Admission).select_related("patient", "ward", "attending")


async def present(ward: Ward) -> list[ListedAdmission]:
    return await listed().filter(ward=ward, status=Status.PRESENT).order_by("bed_number").run()


def line(admission: ListedAdmission) -> str:
    attending = admission.attending
    physician = "-" if attending is None else attending.name
    reveal_type(admission.urgency)  # R: int
    return f"{admission.ward.code}/{admission.bed_number}: {admission.patient.name} ({physician})"


def key_of(admission: ListedAdmission) -> AdmissionKey:
    return AdmissionKey(admission.patient.number, admission.ward.code, admission.bed_number)


async def board(code: str) -> Board:
    ward = await occupied().aget(code=code)
    there, expected = await adj.gather(
        present(ward), listed().filter(ward=ward, status=Status.EXPECTED).order_by("admitted_at").run()
    )
    reveal_type(len(expected))  # R: int
    return Board(ward, there, tuple(expected))


async def chart(pk: int) -> Chart:
    measured = Prefetch("measurements", q(Measurement).order_by("taken_at"))
    query = q(Admission).select_related("patient__practitioner", "ward", "attending")
    admission = await query.prefetch_related(measured, "prescriptions__doses__drug").aget(pk=pk)
    reveal_type(admission)
    # R: Admission[TypedDict({'patient'=: Patient[TypedDict({'practitioner'=: Clinician[TypedDict({})]})], 'ward'=: ...
    found = Chart(admission)
    for measurement in admission.measurements.all():
        found.values.setdefault(measurement.vital, []).append(measurement.value)
    for prescription in admission.prescriptions.all():
        for dose in prescription.doses.all():
            reveal_type(dose.drug.name)  # R: str
            if dose.drug.name in admission.patient.allergies:
                found.warnings.append(f"allergic to {dose.drug.name}")
    return found


def warnings_of(admission: DetailedAdmission) -> set[str]:
    drugs = (dose.drug for prescription in admission.prescriptions.all() for dose in prescription.doses.all())
    return {drug.code for drug in drugs} & set(admission.patient.allergies)


async def expect(
    patient: Patient, ward: Ward, moment: datetime.datetime, urgency: Urgency = Urgency.PLANNED
) -> Admission:
    admission = await q(Admission).acreate(patient=patient, ward=ward, admitted_at=moment, urgency=urgency)
    assert_type(admission, Admission)
    reveal_type(admission.status)  # R: str
    return admission


async def arrive(admission: Admission, bed_number: int, attending: Clinician | None = None) -> Admission:
    """Put somebody into a bed, unless it is taken."""
    async with adj.atomic():
        ward = await q(Ward).select_for_update().aget(pk=admission.ward_id)
        taken = q(ward.admissions).filter(status=Status.PRESENT, bed_number=bed_number).exclude(pk=admission.pk)
        if await taken.aexists():
            raise BedTaken(ward.code)
        admission.status = Status.PRESENT
        admission.bed_number = bed_number
        admission.attending = attending
        await adj.save(admission, update_fields=["status", "bed_number", "attending"])
    return admission


async def discharge(admissions: Sequence[Admission], moment: datetime.datetime) -> list[tuple[int, int]]:
    query = q(Admission).filter(pk__in=[admission.pk for admission in admissions])
    rows = await query.returning("pk", "ward").aupdate(status=Status.DISCHARGED, discharged_at=moment, bed_number=None)
    return reveal_type(sorted(rows))  # R: list[tuple[int, int]]


async def emergencies() -> list[str]:
    """The manager joins the patients."""
    rows = await q(EmergencyAdmission.emergencies).order_by("pk").run()
    reveal_type([row.patient.name for row in rows])  # R: list[str]
    return [row.patient.name for row in rows]


async def by_status() -> dict[str, int]:
    rows = await q(Admission).values_list("status").annotate(n=Count("pk")).order_by("status").run()
    reveal_type(rows)  # R: list[tuple[str, int]]
    return dict(rows)


async def lengths_of_stay() -> dict[str, datetime.timedelta | None]:
    stay = ExpressionWrapper(F("discharged_at") - F("admitted_at"), output_field=DurationField())
    query = q(Admission).filter(status=Status.DISCHARGED).annotate(stay=stay)
    found: dict[str, datetime.timedelta | None] = {}
    async for admission in query.select_related("patient").order_by("pk"):
        reveal_type(admission.stay)  # R: datetime.timedelta | None
        found[admission.patient.number] = admission.stay
    return found


async def mean_stay() -> datetime.timedelta | None:
    stay = ExpressionWrapper(F("discharged_at") - F("admitted_at"), output_field=DurationField())
    totals = await q(Admission).aaggregate(mean=Avg(stay), first=Min("admitted_at"), last=Max("admitted_at"))
    reveal_type(totals)
    # R: TypedDict({'mean': datetime.timedelta | None, 'first': datetime.datetime | None, 'last': datetime.datetime ...
    return totals["mean"]


async def per_month() -> list[tuple[datetime.datetime, int]]:
    month = TruncMonth("admitted_at")
    rows = await q(Admission).values_list(month).annotate(n=Count("pk")).order_by("-n").run()
    reveal_type(rows)  # R: list[tuple[datetime.datetime, int]]
    return [(moment, n) for moment, n in rows if moment is not None]


async def days() -> list[datetime.date]:
    return reveal_type(await q(Admission).dates("admitted_at", "day").run())  # R: list[datetime.date]


async def hours() -> list[datetime.datetime]:
    return reveal_type(await q(Admission).datetimes("admitted_at", "hour", order="DESC").run())
    # R: list[datetime.datetime]


async def numbered() -> list[tuple[str, int]]:
    """The stays of each patient, counted."""
    number = Window(RowNumber(), partition_by=[F("patient")], order_by=F("admitted_at").asc())
    query = (
        q(Admission).annotate(stay_number=number).select_related("patient").order_by("patient__number", "stay_number")
    )
    rows = await query.run()
    reveal_type(rows[0].stay_number)  # R: int
    return [(row.patient.number, row.stay_number) for row in rows]


async def with_urgent_stays() -> dict[str, int]:
    urgent = FilteredRelation("admissions", condition=Q(admissions__urgency__gte=Urgency.URGENT))
    query = q(Patient).annotate(urgent=urgent).annotate(n=Count("urgent")).filter(n__gt=0).order_by("number")
    return {row.number: row.n for row in await query.run()}


async def previous(admission: Admission) -> Admission | None:
    """The patient's stay before this one."""
    query = q(Admission).filter(patient=admission.patient_id, admitted_at__lt=admission.admitted_at)
    return await query.order_by("-admitted_at").afirst()


async def chain_of_stays(admission: Admission) -> list[Admission]:
    """All the stays before; a loop that ends where there is none."""
    found = [admission]
    latest = await previous(admission)
    while latest is not None:
        found.append(latest)
        latest = await previous(latest)
    return found


async def latest_of(ward: Ward) -> Admission | None:
    if not await q(ward.admissions).aexists():
        return None
    latest = await q(ward.admissions).select_related("patient").alatest()
    reveal_type(latest.patient.name)  # R: str
    reveal_type(latest.ward.code)  # R: str
    return latest


async def rounds(wards: Sequence[Ward]) -> list[str]:
    """Everybody whom a physician sees: the urgent ones of each ward first, then the others."""
    urgent = await q(Admission).filter(urgency__gt=Urgency.PLANNED, ward__in=wards).select_related("patient").run()
    others = await q(Admission).filter(urgency=Urgency.PLANNED, ward__in=wards).select_related("patient", "ward").run()
    waiting = deque(urgent)
    waiting.extend(others)
    names: list[str] = []
    while waiting:
        names.append(waiting.popleft().patient.name)
    assert [row.patient.name for row in chain(urgent, others)] == names
    return names


async def everything_about(number: str) -> list[Admission]:
    """Rows of several queries in one list, which a later one replaces."""
    rows = await q(Admission).filter(patient__number=number).select_related("ward").run()
    open_ones = await q(Admission).filter(patient__number=number, discharged_at=None).run()
    rows += [row for row in open_ones if row not in rows]
    counted = await q(Admission).annotate(n=Count("prescriptions")).filter(n__gt=0, patient__number=number).run()
    rows.extend(row for row in counted if row not in rows)
    best = rows[0]
    for row in counted:
        if row.n > 1:
            best = row
    return sorted({*rows, best}, key=lambda row: row.pk)


async def attended_by(clinician: Clinician) -> list[str]:
    rows = await q(clinician.attended).select_related("patient").order_by("pk").run()
    reveal_type(rows)  # R: list[Admission[TypedDict({'attending'=: Clinician, 'patient'=: Patient[TypedDict({})]})]]
    for row in rows:
        reveal_type(row.patient.number)  # R: str
    return [f"{row.patient.number} by {row.attending.name}" for row in rows if row.attending is not None]


async def today() -> list[tuple[str, datetime.date]]:
    query = q(Admission).filter(admitted_at__lte=Now()).annotate(day=TruncDate("admitted_at")).order_by("day", "pk")
    rows = await query.values_list("patient__number", "day").run()
    return reveal_type(rows)  # R: list[tuple[str, datetime.date]]


async def label(admissions: Sequence[Admission], text: str) -> int:
    for admission in admissions:
        admission.labels = [*admission.labels, text]
    return await q(Admission).abulk_update(admissions, ["labels"])


async def labeled(*texts: str) -> list[int]:
    rows = await q(Admission).filter(labels__contains=list(texts)).order_by("pk").values_list("pk", flat=True).run()
    return reveal_type(rows)  # R: list[int]


async def keys(admissions: AsyncQuery[Admission, ListedAdmission]) -> set[AdmissionKey]:
    return {key_of(admission) async for admission in admissions}


def patient_name(admission: Loaded[Admission, Literal["patient"]]) -> str:
    """Needs less than others have."""
    return admission.patient.name


async def names_of_rows(pk: int) -> tuple[str, str]:
    """One function takes rows of different queries."""
    listed_row = await listed().aget(pk=pk)
    joined = await q(Admission).select_related("patient").aget(pk=pk)
    assert listed_row == joined
    return patient_name(listed_row), patient_name(joined)


async def present_by_manager() -> list[int]:
    rows = await Admission.found.present().filter(ward__floor__gte=0).order_by("pk").run()
    reveal_type(rows[0].pk)  # R: int
    return [row.pk for row in rows]


async def prescribed() -> dict[int, int]:
    query = q(Admission.objects.with_counts()).filter(prescription_count__gte=1).order_by("pk")
    return dict(await query.values_list("pk", "prescription_count").run())
