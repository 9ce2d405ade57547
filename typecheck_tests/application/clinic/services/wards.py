"""Wards: who lies there, who works there, which beds are free."""

from __future__ import annotations

import datetime
from collections import defaultdict
from decimal import Decimal
from typing import assert_type, reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat, Upper

import adj
from adj import AsyncQuery, q
from typecheck_tests.application.clinic.models import Admission, Bed, Clinician, Posting, Specialty, Status, Ward
from typecheck_tests.application.clinic.services.rows import BusyWard, StaffedWard, WardLine


def occupied() -> AsyncQuery[Ward, BusyWard]:
    """The wards with the number of patients that are there now."""
    return q(Ward).annotate(occupied=Count("admissions", filter=Q(admissions__status=Status.PRESENT)))


def crowded(wards: AsyncQuery[Ward, BusyWard], limit: int) -> AsyncQuery[Ward, BusyWard]:
    """Those of some wards where too many patients are."""
    return wards.filter(occupied__gte=limit).order_by("-occupied", "name")


async def list_of_wards() -> list[WardLine]:
    return await occupied().order_by("code").values("code", "name", "occupied").run()


async def busiest() -> BusyWard | None:
    found = await occupied().order_by("-occupied").afirst()
    if found is None:
        return None
    reveal_type(found.occupied)  # R: int
    reveal_type(found.daily_rate)  # R: Decimal
    reveal_type(found.opened)  # R: datetime.date | None
    return found


async def of_specialty(specialty: Specialty) -> list[str]:
    rows = await q(Ward.objects.of(specialty)).filter(floor__gte=0).order_by("name").run()
    reveal_type(rows[0].specialty)  # R: str
    return [row.name for row in rows]


async def occupancy_by_queryset() -> dict[str, int]:
    rows = await q(Ward.objects.with_occupancy()).order_by("code").values_list("code", "occupied").run()
    found: dict[str, int] = {}
    for code, number in rows:
        found[code] = number
    return found


async def bed_counts() -> dict[str, int]:
    rows = await q(Ward.counted).order_by("-bed_count").run()
    reveal_type(rows)  # R: list[Ward@adj[TypedDict({'bed_count'=: int})]]
    return {ward.code: ward.bed_count for ward in rows}


async def free_beds(ward: Ward) -> list[int]:
    """The numbers of the free beds."""
    taken = q(Admission).filter(ward=OuterRef("ward"), bed_number=OuterRef("number"), status=Status.PRESENT)
    free = q(ward.beds).filter(~Exists(taken)).order_by("number")
    numbers = await free.values_list("number", flat=True).run()
    return reveal_type(numbers)  # R: list[int]


async def bed(ward: Ward, number: int) -> Bed | None:
    found = await q(Bed).select_related("ward").aget_or_none(pk=(ward.pk, number))
    if found is not None:
        reveal_type(found.pk)  # R: Any
        reveal_type(found.ward.name)  # R: str
        reveal_type(found.equipment)  # R: Any
    return found


async def beds_by_key(ward: Ward) -> list[tuple[tuple[int, int], bool]]:
    rows = await q(Bed).filter(ward=ward).order_by("number").values_list("pk", "is_isolated").run()
    return reveal_type(rows)  # R: list[tuple[tuple[int, int], bool]]


async def staffed(day: datetime.date) -> list[StaffedWard]:
    """The wards with those who work there on a day."""
    on_duty = q(Clinician).filter(postings__during__contains=day).select_related("supervisor").order_by("name")
    crew = Prefetch("clinicians", on_duty.distinct(), to_attr="crew")
    rows = q(Ward).prefetch_related(crew).order_by("name")
    reveal_type(await rows.run())
    # R: list[Ward@adj[TypedDict({'crew'=: list[Clinician[TypedDict({'supervisor'=: Clinician[TypedDict({})]})]]})]]
    return await rows.run()


async def roster(day: datetime.date) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ward in await staffed(day):
        lines = found.setdefault(ward.code, [])
        for clinician in ward.crew:
            reveal_type(clinician.grade)  # R: int
            supervisor = clinician.supervisor
            lines.append(clinician.name if supervisor is None else f"{clinician.name} ({supervisor.name})")
    return found


async def heads() -> dict[str, str]:
    """The heads of the wards, by code."""
    postings = await q(Posting).filter(is_head=True).select_related("ward", "clinician").order_by("ward__code").run()
    reveal_type([posting.during for posting in postings])  # R: list[Any]
    return {posting.ward.code: posting.clinician.name for posting in postings}


async def post(clinician: Clinician, ward: Ward, start: datetime.date, end: datetime.date | None) -> Posting:
    posting, is_new = await q(Posting).aupdate_or_create(
        clinician=clinician, ward=ward, defaults={"during": DateRange(start, end), "share": 0.5}
    )
    reveal_type(is_new)  # R: bool
    assert_type(posting, Posting)
    return posting


async def postings_that_overlap(start: datetime.date, end: datetime.date) -> list[tuple[str, str]]:
    query = q(Posting).filter(during__overlap=DateRange(start, end), share__gt=0.25)
    rows = query.order_by("clinician__name", "ward__code").values_list("clinician__name", "ward__code")
    return reveal_type(await rows.run())  # R: list[tuple[str, str]]


async def signs() -> list[str]:
    """What stands on the doors."""
    text = Concat(Upper("code"), Value(": "), "name")
    rows = await q(Ward).annotate(sign=text).order_by("sign").run()
    reveal_type(rows[0].sign)  # R: str
    return [ward.sign for ward in rows]


async def sizes() -> dict[str, str]:
    size = Case(
        When(bed_count__gte=3, then=Value("large")), When(bed_count=2, then=Value("middle")), default=Value("small")
    )
    rows = await q(Ward.counted).annotate(size=size).values("code", "size").order_by("code").run()
    reveal_type(rows)  # R: list[TypedDict({'code': str, 'size': str})]
    return {row["code"]: row["size"] for row in rows}


async def daily_income() -> Decimal:
    """What the wards earn a day."""
    income = ExpressionWrapper(F("ward__daily_rate") * 1, output_field=Ward._meta.get_field("daily_rate"))
    found = await q(Admission).filter(status=Status.PRESENT).aaggregate(total=Sum(income))
    total = await q(Admission).filter(status=Status.PRESENT).aaggregate(total=Sum("ward__daily_rate"))
    reveal_type(total)  # R: TypedDict({'total': Decimal | None})
    assert found["total"] == total["total"]
    return total["total"] or Decimal(0)


async def skills_by_ward() -> dict[str, list[str]]:
    rows = await q(Ward).annotate(licenses=ArrayAgg("clinicians__license_number", distinct=True)).order_by("code").run()
    return {ward.code: sorted(each for each in ward.licenses if each) for ward in rows}


async def newest_patients() -> list[tuple[str, str | None]]:
    """The wards with the patient who came last."""
    last = q(Admission).filter(ward=OuterRef("pk")).order_by("-admitted_at").values("patient__name")[:1]
    rows = await q(Ward).annotate(newest=Subquery(last)).order_by("code").values_list("code", "newest").run()
    return reveal_type(rows)  # R: list[tuple[str, str | None]]


async def numbers_of_wards() -> dict[str, dict[str, int]]:
    """How many stays each ward has, by status."""
    table: defaultdict[str, dict[str, int]] = defaultdict(dict)
    counted = q(Admission).values("ward__code", "status").annotate(n=Count("pk")).order_by("ward__code", "status")
    async for row in counted:
        reveal_type(row)  # R: TypedDict({'ward__code': str, 'status': str, 'n': int})
        table[row["ward__code"]][row["status"]] = row["n"]
    return dict(table)


async def beds_left(limit: int) -> list[Ward]:
    """The wards with many unused beds; a plain list for callers that know nothing of annotations."""
    used = q(Admission).filter(ward=OuterRef("pk"), status=Status.PRESENT).order_by().values("ward")
    number = Subquery(used.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    wards = q(Ward.counted).annotate(left=F("bed_count") - Coalesce(number, 0))
    return await wards.filter(left__gte=limit).order_by("-left", "code").run()


async def close_ward(ward: Ward, successor: Ward) -> int:
    """Move everybody to another ward."""
    async with adj.atomic():
        locked = await q(Ward).select_for_update().aget(pk=ward.pk)
        moved = await adj.related(locked, "admissions").aupdate(ward=successor, bed_number=None)
        await adj.related(locked, "postings").adelete()
        beds = await q(Bed).filter(ward=locked).returning("number", "is_isolated").adelete()
        reveal_type(beds)  # R: list[tuple[int, bool]]
        await adj.related(locked, "clinicians").aclear()
    return reveal_type(moved)  # R: int


async def transfer_crew(source: Ward, target: Ward, day: datetime.date) -> list[str]:
    crew = await adj.related(source, "clinicians").order_by("name").run()
    reveal_type(crew[0].license_number)  # R: str
    during = {"during": DateRange(day, None)}
    await adj.related(target, "clinicians").aadd(*crew, through_defaults=during)
    await adj.related(source, "clinicians").aremove(*crew)
    return [clinician.name for clinician in await q(target.clinicians).order_by("name").run()]
