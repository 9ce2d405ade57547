"""Writes of many rows: what other systems send."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar, reveal_type

from django.db import IntegrityError
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Case, F, IntegerField, Value, When

import adj
from adj import q
from typecheck_tests.application.clinic.models import (
    Bed,
    Clinician,
    Drug,
    Grade,
    Insurer,
    Named,
    Patient,
    Posting,
    Specialty,
    Ward,
)

N = TypeVar("N", bound=Named)


class Line(NamedTuple):
    """A line of the file with the staff."""

    license_number: str
    name: str
    born: datetime.date
    grade: Grade


class Refused(Exception):
    """The file is wrong; nothing was written."""


async def make_ward(code: str, name: str, floor: int, beds: int, *, specialty: Specialty = Specialty.SURGERY) -> Ward:
    async with adj.atomic():
        ward = await q(Ward).acreate(
            code=code, name=name, floor=floor, specialty=specialty, daily_rate=Decimal("250.50")
        )
        rows = [Bed(ward=ward, number=number, equipment=["lamp"]) for number in range(1, beds + 1)]
        written = await q(Bed).abulk_create(rows)
        reveal_type(written)  # R: list[Bed]
    return ward


async def staff(lines: Iterable[Line]) -> dict[str, bool]:
    """New clinicians, and what is known of the others."""
    found: dict[str, bool] = {}
    for line in lines:
        clinician, is_new = await q(Clinician).aupdate_or_create(
            license_number=line.license_number,
            defaults={"name": line.name, "grade": line.grade},
            create_defaults={"name": line.name, "grade": line.grade, "born": line.born, "skills": []},
        )
        reveal_type(clinician)  # R: Clinician
        found[clinician.license_number] = is_new
    return found


async def supervise(pairs: Mapping[str, str]) -> int:
    """Set the supervisors of many clinicians with one query."""
    keys = await q(Clinician).filter(license_number__in=[*pairs, *pairs.values()]).ain_bulk(field_name="license_number")
    reveal_type(keys)  # R: dict[str, Clinician[TypedDict({})]]
    cases = [When(license_number=trainee, then=Value(keys[chief].pk)) for trainee, chief in pairs.items()]
    query = q(Clinician).filter(license_number__in=list(pairs))
    return await query.aupdate(supervisor=Case(*cases, output_field=IntegerField()))


async def insurers(names: Sequence[str]) -> list[Insurer]:
    """Those that are new; the others stay as they are."""
    rows = [Insurer(code=name.lower(), name=name) for name in names]
    await q(Insurer).abulk_create(rows, ignore_conflicts=True)
    return await q(Insurer).filter(code__in=[row.code for row in rows]).order_by("code").run()


async def all_or_nothing(drugs: Sequence[Drug]) -> int:
    try:
        async with adj.atomic():
            written = await q(Drug).abulk_create(drugs, batch_size=2)
    except IntegrityError as error:
        raise Refused(str(error)) from error
    return len(written)


async def savepoints(codes: Sequence[str]) -> list[str]:
    """Lines that are wrong are left out."""
    kept: list[str] = []
    async with adj.atomic():
        for code in codes:
            try:
                async with adj.atomic():
                    drug = await q(Drug).acreate(code=code, name=code.title(), price=Decimal(1))
            except IntegrityError:
                continue
            kept.append(drug.code)
    return kept


async def copy_measurements(lines: AsyncIterator[tuple[str, str, Decimal]]) -> int:
    return await q(Drug).acopy(lines, fields=("code", "name", "price"), batch_size=2)


async def by_code(model: type[N], codes: Iterable[str]) -> dict[str, N]:
    rows = await q(model).filter(code__in=list(codes)).order_by("code").run()
    return {row.code: row for row in rows}


async def post_all(pairs: Iterable[tuple[str, str]], start: datetime.date) -> int:
    """Put clinicians on wards; the models are found by their codes first."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for license_number, code in pairs:
        grouped[code].append(license_number)
    wards = await by_code(Ward, grouped)
    rows: list[Posting] = []
    for code, ward in wards.items():
        for clinician in await q(Clinician).filter(license_number__in=grouped[code]).order_by("license_number").run():
            rows.append(Posting(clinician=clinician, ward=ward, during=DateRange(start, None), share=1.0))
    created = await q(Posting).abulk_create(
        rows, update_conflicts=True, unique_fields=["clinician", "ward"], update_fields=["during", "share"]
    )
    return len(created)


async def move_up(wards: Sequence[Ward]) -> list[tuple[str, int]]:
    keys = [ward.pk for ward in wards]
    rows = await q(Ward).filter(pk__in=keys).returning("code", "floor").aupdate(floor=F("floor") + 1)
    return reveal_type(sorted(rows))  # R: list[tuple[str, int]]


async def set_practitioners(pairs: Mapping[Patient, Clinician]) -> int:
    for patient, clinician in pairs.items():
        patient.practitioner = clinician
    return await q(Patient).abulk_update(list(pairs), ["practitioner"])


@adj.atomic
async def rename_everywhere(old: str, new: str) -> int:
    """A decorated function is a transaction."""
    changed = await q(Patient).filter(name=old).aupdate(name=new)
    changed += await q(Clinician).filter(name=old).aupdate(name=new)
    return reveal_type(changed)  # R: int


async def hooked(code: str, calls: list[str]) -> None:
    async with adj.atomic():
        await q(Insurer).filter(code=code).aupdate(is_public=False)
        await adj.on_commit(lambda: calls.append(code))
