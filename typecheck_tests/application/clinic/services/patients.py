"""Patients: who they are, how often they come, and how they are insured."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import reveal_type

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, ExtractYear, Floor, Length, Lower

import adj
from adj import AsyncQuery, Page, q
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    InsuranceCard,
    Insurer,
    Patient,
    PatientQuerySet,
    Person,
    Status,
)
from typecheck_tests.application.clinic.services.rows import History, InsuredPatient, PatientLine, Regular


class PatientQuery(AsyncQuery[Patient, Patient]):
    """A query class of the project."""

    def living_in(self, city: str) -> AsyncQuery[Patient, Patient]:
        return self.filter(address__city=city)

    def with_stays(self) -> AsyncQuery[Patient, Regular]:
        return self.annotate(stays=Count("admissions"))


async def register(number: str, name: str, born: datetime.date, *, allergies: Sequence[str] = ()) -> Patient:
    patient = await q(Patient).acreate(number=number, name=name, born=born, allergies=list(allergies))
    reveal_type(patient)  # R: Patient
    reveal_type(patient.allergies)  # R: list[str]
    return patient


async def by_number(number: str) -> Patient | None:
    return await q(Patient).filter(number__iexact=number).afirst()


async def lines() -> list[PatientLine]:
    return await q(Patient).order_by("number").values("number", "name", "practitioner__name").run()


async def allergic(substance: str) -> list[str]:
    query = q(Patient.objects.allergic_to(substance)).filter(born__year__gt=1900).order_by("name")
    return [patient.name async for patient in query]


async def allergic_by_manager(*substances: str) -> list[Patient]:
    found = Patient.found.filter(allergies__overlap=list(substances)).order_by("number")
    rows = await found.run()
    reveal_type(rows)  # R: list[Patient]
    return [*rows]


async def number_of_allergies() -> dict[str, int | None]:
    rows = await q(Patient).order_by("number").values_list("number", "allergies__len", "allergies__0").run()
    reveal_type(rows)  # R: list[tuple[str, int, str | None]]
    return {number: count for number, count, _ in rows}


def regulars() -> AsyncQuery[Patient, Regular]:
    return PatientQuery.of(q(Patient)).with_stays().filter(stays__gte=2)


async def regular_names() -> list[str]:
    return [f"{patient.name}: {patient.stays}" for patient in await regulars().order_by("-stays", "name").run()]


def histories() -> AsyncQuery[Patient, History]:
    return q(Patient).annotate(stays=Count("admissions"), last_stay=Max("admissions__admitted_at"))


async def history(number: str) -> History:
    return await histories().aget(number=number)


def describe(patient: Regular) -> str:
    """A patient with a history is a regular, too."""
    return f"{patient.number} ({patient.stays})"


async def described() -> list[str]:
    rows = await histories().order_by("number").run()
    reveal_type(rows[0].last_stay)  # R: datetime.datetime | None
    return [describe(row) for row in rows if row.last_stay is not None]


async def longest_absent(since: datetime.datetime) -> list[History]:
    """Those who have not come since then; accumulated by hand."""
    found: list[History] = []
    async for patient in histories().order_by("last_stay", "number"):
        if patient.last_stay is None or patient.last_stay < since:
            found.append(patient)
    return found


async def insured(number: str) -> InsuredPatient:
    return await q(Patient).select_related("card__insurer").aget(number=number)


def insurer_of(patient: InsuredPatient) -> Insurer | None:
    try:
        return patient.card.insurer
    except ObjectDoesNotExist:
        return None


async def uninsured() -> list[str]:
    cards = q(InsuranceCard).filter(patient=OuterRef("pk"))
    query = q(Patient).filter(~Exists(cards)).order_by("number")
    return reveal_type(await query.values_list("number", flat=True).run())  # R: list[str]


async def expired(day: datetime.date) -> list[tuple[str, str, datetime.date | None]]:
    query = q(InsuranceCard).filter(valid_until__lt=day).select_related("patient", "insurer")
    found: list[tuple[str, str, datetime.date | None]] = []
    for card in await query.order_by("number").run():
        reveal_type(card)
        # R: InsuranceCard[TypedDict({'patient'=: Patient[TypedDict({})], 'insurer'=: Insurer[TypedDict({})]})]
        reveal_type(card.patient.name)  # R: str
        found.append((card.patient.name, card.insurer.name, card.valid_until))
    return found


async def insure(patient: Patient, insurer: Insurer, number: str) -> InsuranceCard:
    card, is_new = await q(InsuranceCard).aget_or_create(
        patient=patient, defaults={"insurer": insurer, "number": number, "valid_until": None}
    )
    if not is_new and card.insurer_id != insurer.pk:
        card.insurer = insurer
        card.number = number
        await adj.save(card, update_fields=["insurer", "number"])
    return card


async def by_city() -> dict[str, int]:
    rows = q(Patient).annotate(city=KT("address__city")).values("city").annotate(n=Count("pk")).order_by("-n", "city")
    found: dict[str, int] = {}
    for row in await rows.run():
        reveal_type(row)  # R: TypedDict({'city': str | None, 'n': int})
        found[str(row["city"])] = row["n"]
    return found


async def born_by_decade() -> list[tuple[int, int]]:
    decade = Floor(ExtractYear("born") / 10) * 10
    query = q(Patient).annotate(decade=decade).values("decade").annotate(n=Count("pk")).order_by("decade")
    rows = await query.values_list("decade", "n").run()
    return reveal_type(rows)  # R: list[tuple[int, int]]


async def named_tuples() -> list[str]:
    rows = (
        await q(Patient)
        .order_by("number")
        .values_list("number", Lower("name"), "practitioner__grade", named=True)
        .run()
    )
    for row in rows:
        reveal_type(row.number)  # R: str
        reveal_type(row.lower1)  # R: str
        reveal_type(row.practitioner__grade)  # R: int | None
    return [f"{row.number} {row.lower1}" for row in rows]


async def page_of_patients(cursor: str | None = None) -> Page[Patient]:
    page = await q(Patient).select_related("practitioner").order_by("name", "pk").page(3, after=cursor)
    reveal_type(page.next)  # R: str | None
    reveal_type(page.has_previous)  # R: bool
    for patient in page:
        practitioner = patient.practitioner
        reveal_type(None if practitioner is None else practitioner.license_number)  # R: None | str
    return page


async def all_names() -> AsyncIterator[str]:
    async with q(Patient).order_by("name").values_list("name", flat=True).stream() as names:
        async for name in names:
            yield reveal_type(name)  # R: str


async def with_open_stays(queryset: QuerySet[Patient]) -> list[Patient]:
    """A QuerySet from somewhere else, as from a filter set of a view."""
    open_stays = Prefetch("admissions", q(Admission).exclude(status=Status.DISCHARGED).select_related("ward"))
    rows = await q(queryset).prefetch_related(open_stays).order_by("number").run()
    for patient in rows:
        for admission in patient.admissions.all():
            reveal_type(admission.ward.name)  # R: str
    return rows


async def open_stays_of(patient: Patient) -> list[str]:
    query = q(patient.admissions).exclude(status=Status.DISCHARGED).select_related("ward").order_by("pk")
    return [f"{admission.patient.name}: {admission.ward.name}" for admission in await query.run()]


async def practitioner_of(patient: Patient) -> Clinician | None:
    loaded = await adj.load(patient, "practitioner__supervisor")
    reveal_type(loaded)  # R: Patient
    practitioner = loaded.practitioner
    if practitioner is None:
        return None
    reveal_type(practitioner.name)  # R: str
    return practitioner.supervisor or practitioner


async def loaded_later(rows: Iterable[Patient]) -> dict[str, list[str]]:
    found = await adj.load(list(rows), "card", "admissions__ward")
    reveal_type(found)  # R: list[Patient]
    wards: dict[str, list[str]] = {}
    for patient in found:
        wards[patient.number] = [admission.ward.code for admission in patient.admissions.all()]
    return wards


async def everyone() -> list[str]:
    """Patients and clinicians, from the table that they share."""
    people = await q(Person).select_related("patient", "clinician").order_by("name").run()
    names: list[str] = []
    for person in people:
        try:
            names.append(f"{person.name}: patient {person.patient.number}")
        except ObjectDoesNotExist:
            names.append(f"{person.name}: clinician {person.clinician.license_number}")
    return names


async def contact_sheet() -> list[tuple[str, str]]:
    patients = q(Patient).exclude(email=None).values_list("name", Coalesce("email", Value("-")))
    clinicians = q(Clinician).exclude(email=None).values_list("name", Coalesce("email", Value("-")))
    rows = await patients.union(clinicians, all=True).order_by("name").run()
    return reveal_type(rows)  # R: list[tuple[str, str]]


async def long_names(limit: int) -> list[str]:
    query = q(Patient).alias(length=Length("name")).filter(length__gt=limit).order_by("-length", "name")
    rows = await query.only("name").run()
    reveal_type(rows)
    # R: list[Patient[TypedDict({'-address'=: None, '-allergies'=: None, '-born'=: None, '-changed_at'=: None, '-cre ...
    return [patient.name for patient in rows]


async def merge(kept: Patient, dropped: Patient) -> int:
    """Two records of one person become one."""
    async with adj.atomic():
        moved = await q(dropped.admissions).aupdate(patient=kept)
        allergies = sorted({*kept.allergies, *dropped.allergies})
        await q(Patient).filter(pk=kept.pk).aupdate(allergies=allergies, practitioner=F("practitioner"))
        await adj.delete(dropped)
    await adj.refresh(kept)
    return moved


async def search(text: str, *, born: datetime.date | None = None, city: str | None = None) -> list[Patient]:
    """A search whose conditions are added one by one."""
    query = q(Patient).filter(Q(name__icontains=text) | Q(number__startswith=text))
    if born is not None:
        query = query.filter(born=born)
    if city is not None:
        query = query.filter(address__city__icontains=city)
    query = query.select_related("practitioner")
    rows = await query.order_by("name").run()
    reveal_type([patient.practitioner.name for patient in rows if patient.practitioner is not None])  # R: list[str]
    return rows


async def counted_by_queryset(queryset: PatientQuerySet) -> list[tuple[str, int]]:
    rows = (
        await q(queryset.with_stays())
        .filter(stays__gte=1)
        .order_by("-stays", "number")
        .values_list("number", "stays")
        .run()
    )
    reveal_type(rows)  # R: list[tuple[str, Any]]
    return [(number, stays) for number, stays in rows]


async def first_stays() -> dict[str, datetime.datetime]:
    rows = await q(Patient.objects.with_first_stay()).exclude(first_stay=None).order_by("first_stay").run()
    reveal_type(rows[0].first_stay)  # R: datetime.datetime | None
    return {row.number: row.first_stay for row in rows if row.first_stay is not None}


async def latest(fallback: Patient) -> Patient:
    newest = await q(Patient).order_by("-created_at", "-pk").afirst()
    newest = newest or fallback
    return newest


async def oldest_of(numbers: Iterable[str]) -> Patient | None:
    """The oldest of several patients, fetched one at a time."""
    oldest: Patient | None = None
    for number in numbers:
        patient = await q(Patient).select_related("practitioner").aget_or_none(number=number)
        if patient is not None and (oldest is None or patient.born < oldest.born):
            oldest = patient
    return oldest
