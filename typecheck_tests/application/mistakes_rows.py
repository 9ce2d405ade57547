"""Mistakes in services of the hospital: rows, annotations, generic code, managers; each with what mypy says of it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Literal, TypedDict, TypeVar

from django.db.models import Count, F, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Lower

import adj
from adj import AsyncQuery, Loaded, Page, q
from typecheck_tests.application.clinic.models import (
    Admission,
    AdmissionQuerySet,
    Bed,
    Clinician,
    Dose,
    Drug,
    EmergencyAdmission,
    InsuranceCard,
    Insurer,
    Invoice,
    Measurement,
    Named,
    Note,
    Patient,
    Person,
    Posting,
    Prescription,
    Specialty,
    Stamped,
    Status,
    Ward,
)
from typecheck_tests.application.clinic.services import admissions, patients, pharmacy, repositories, wards
from typecheck_tests.application.clinic.services.reports import AdmissionQuery
from typecheck_tests.application.clinic.services.rows import (
    AdmissionKey,
    Board,
    BusyWard,
    Cost,
    ListedAdmission,
    Occupied,
    PatientLine,
    Regular,
    WardLine,
)

N = TypeVar("N", bound=Named)
S = TypeVar("S", bound=Stamped)
P = TypeVar("P", bound=Person)
C = TypeVar("C", Drug, Insurer)


async def relations_that_are_not_loaded() -> None:
    admission = await q(Admission).select_related("patient").aget(pk=1)
    print(admission.ward.name)
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]
    print(admission.patient.practitioner)
    # E: "Patient.practitioner" is not loaded: add .select_related("practitioner") to the query (r ...  [adj-not-loaded]
    print(admission.invoice.total)
    # E: "Admission.invoice" is not loaded: add .select_related("invoice") to the query (reading i ...  [adj-not-loaded]
    print([dose.pk for dose in admission.measurements.all()])
    # E: "Admission.measurements" is not loaded: add .prefetch_related("measurements") to the quer ...  [adj-not-loaded]
    for posting in await q(Posting).select_related("clinician").run():
        print(posting.ward.code)
        # E: "Posting.ward" is not loaded: add .select_related("ward") to the query (reading it wo ...  [adj-not-loaded]
    card = await q(InsuranceCard).select_related("insurer").afirst()
    print(card.number)
    # E: Item "None" of "InsuranceCard[Row[Has[Keys[Literal['insurer']]]]] | None" has no attribute "n ...  [union-attr]
    if card is not None:
        print(card.patient.name)
        # E: "InsuranceCard.patient" is not loaded: add .select_related("patient") to the query (r ...  [adj-not-loaded]
    clinician = await q(Clinician).prefetch_related("trainees").aget(pk=1)
    print([trainee.supervisor for trainee in clinician.trainees.all()])
    print([trainee.wards.count() for trainee in clinician.trainees.all()])
    # E: "Clinician.wards" is not loaded: add .prefetch_related("wards") to the query, or query it ...  [adj-not-loaded]
    names = {row.patient.name: row for row in await q(Admission).run()}
    # E: "Admission.patient" is not loaded: add .select_related("patient") to the query (reading i ...  [adj-not-loaded]
    print(max(names.values(), key=lambda row: row.ward.floor))
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]
    drug = await q(Drug).only("code").aget(pk=1)
    print(drug.price)
    # E: "Drug.price" is deferred by the query: remove it from defer() or add it to only() (readin ...  [adj-not-loaded]
    bed = await q(Bed).aget(pk=(1, 1))
    print(bed.ward)
    # E: "Bed.ward" is not loaded: add .select_related("ward") to the query (reading it would quer ...  [adj-not-loaded]
    best = await q(Admission).select_related("ward").afirst()
    for row in await q(Admission).run():
        best = row
        print(best.ward)
        # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it ...  [adj-not-loaded]
    async with q(Note).stream() as notes:
        async for note in notes:
            print(note.author)
            # E: "Note.author" is not loaded: add .select_related("author") to the query (reading ...  [adj-not-loaded]


async def relations_that_are_lost() -> None:
    admission = await q(Admission).select_related("ward").aget(pk=1)
    await adj.refresh(admission)
    print(admission.ward)
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]
    page: Page[Admission] = await q(Admission).order_by("pk").page(10)
    print([row.ward for row in page])
    rows = await q(Admission).order_by("pk").page(10)
    print([row.ward for row in rows])
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]
    await q(Admission).select_related("ward").only("status").run()
    # E: "Admission.ward" cannot be both deferred and traversed by select_related(); add it to only()  [adj-shape]
    loaded = await adj.load(await q(Patient).aget(), "practitioner")
    print(loaded.practitioner, loaded.card)
    # E: "Patient.card" is not loaded: add .select_related("card") to the query (reading it would ...  [adj-not-loaded]
    stays = Prefetch("admissions", q(Admission).only("status", "patient"), to_attr="stays")
    patient = await q(Patient).prefetch_related(stays).aget()
    print(patient.stays[0].status, patient.stays[0].admitted_at)
    # E: "Admission.admitted_at" is deferred by the query: remove it from defer() or add it to onl ...  [adj-not-loaded]
    print(patient.admissions.all()[0])
    # E: "Patient.admissions" is not loaded: add .prefetch_related("admissions") to the query, or ...  [adj-not-loaded]
    print(patient.stay)  # E: "Patient" has no attribute "stay"; did you mean "stays"?  [attr-defined]


async def attributes_and_columns() -> None:
    ward = await q(Ward).annotate(n=Count("beds")).aget(pk=1)
    print(ward.number)  # E: "Ward" has no attribute "number"; did you mean "name"?  [attr-defined]
    print(ward.n.upper())  # E: "int" has no attribute "upper"  [attr-defined]
    row = await q(Patient).values("number", "practitioner__name").aget()
    print(row["name"])
    # E: "name" is not a valid TypedDict key; expected one of ("number", "practitioner__name")  [misc]
    print(row["practitioner__name"].upper())  # E: Item "None" of "str | None" has no attribute "upper"  [union-attr]
    number, born = await q(Patient).values_list("number", "born").aget()
    print(number.year, born.year)  # E: "str" has no attribute "year"  [attr-defined]
    code, name, floor = await q(Ward).values_list("code", "name").aget()
    # E: Need more than 2 values to unpack (3 expected)  [misc]
    print(code, name, floor)
    named = await q(Drug).values_list("code", Lower("name"), named=True).aget()
    print(named.name)  # E: "Row" has no attribute "name"  [attr-defined]
    found = await q(Invoice).aaggregate(total=Sum("total"))
    print(found["totals"])  # E: "totals" is not a valid TypedDict key; expected one of ("total")  [misc]
    print(found["total"] + 1)
    # E: Unsupported operand types for + ("None" and "int")  [operator]
    # N: Left operand is of type "Decimal | None"
    highest = await q(Measurement).annotate(top=Max("value")).aget()
    print(highest.top.quantize(Decimal(1)), highest.took.seconds)
    # E: Item "None" of "timedelta | None" has no attribute "seconds"  [union-attr]
    by_number: dict[str, Patient] = await q(Patient).ain_bulk([1])
    # E: Incompatible types in assignment (expression has type "dict[int, Patient[Row[Has[Nothing]]]]" ...  [assignment]
    print(by_number)
    taken: list[tuple[int, int]] = await q(Bed).returning("number", "is_isolated", "ward").adelete()
    # E: Incompatible types in assignment (expression has type "list[tuple[int, bool, int]]", variable ...  [assignment]
    print(taken)


# -- declarations ------------------------------------------------------------------------------------------------------


class Wrong(TypedDict):
    number: str
    born: datetime.datetime


class Taken(TypedDict):
    name: str


@dataclass
class Bedside:
    admission: ListedAdmission
    ward: BusyWard


def unknown_relation(admission: Loaded[Admission, Literal["wards"]]) -> None: ...


# E: Admission has no relation "wards"; did you mean "ward"?  [adj-lookup]


def taken_name(ward: Loaded[Ward, Taken]) -> None: ...


# E: the annotation "name" conflicts with a field of Ward  [adj-lookup]


def reads_more(admission: Loaded[Admission, Literal["patient"]]) -> str:
    return admission.ward.name
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]


def not_annotated(ward: BusyWard) -> int:
    return ward.bed_count
    # E: Returning Any from function declared to return "int"  [no-any-return]
    # E: "Ward" has no attribute "bed_count" ...  [attr-defined]


def occupied() -> AsyncQuery[Ward, BusyWard]:
    return q(Ward).annotate(occupied=Max("name"))
    # E: Incompatible return value type (got "AsyncQuery[Ward[Row[Has[Keys[Literal['occupied']]]]], ...  [return-value]


def crowded() -> AsyncQuery[Ward, BusyWard]:
    return q(Ward).annotate(occupants=Count("admissions"))
    # E: Incompatible return value type (got "AsyncQuery[Ward[Row[Has[Keys[Literal['occupants']]]]], ...  [return-value]


def listed() -> AsyncQuery[Admission, ListedAdmission]:
    return q(Admission).select_related("patient", "ward")
    # E: Incompatible return value type (got "AsyncQuery[Admission, Admission[Row[Has[Keys[Literal[' ...  [return-value]


async def lines() -> list[PatientLine]:
    return await q(Patient).values("number", "name").run()
    # E: Incompatible return value type (got "list[TypedDict({'number': str, 'name': str})]", expect ...  [return-value]
    # N: The rows of values() do not fit "PatientLine": they have no key "practitioner__name"


async def other_lines() -> list[Wrong]:
    return await q(Patient).values("number", "born").run()
    # E: Incompatible return value type (got "list[TypedDict({'number': str, 'born': date})]", expec ...  [return-value]
    # N: The rows of values() do not fit "Wrong": "born" is "date", not "datetime"


async def of_another_model() -> list[Ward]:
    return await q(Bed).run()
    # E: Incompatible return value type (got "list[Bed[Row[Has[Nothing]]]]", expected "list[Ward]")  [return-value]


async def maybe() -> Patient:
    return await q(Patient).afirst()
    # E: Incompatible return value type (got "Patient[Row[Has[Nothing]]] | None", expected "Patient")  [return-value]


async def declared_rows(plain: Admission, ward: Ward) -> None:
    admissions.line(await q(Admission).select_related("patient").aget())
    # E: Argument 1 to "line" has incompatible type "Admission[Row[Has[Keys[Literal['patient']]]]]"; exp ...  [arg-type]
    admissions.key_of(await q(Admission).annotate(n=Count("notes")).aget())
    # E: Argument 1 to "key_of" has incompatible type "Admission@adj[Row[Has[Keys[Literal['n']]]]]"; exp ...  [arg-type]
    admissions.patient_name(await q(Admission).aget())
    # E: Argument 1 to "patient_name" has incompatible type "Admission[Row[Has[Nothing]]]"; expected "Ad ...  [arg-type]
    print(admissions.patient_name(plain))
    Board(ward, [])
    # E: Argument 1 to "Board" has incompatible type "Ward"; expected "Ward@adj[Callable[[], Needs[Liter ...  [arg-type]
    Board(await wards.occupied().aget(), await q(Admission).run())
    # E: Argument 2 to "Board" has incompatible type "list[Admission[Row[Has[Nothing]]]]"; expected "lis ...  [arg-type]
    Bedside(await admissions.listed().aget(), await q(Ward).annotate(occupied=F("name")).aget())
    # E: Argument 2 to "Bedside" has incompatible type "Ward@adj[Row[Has[Keys[Literal['occupied']]]]]"; ...  [arg-type]
    wards.crowded(q(Ward), 2)
    # E: Argument 1 to "crowded" has incompatible type "AsyncQuery[Ward, Ward[Row[Has[Nothing]]]]"; expe ...  [arg-type]
    wards.occupied().filter(occupied="many")  # E: Ward: "occupied" expects "int", got "str"  [adj-value]
    wards.occupied().order_by("-ocupied")
    # E: Ward has no field "ocupied"; did you mean "occupied" or "opened"?  [adj-lookup]
    wards.occupied().values("code", "left")
    # E: Ward has no field "left" ...  [adj-lookup]
    (await pharmacy.costly().aget()).price
    # E: "Prescription" has no attribute "price" ...  [attr-defined]
    (await pharmacy.costly().aget()).admission
    # E: "Prescription.admission" is not loaded: add .select_related("admission") to the query (re ...  [adj-not-loaded]
    patients.describe(await q(Patient).aget())
    # E: Argument 1 to "describe" has incompatible type "Patient[Row[Has[Nothing]]]"; expected "Patient@ ...  [arg-type]
    row: WardLine = await wards.occupied().values("code", "name").aget()
    # E: Incompatible types in assignment (expression has type "TypedDict({'code': str, 'name': str})" ...  [assignment]
    # N: The rows of values() do not fit "WardLine": they have no key "occupied"
    print(row)
    key = AdmissionKey(*await q(Admission).values_list("patient__number", "ward", "bed_number").aget())
    # E: Argument 1 to "AdmissionKey" has incompatible type "*tuple[str, int, int | None]"; expected "str"  [arg-type]
    print(key)


# -- generic code, managers, unions ------------------------------------------------------------------------------------


class Repo(Generic[N]):
    def __init__(self, model: type[N]) -> None:
        self.model = model

    async def by_code(self, code: int) -> N | None:
        return await q(self.model).filter(code=code).afirst()  # E: Ward: "code" expects "str", got "int"  [adj-value]

    async def titles(self) -> list[str]:
        return await q(self.model).values_list("title", flat=True).run()
        # E: Incompatible return value type (got "list[tuple[Any, ...]]", expected "list[str]")  [return-value]
        # E: Ward has no field "title" ...  [adj-lookup]

    def sorted(self) -> AsyncQuery[N]:
        return q(self.model).order_by("names")  # E: Ward has no field "names"; did you mean "name"?  [adj-lookup]

    async def first(self) -> N:
        return await q(self.model).afirst()
        # E: Incompatible return value type (got "N | None", expected "N")  [return-value]

    async def rename(self, code: str) -> None:
        await q(self.model).filter(code=code).aupdate(nam="x")
        # E: Ward has no column "nam"; did you mean "name"?  [adj-lookup]

    async def add(self, code: str) -> N:
        return await q(self.model).acreate(code=code, name=3)  # E: "Ward.name" expects "str", got "int"  [adj-value]


async def type_variables(persons: type[P], stamped: type[S], either: type[C], query: AsyncQuery[P]) -> None:
    q(persons).filter(birth__year=1950)
    # E: Person has no field "birth" (in "birth__year") ...  [adj-lookup]
    q(persons).filter(born__year="1950")  # E: Person: "born__year" expects "int", got "str"  [adj-value]
    query.exclude(nmae="")  # E: Person has no field "nmae"; did you mean "name"?  [adj-lookup]
    query.order_by("-bron")  # E: Person has no field "bron"; did you mean "born"?  [adj-lookup]
    q(stamped).filter(changed__gte=datetime.datetime.now(datetime.UTC))
    # E: Person has no field "changed" (in "changed__gte"); did you mean "changed_at"?  [adj-lookup]
    await q(stamped).aaggregate(last=Max("changed"))
    # E: Person has no field "changed"; did you mean "changed_at"?  [adj-lookup]
    q(either).filter(cod="x")
    # E: Drug has no field "cod"; did you mean "code"?  [adj-lookup]
    # E: Insurer has no field "cod"; did you mean "code"?  [adj-lookup]
    q(either).filter(price=1)
    # E: Insurer has no field "price" ...  [adj-lookup]
    q(persons)[:2].order_by("name")  # E: order_by() cannot follow a slice; write [start:stop] after it  [adj-shape]


async def truth_of_a_type_variable(persons: type[P]) -> P | None:
    if q(persons).aexists():
        # E: aexists() returns a coroutine, which is always true; add await  [adj-truth]
        # E: "aexists" returns "Coroutine[Any, Any, bool]" which does not implement __bool__ or __l ...  [truthy-bool]
        print("some")
    return await q(persons).afirst()


async def unions(model: type[Ward] | type[Drug], either: Ward | Patient) -> None:
    q(model).filter(floor=1)
    # E: Drug has no field "floor" ...  [adj-lookup]
    q(model).filter(name=1)
    # E: Ward: "name" expects "str", got "int"  [adj-value]
    # E: Drug: "name" expects "str", got "int"  [adj-value]
    q(model).order_by("title")
    # E: Ward has no field "title" ...  [adj-lookup]
    # E: Drug has no field "title" ...  [adj-lookup]
    print((await q(model).aget()).stock)  # E: Item "Ward" of "Ward | Drug" has no attribute "stock"  [union-attr]
    q(Admission).filter(ward=either)  # E: Admission: "ward" expects "Ward | int", got "Ward | Patient"  [adj-value]


async def related_managers(ward: Ward, patient: Patient, admission: Admission, drug: Drug) -> None:
    q(ward.admissions).filter(statu=Status.PRESENT)
    # E: Admission has no field "statu"; did you mean "status"?  [adj-lookup]
    q(ward.beds).filter(number="one")  # E: Bed: "number" expects "int", got "str"  [adj-value]
    q(ward.clinicians).order_by("grades")  # E: Clinician has no field "grades"; did you mean "grade"?  [adj-lookup]
    q(patient.admissions.all()).filter(ward__cod="icu")
    # E: Ward has no field "cod" (in "ward__cod"); did you mean "code"?  [adj-lookup]
    print([row.ward for row in await q(patient.admissions).run()])
    # E: "Admission.ward" is not loaded: add .select_related("ward") to the query (reading it woul ...  [adj-not-loaded]
    await q(drug.conflicts).values("cod").run()  # E: Drug has no field "cod"; did you mean "code"?  [adj-lookup]
    adj.related(patient, "admission")
    # E: Patient has no relation "admission"; did you mean "admissions"?  [adj-lookup]
    await adj.related(ward, "clinicians").aadd(patient)
    # E: aadd() expects "Clinician | int", got "Patient"  [adj-value]
    await adj.related(ward, "clinicians").aadd(1, through_defaults={"is_haed": True})
    # E: Posting has no column "is_haed"; did you mean "is_head" or "share"?  [adj-lookup]
    await adj.related(admission, "prescriptions").filter(day=1).run()
    # E: Prescription has no field "day"; did you mean "days"?  [adj-lookup]
    for note in (await q(Admission).aget()).notes.all():
        # E: "Admission.notes" is not loaded: add .prefetch_related("notes") to the query, or qu ...  [adj-not-loaded]
        print(note)
    await adj.load(patient, "admisions")
    # E: Patient has no relation "admisions"; did you mean "admissions"?  [adj-lookup]


async def custom_querysets(queryset: AdmissionQuerySet, plain: QuerySet[Patient]) -> None:
    q(Ward.objects.of(Specialty.SURGERY)).filter(flor=1)
    # E: Ward has no field "flor"; did you mean "floor"?  [adj-lookup]
    q(Ward.objects.with_occupancy()).filter(ocupied=1)
    # E: Ward has no field "ocupied"; did you mean "occupied" or "opened"?  [adj-lookup]
    q(Ward.objects.with_occupancy()).filter(occupied=1, floor="3")
    # E: Ward: "floor" expects "int", got "str"  [adj-value]
    q(queryset.present()).order_by("-admited_at")
    # E: Admission has no field "admited_at"; did you mean "admitted_at" or "created_at"?  [adj-lookup]
    q(queryset).filter(prescription_cuont=1)
    # E: Admission has no field "prescription_cuont"; did you mean "prescription_count" or "prescripti ...  [adj-lookup]
    q(plain).filter(numbr="P1")  # E: Patient has no field "numbr"; did you mean "number"?  [adj-lookup]
    Patient.found.allergic_to("latex").filter(numbr="P1")
    # E: Patient has no field "numbr"; did you mean "number"?  [adj-lookup]
    Patient.found.allergic_to(3)
    # E: Argument 1 to "allergic_to" of "PatientQuerySet" has incompatible type "int"; expected "str"  [arg-type]
    Admission.found.present().values("wrd")
    # E: Admission has no field "wrd"; did you mean "ward" or "ward_id"?  [adj-lookup]
    (await q(Ward.counted).aget()).beds_count
    # E: "Ward" has no attribute "beds_count"; did you mean "bed_count"?  [attr-defined]
    q(Ward.counted).filter(bed_count="3")  # E: Ward: "bed_count" expects "int", got "str"  [adj-value]
    q(EmergencyAdmission.emergencies).filter(urgncy=3)
    # E: EmergencyAdmission has no field "urgncy"; did you mean "urgency"?  [adj-lookup]
    AdmissionQuery.of(q(Admission)).urgent("high")
    # E: Argument 1 to "urgent" of "AdmissionQuery" has incompatible type "str"; expected "Urgency"  [arg-type]
    AdmissionQuery.of(q(Admission)).present().filter(stats="x")
    # E: Admission has no field "stats"; did you mean "status"?  [adj-lookup]
    AdmissionQuery.of(q(Patient))
    # E: Argument 1 to "of" of "AsyncQuery" has incompatible type "AsyncQuery[Patient, Patient[Row[Has[N ...  [arg-type]
    # E: Argument 1 to "q" has incompatible type "type[Patient[Any]]"; expected "type[Admission]"  [arg-type]


async def methods_in_variables(numbers: Sequence[int]) -> None:
    find = q(Ward).filter
    find(flor=1)  # E: Ward has no field "flor"; did you mean "floor"?  [adj-lookup]
    columns = q(Ward).values_list
    columns("code", "nme")  # E: Ward has no field "nme"; did you mean "name"?  [adj-lookup]
    get = q(Patient).aget
    print((await get(number="P1")).card)
    # E: "Patient.card" is not loaded: add .select_related("card") to the query (reading it would ...  [adj-not-loaded]
    update = q(Ward).filter(pk__in=numbers).aupdate
    await update(floor="3")  # E: "Ward.floor" expects "int", got "str"  [adj-value]
    newest = q(Admission).filter(patient=OuterRef("pk")).order_by("-admitted").values("pk")[:1]
    # E: Admission has no field "admitted"; did you mean "admitted_at"?  [adj-lookup]
    print(Subquery(newest))
    condition = Q(wards__cod="icu")
    q(Clinician).filter(condition)
    top = q(Ward).order_by("code")[:3]
    top.filter(floor=1)  # E: filter() cannot follow a slice; write [start:stop] after it  [adj-shape]


async def repositories_of_the_application() -> None:
    repositories.NamedRepo(Patient)  # E: Value of type variable "N" of "NamedRepo" cannot be "Patient[Any]"  [type-var]
    repositories.PersonRepo(Ward)  # E: Value of type variable "P" of "PersonRepo" cannot be "Ward[Any]"  [type-var]
    repositories.wards.search("x").filter(name="y").order_by("flor")
    # E: Ward has no field "flor"; did you mean "floor"?  [adj-lookup]
    (await repositories.drugs.by_code("x")).price
    # E: Item "None" of "Drug[Any] | None" has no attribute "price"  [union-attr]
    print((await repositories.drugs.keyed())["ibu"].prices)
    # E: "Drug[Any]" has no attribute "prices"; maybe "price"?  [attr-defined]
    await repositories.touched_since(Ward, datetime.datetime.now(datetime.UTC))
    # E: Value of type variable "S" of "touched_since" cannot be "Ward[Any]"  [type-var]
    await repositories.price_list(Ward)
    # E: Value of type variable "C" of "price_list" cannot be "Ward[Any]"  [type-var]
    await repositories.name_of(Patient, "x")
    # E: Argument 1 to "name_of" has incompatible type "type[Patient[Any]]"; expected "type[Ward] | type ...  [arg-type]
    await repositories.rows_of(Ward)
    # E: Argument 1 to "rows_of" has incompatible type "type[Ward[State]]"; expected "AsyncQuery[Never, ...  [arg-type]


def unused() -> tuple[object, ...]:
    return Cost, Dose, Occupied, Prescription, Regular
