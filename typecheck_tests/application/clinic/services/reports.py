"""Reports for the board of the hospital: what services build with their own classes."""

from __future__ import annotations

import datetime
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, Literal, Self, TypeAlias, TypedDict, TypeVar, reveal_type

from django.db.models import Avg, Count, Exists, F, Max, Model, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

import adj
from adj import AsyncQuery, Loaded, Page, RelatedQuery, q
from typecheck_tests.application.clinic.models import (
    Admission,
    Clinician,
    Drug,
    EmergencyAdmission,
    Grade,
    Invoice,
    Patient,
    Posting,
    Status,
    Urgency,
    Ward,
)

R = TypeVar("R")
M = TypeVar("M", bound=Model)


class Load(TypedDict):
    """The annotations of a clinician's row."""

    open_stays: int
    last_seen: datetime.datetime | None


Worker: TypeAlias = Loaded[Clinician, Load]
SupervisedWorker: TypeAlias = Loaded[Clinician, Literal["supervisor"], Load]


class AdmissionQuery(AsyncQuery[Admission, Admission]):
    """A query class whose methods return queries of the same class."""

    def present(self) -> Self:
        return self.filter(status=Status.PRESENT)

    def urgent(self, least: Urgency = Urgency.URGENT) -> Self:
        return self.filter(urgency__gte=least).order_by("-urgency", "admitted_at")

    def on(self, ward: Ward) -> Self:
        return self.filter(ward=ward)


@dataclass(frozen=True)
class Section(Generic[R]):
    """A part of a report: a title, and rows of some type."""

    title: str
    rows: tuple[R, ...]

    def map(self, function: Callable[[R], str]) -> list[str]:
        return [function(row) for row in self.rows]


@dataclass
class Workload:
    """The open stays of clinicians."""

    workers: list[Worker] = field(default_factory=list)
    by_grade: dict[int, list[Worker]] = field(default_factory=dict)

    def add(self, worker: Worker) -> None:
        self.workers.append(worker)
        self.by_grade.setdefault(worker.grade, []).append(worker)

    def busiest(self) -> Worker | None:
        return max(self.workers, key=lambda worker: worker.open_stays, default=None)


async def section(title: str, query: AsyncQuery[Model, R]) -> Section[R]:
    """The rows of any query, whatever their type."""
    return Section(title, tuple(await query.run()))


def workers() -> AsyncQuery[Clinician, Worker]:
    open_stays = Count("attended", filter=Q(attended__discharged_at__isnull=True), distinct=True)
    return q(Clinician).annotate(open_stays=open_stays, last_seen=Max("attended__admitted_at"))


async def workload(least: Grade) -> Workload:
    found = Workload()
    async for worker in workers().filter(grade__gte=least).order_by("name"):
        found.add(worker)
    return found


def introduce(worker: SupervisedWorker) -> str:
    supervisor = worker.supervisor
    return f"{worker.name} ({worker.open_stays}) of {supervisor.name if supervisor else 'no one'}"


async def introductions() -> list[str]:
    rows = await workers().select_related("supervisor").order_by("name").run()
    reveal_type(rows[0].open_stays)  # R: int
    reveal_type(rows[0].last_seen)  # R: datetime.datetime | None
    return [introduce(row) for row in rows]


async def sections() -> list[str]:
    wards = await section("wards", q(Ward).order_by("code").values_list("code", "floor"))
    people = await section("patients", q(Patient).order_by("number").values("number", "name"))
    drugs = await section("drugs", q(Drug).order_by("code").values_list("code", flat=True))
    reveal_type(wards)  # R: Section[tuple[str, int]]
    reveal_type(people.rows)  # R: tuple[TypedDict({'number': str, 'name': str}), ...]
    reveal_type(drugs.rows)  # R: tuple[str, ...]
    return [
        *wards.map(lambda row: f"{row[0]} on {row[1]}"),
        *people.map(lambda row: f"{row['number']} {row['name']}"),
        *drugs.map(str.upper),
    ]


async def urgent(ward: Ward) -> list[str]:
    query = AdmissionQuery.of(q(Admission)).present().urgent().on(ward)
    rows = await query.select_related("patient").run()
    return [row.patient.name for row in rows]


async def counted(urgency: Urgency) -> int:
    return await AdmissionQuery.of(q(Admission)).urgent(urgency).acount()


async def turnover() -> OrderedDict[datetime.date, Decimal]:
    """What was billed in each month."""
    months = (
        q(Invoice).annotate(month=TruncMonth("issued")).values("month").annotate(total=Sum("total")).order_by("month")
    )
    found: OrderedDict[datetime.date, Decimal] = OrderedDict()
    for row in await months.run():
        reveal_type(row)  # R: TypedDict({'month': datetime.date, 'total': Decimal})
        found[row["month"]] = row["total"]
    return found


async def grades() -> Counter[int]:
    rows = await q(Clinician).values_list("grade", flat=True).run()
    return Counter(rows)


async def best_paid_ward() -> Ward | None:
    """In a loop; each ward has its query."""
    best: Ward | None = None
    most = Decimal(-1)
    for ward in await q(Ward).order_by("code").run():
        found = await q(Invoice).filter(admission__ward=ward).aaggregate(total=Sum("total"))
        total = found["total"] or Decimal(0)
        if total > most:
            best, most = ward, total
    return best


async def either_ward(code: str, *, with_staff: bool) -> list[str]:
    """Rows of two queries, one with more than the other."""
    if with_staff:
        ward = await q(Ward).prefetch_related("clinicians").aget(code=code)
    else:
        ward = await q(Ward).aget(code=code)
    clinicians = await q(ward.clinicians).order_by("name").run()
    return [clinician.name for clinician in clinicians]


async def mixed_rows() -> tuple[int, bool, list[str]]:
    """Rows with more loaded and rows with less meet in lists, dicts and comparisons."""
    plain = await q(Patient).order_by("number").run()
    joined = await q(Patient).select_related("practitioner").order_by("number").run()
    counted_rows = await q(Patient).annotate(n=Count("admissions")).order_by("number").run()
    by_number = {patient.number: patient for patient in plain}
    by_number.update({patient.number: patient for patient in joined})
    for patient in counted_rows:
        by_number.setdefault(patient.number, patient)
    everyone = [*plain, *joined, *counted_rows]
    some = plain[:2] + joined[:1]
    some.append(counted_rows[0])
    first = plain[0] if len(plain) > len(joined) else joined[0]
    names = sorted({patient.name for patient in some})
    return len(set(everyone)), first == counted_rows[0] and first in joined, names


async def pages(size: int) -> list[list[str]]:
    """All pages, one after another."""
    found: list[list[str]] = []
    page: Page[Drug] = await q(Drug).order_by("price", "pk").page(size)
    found.append([drug.code for drug in page])
    while page.next is not None:
        page = await q(Drug).order_by("price", "pk").page(size, after=page.next)
        found.append([drug.code for drug in page.rows])
    return found


async def each(functions: Mapping[str, Callable[[], Awaitable[R]]]) -> dict[str, R]:
    """Run what a report is made of."""
    return {name: await function() for name, function in functions.items()}


async def totals() -> dict[str, int]:
    return await each({"patients": q(Patient).acount, "wards": q(Ward).acount, "drugs": q(Drug).acount})


async def several() -> tuple[int, list[str], Decimal | None]:
    patients, codes, money = await adj.gather(
        q(Patient).acount(),
        q(Ward).order_by("code").values_list("code", flat=True).run(),
        q(Invoice).aaggregate(total=Sum("total")),
    )
    reveal_type(codes)  # R: list[str]
    reveal_type(money)  # R: TypedDict({'total': Decimal | None})
    return patients, codes, money["total"]


def of_model(model: type[M], queryset: QuerySet[M] | None = None) -> AsyncQuery[M]:
    return q(model) if queryset is None else q(queryset)


async def admissions_of(model: type[Admission] | type[EmergencyAdmission], number: str) -> list[str]:
    rows = await q(model).filter(patient__number=number).order_by("pk").run()
    return [row.status for row in rows]


def related_stays(patient: Patient) -> RelatedQuery[Admission]:
    return adj.related(patient, "admissions")


async def stays_of(patient: Patient) -> list[datetime.datetime]:
    query = related_stays(patient).order_by("admitted_at")
    return reveal_type(await query.values_list("admitted_at", flat=True).run())  # R: list[datetime.datetime]


async def heads_with_stays(day: datetime.date) -> dict[str, list[str]]:
    """Two levels of prefetches, each with its query."""
    stays = q(Admission).filter(admitted_at__date__lte=day).select_related("patient").order_by("admitted_at")
    postings = q(Posting).filter(during__contains=day, is_head=True).select_related("ward")
    query = q(Clinician).prefetch_related(
        Prefetch("attended", stays, to_attr="stays"), Prefetch("postings", postings, to_attr="led")
    )
    found: dict[str, list[str]] = {}
    for clinician in await query.order_by("name").run():
        reveal_type(clinician)
        # R: Clinician@adj[TypedDict({'stays'=: list[Admission[TypedDict({'patient'=: Patient[TypedDict({})], 'atten ...
        for posting in clinician.led:
            reveal_type(posting.ward.name)  # R: str
            found[posting.ward.code] = [stay.patient.name for stay in clinician.stays]
    return found


async def never_ill() -> list[str]:
    stays = Exists(q(Admission).filter(patient=OuterRef("pk"), urgency=Urgency.EMERGENCY))
    rows = await q(Patient).filter(~stays).order_by("name").values_list("name", flat=True).run()
    return reveal_type(rows)  # R: list[str]


async def means() -> dict[str, float]:
    query = (
        q(Patient).values("practitioner__name").annotate(mean=Avg("practitioner__grade")).order_by("practitioner__name")
    )
    found: dict[str, float] = {}
    for row in await query.run():
        reveal_type(row)  # R: TypedDict({'practitioner__name': str | None, 'mean': float | None})
        if row["practitioner__name"] is not None and row["mean"] is not None:
            found[row["practitioner__name"]] = row["mean"]
    return found


async def common_names(codes: Iterable[str]) -> list[str]:
    """Names of patients that are names of clinicians, too."""
    both = q(Patient).values_list("name").intersection(q(Clinician).values_list("name"))
    others = q(Ward).filter(code__in=list(codes)).values_list("name")
    rows = await both.union(others).order_by("name").run()
    reveal_type(rows)  # R: list[tuple[str]]
    return [name for (name,) in rows]


async def without_note(day: datetime.date) -> int:
    query = q(Admission).filter(notes__isnull=True, admitted_at__date=day)
    return await query.select_related(None).order_by().acount()


async def doubled() -> list[tuple[str, int]]:
    rows = await q(Ward).values_list("code").annotate(twice=F("floor") * 2).order_by("code").run()
    return reveal_type(rows)  # R: list[tuple[str, int]]
