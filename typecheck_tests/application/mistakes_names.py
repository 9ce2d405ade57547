"""Mistakes in names, values and shapes of queries of the hospital, each with what mypy says of it."""

from __future__ import annotations

import datetime

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Concat, Lower, RowNumber, TruncMonth

import adj
from adj import AsyncQuery, q
from typecheck_tests.application.clinic.models import (
    Admission,
    Bed,
    Clinician,
    Dose,
    Drug,
    EmergencyAdmission,
    InsuranceCard,
    Insurer,
    Invoice,
    Measurement,
    Note,
    Patient,
    Posting,
    Prescription,
    Status,
    Urgency,
    Ward,
)

DAY = datetime.date(2024, 5, 1)


async def names_in_conditions(ward: Ward) -> None:
    q(Patient).filter(practicioner__name="Ada")
    # E: Patient has no field "practicioner" (in "practicioner__name"); did you mean "practitioner" or ...  [adj-lookup]
    q(Patient).filter(practitioner__nam="Ada")
    # E: Clinician has no field "nam" (in "practitioner__nam"); did you mean "name"?  [adj-lookup]
    q(Patient).filter(born__yaer=1950)
    # E: DateField "Person.born" has no lookup or transform "yaer" (in "born__yaer"); did you mean "year"?  [adj-lookup]
    q(Patient).filter(allergies__contain=["latex"])
    # E: ArrayField "Patient.allergies" has no lookup or transform "contain" (in "allergies__contain") ...  [adj-lookup]
    q(Clinician).filter(postings__during__overlaps=DateRange(DAY, None))
    # E: DateRangeField "Posting.during" has no lookup or transform "overlaps" (in "postings__during__ ...  [adj-lookup]
    q(Clinician).exclude(trainee__name="Cleo")
    # E: Clinician has no field "trainee" (in "trainee__name"); did you mean "trainees"?  [adj-lookup]
    q(Admission).filter(Q(status=Status.PRESENT) | Q(discharged=None))
    # E: Admission has no field "discharged"; did you mean "discharged_at" or "changed_at"?  [adj-lookup]
    q(Admission).filter(~Q(patient__number__startwith="P"))
    # E: CharField "Patient.number" has no lookup or transform "startwith" (in "patient__number__start ...  [adj-lookup]
    q(Bed).filter(pk=(1, 2), isolated=True)  # E: Bed has no field "isolated"; did you mean "is_isolated"?  [adj-lookup]
    q(EmergencyAdmission).filter(patient__card__insurer__cod="pub")
    # E: Insurer has no field "cod" (in "patient__card__insurer__cod"); did you mean "code"?  [adj-lookup]
    await q(Ward).aget(cod="icu")  # E: Ward has no field "cod"; did you mean "code"?  [adj-lookup]
    await q(Note).filter(content_type__modle="ward").acount()
    # E: ContentType has no field "modle" (in "content_type__modle"); did you mean "model"?  [adj-lookup]
    await adj.get_object_or_404(Ward, cod="icu")  # E: Ward has no field "cod"; did you mean "code"?  [adj-lookup]
    await q(InsuranceCard).filter(patient__admissions__ward=ward).aupdate(valid_untill=None)
    # E: InsuranceCard has no column "valid_untill"; did you mean "valid_until"?  [adj-lookup]


async def names_in_strings() -> None:
    q(Ward).order_by("-flor")  # E: Ward has no field "flor"; did you mean "floor"?  [adj-lookup]
    q(Admission).order_by("patient__nmae", "ward")
    # E: Patient has no field "nmae" (in "patient__nmae"); did you mean "name" or "number"?  [adj-lookup]
    q(Patient).only("name", "practitioner__licence_number")
    # E: Clinician has no field "licence_number" (in "practitioner__licence_number"); did you mean "li ...  [adj-lookup]
    q(Patient).defer("adress")  # E: Patient has no field "adress"; did you mean "address"?  [adj-lookup]
    q(Admission).select_related("patient__card__insurer", "wards")
    # E: Admission has no single-valued relation "wards"; did you mean "ward"?  [adj-lookup]
    q(Admission).select_related("measurements")
    # E: "Admission.measurements" is a relation to many rows; use prefetch_related("measurements")  [adj-lookup]
    q(Admission).prefetch_related("prescription__doses")
    # E: Admission has no relation "prescription"; did you mean "prescriptions"?  [adj-lookup]
    q(Admission).prefetch_related("prescriptions__doses__drugs")
    # E: Dose has no relation "drugs"; did you mean "drug"?  [adj-lookup]
    q(Clinician).values("name", "wards__nam")
    # E: Ward has no field "nam" (in "wards__nam"); did you mean "name"?  [adj-lookup]
    q(Prescription).values_list("admission__patient__numbr", flat=True)
    # E: Patient has no field "numbr" (in "admission__patient__numbr"); did you mean "number"?  [adj-lookup]
    q(Measurement).dates("taken", "day")  # E: Measurement has no field "taken"; did you mean "taken_at"?  [adj-lookup]
    q(Measurement).datetimes("value", "hour")
    # E: "Measurement.value" is a DecimalField, not a DateTimeField  [adj-lookup]
    q(Measurement).distinct("vitals")  # E: Measurement has no field "vitals"; did you mean "vital"?  [adj-lookup]
    await q(Admission).alatest("admited_at")
    # E: Admission has no field "admited_at"; did you mean "admitted_at" or "created_at"?  [adj-lookup]
    await q(Ward).ain_bulk(field_name="codes")  # E: Ward has no field "codes"; did you mean "code"?  [adj-lookup]
    q(Drug).returning("code", "prices")
    # E: Drug has no column "prices"; did you mean "price" or "properties"?  [adj-lookup]
    q(Admission).select_for_update(of=("patients",))
    # E: Admission has no lockable relation "patients"; did you mean "patient"?  [adj-lookup]


async def names_in_expressions() -> None:
    q(Ward).annotate(n=Count("admission"))  # E: Ward has no field "admission"; did you mean "admissions"?  [adj-lookup]
    q(Dose).annotate(cost=F("amount") * F("drug__cost"))
    # E: Drug has no field "cost" (in "drug__cost") ...  [adj-lookup]
    q(Patient).annotate(low=Lower("nam"))  # E: Patient has no field "nam"; did you mean "name"?  [adj-lookup]
    q(Ward).annotate(n=Count("admissions", filter=Q(admissions__state=Status.PRESENT)))
    # E: Admission has no field "state" (in "admissions__state"); did you mean "status"?  [adj-lookup]
    q(Admission).filter(Exists(q(Note).filter(object_id=OuterRef("id_")).values("pk")))
    # E: Admission has no field "id_"; did you mean "id"?  [adj-lookup]
    q(Patient).annotate(last=Subquery(q(Admission).filter(patient=OuterRef("pk")).values("admited_at")[:1]))
    # E: Admission has no field "admited_at"; did you mean "admitted_at" or "created_at"?  [adj-lookup]
    q(Invoice).annotate(month=TruncMonth("issued_at"))
    # E: Invoice has no field "issued_at"; did you mean "issued"?  [adj-lookup]
    q(Clinician).annotate(top=ArrayAgg("skill"))
    # E: Clinician has no field "skill"; did you mean "skills"?  [adj-lookup]
    q(Admission).annotate(n=Window(RowNumber(), partition_by=[F("pation")], order_by="admitted_at"))
    # E: Admission has no field "pation"; did you mean "patient" or "patient_id"?  [adj-lookup]
    q(Admission).annotate(late=Case(When(dischargd_at=None, then=Value(True)), default=Value(False)))
    # E: Admission has no field "dischargd_at"; did you mean "discharged_at" or "changed_at"?  [adj-lookup]
    q(Patient).annotate(city=KT("adress__city"))
    # E: Patient has no field "adress"; did you mean "address"?  [adj-lookup]
    q(Patient).annotate(urgent=FilteredRelation("admission"))
    # E: Patient has no field "admission"; did you mean "admissions"?  [adj-lookup]
    q(Patient).prefetch_related(Prefetch("admisions", q(Admission).order_by("pk")))
    # E: Patient has no relation "admisions"; did you mean "admissions"?  [adj-lookup]
    await q(Measurement).aaggregate(mean=Avg("values"))
    # E: Measurement has no field "values"; did you mean "value"?  [adj-lookup]
    q(Ward).annotate(sign=Concat("code", Value(" "), "title"))
    # E: Ward has no field "title" ...  [adj-lookup]
    q(Ward).annotate(n=Count("beds")).filter(m__gt=2)
    # E: Ward has no field "m" (in "m__gt") ...  [adj-lookup]
    q(Ward).annotate(n=Count("beds")).order_by("-count")
    # E: Ward has no field "count" ...  [adj-lookup]
    q(Ward).alias(n=Count("beds")).values("code", "n")
    # E: "n" is an alias, not a column; use annotate() to select it  [adj-lookup]
    q(Ward).annotate(code=Lower("name"))  # E: the annotation "code" conflicts with a field of Ward  [adj-lookup]


async def wrong_values(patient: Patient, ward: Ward, clinician: Clinician, number: str | None) -> None:
    q(Patient).filter(born__year="1950")  # E: Patient: "born__year" expects "int", got "str"  [adj-value]
    q(Patient).filter(allergies__contains="latex")
    # E: Patient: "allergies__contains" expects "Sequence[str]", got "str"  [adj-value]
    q(Patient).filter(practitioner=patient)
    # E: Patient: "practitioner" expects "Clinician | int | None", got "Patient"  [adj-value]
    q(Patient).filter(practitioner__in=q(Ward))
    # E: Patient: "practitioner__in" expects a subquery of Clinician rows, got Ward rows  [adj-value]
    q(Admission).filter(status=Urgency.URGENT)  # E: Admission: "status" expects "str", got "Urgency"  [adj-value]
    q(Admission).filter(urgency="urgent")  # E: Admission: "urgency" expects "int", got "str"  [adj-value]
    q(Admission).filter(urgency__in=[Urgency.URGENT, Status.PRESENT])
    # E: Admission: "urgency__in" expects items of "int", got "Status"  [adj-value]
    q(Admission).filter(ward=clinician)  # E: Admission: "ward" expects "Ward | int", got "Clinician"  [adj-value]
    q(Admission).filter(discharged_at__isnull="no")
    # E: Admission: "discharged_at__isnull" expects "bool", got "str"  [adj-value]
    q(Admission).filter(admitted_at__date=20240501)
    # E: Admission: "admitted_at__date" expects "date | str", got "int"  [adj-value]
    q(Measurement).filter(value__range=(1, 2, 3))  # E: Measurement: "value__range" expects 2 values, got 3  [adj-value]
    q(Measurement).filter(took__gt=30)  # E: Measurement: "took__gt" expects "timedelta", got "int"  [adj-value]
    q(Measurement).filter(id=7)  # E: Measurement: "id" expects "UUID | str", got "int"  [adj-value]
    q(Dose).filter(amount="two")
    # E: Dose: "amount" expects "Decimal | int | float | str", got "two", which cannot be converted  [adj-value]
    q(Posting).filter(is_head="yes")  # E: Posting: "is_head" expects "bool", got "str"  [adj-value]
    q(Bed).filter(pk=(1, "two"))  # E: Bed: "pk" expects "tuple[int, int]", got "tuple[int, str]"  [adj-value]
    q(Ward).filter(code__in="icu")  # E: Ward: "code__in" expects "Iterable[str]", got "str"  [adj-value]
    q(Patient).filter(born="1950-13-01")
    # E: Patient: "born" expects "date | str", got "1950-13-01", which cannot be converted  [adj-value]
    await q(Ward).aget(floor=number)  # E: Ward: "floor" expects "int", got "str | None"  [adj-value]
    await q(Admission).filter(ward=ward).aupdate(bed_number="one")
    # E: "Admission.bed_number" expects "int | None", got "str"  [adj-value]
    await q(Patient).aupdate(name=None)  # E: "Patient.name" expects "str", got "None"  [adj-value]
    await q(Insurer).acreate(code="x", name="X", copayment=datetime.date(2024, 1, 1))
    # E: "Insurer.copayment" expects "Decimal | int | float | str | None", got "date"  [adj-value]
    await q(Admission).acreate(patient=ward, ward=ward, admitted_at=datetime.datetime.now(datetime.UTC))
    # E: "Admission.patient" expects "Patient", got "Ward"  [adj-value]
    await q(Ward).aget_or_create(code="icu", defaults={"floor": "three"})
    # E: "Ward.floor" expects "int", got "str"  [adj-value]
    await q(Posting).aupdate_or_create(clinician=clinician, ward=ward, create_defaults={"shar": 1.0})
    # E: Posting has no column "shar"; did you mean "share"?  [adj-lookup]
    await adj.related(patient, "admissions").acreate(ward=clinician, admitted_at=DAY)
    # E: "Admission.ward" expects "Ward", got "Clinician"  [adj-value]
    await q(Patient).abulk_update([patient], ["adress"])
    # E: Patient has no column "adress"; did you mean "address"?  [adj-lookup]
    await q(Drug).abulk_create([], update_conflicts=True, unique_fields=["cod"], update_fields=["price"])
    # E: Drug has no column "cod"; did you mean "code"?  [adj-lookup]
    await q(Measurement).acopy([], fields=["vital", "valeu"])
    # E: Measurement has no column "valeu"; did you mean "value" or "vital"?  [adj-lookup]
    await adj.save(patient, update_fields=["allergy"])
    # E: Patient has no column "allergy"; did you mean "allergies"?  [adj-lookup]


async def wrong_shapes(query: AsyncQuery[Admission]) -> None:
    q(Ward)[:3].filter(floor=1)  # E: filter() cannot follow a slice; write [start:stop] after it  [adj-shape]
    q(Ward)[-1]  # E: a query has no negative index; reverse its order, and count from the start  [adj-shape]
    q(Ward).order_by("code")[:2].reverse()
    # E: reverse() cannot follow a slice; write [start:stop] after it  [adj-shape]
    q(Ward).union(q(Ward)).exclude(floor=1)  # E: exclude() cannot follow union()  [adj-shape]
    await q(Ward).values_list("code", flat=True).adelete()
    # E: adelete() cannot follow values() or values_list()  [adj-shape]
    await q(Ward)[:2].aupdate(floor=1)
    # E: aupdate() cannot follow a slice; filter by the primary keys of the slice  [adj-shape]
    await q(Ward).alatest()
    # E: alatest() requires fields, because Ward has no "get_latest_by" in its Meta  [adj-shape]
    q(Measurement).distinct("vital").order_by("taken_at")
    # E: order_by() must begin with the fields of distinct(): "vital"  [adj-shape]
    q(Ward).values_list("code", "name", flat=True)
    # E: values_list() with flat=True accepts only one field  [adj-shape]
    q(Ward).values("code").union(q(Ward).values("code", "name"))
    # E: the queries have different numbers of columns: 1 in the first, 2 in this one  [adj-shape]
    q(Ward).filter("code")  # E: conditions must be Q objects, expressions or keyword lookups; got "str"  [adj-shape]
    q(Ward).filter(q(Bed))  # E: a query is not a condition; write Exists(...) around it  [adj-shape]
    q(Ward).annotate(total=Sum("beds__number")).annotate(mean=Avg("total"))
    # E: Django rejects this expression: Cannot compute Avg("total"), because "total" is an aggregate  [adj-shape]
    await q(Ward).aaggregate(code=F("code"))  # E: "code" is not an aggregate expression  [adj-shape]
    adj.related(await q(Patient).aget(), "practitioner")
    # E: "Patient.practitioner" is a relation to one row; related() requires a relation to many  [adj-shape]
    await q(Ward).ain_bulk(["x"], field_name="name")
    # E: "Ward.name" is not unique and cannot be the key of ain_bulk()  [adj-shape]
    q(Patient).prefetch_related(Prefetch("admissions", to_attr="name"))
    # E: to_attr="name" conflicts with a field of Patient  [adj-shape]
    q(Patient).prefetch_related("admissions", Prefetch("admissions", q(Admission).order_by("pk")))
    # E: "admissions" is prefetched already, and this lookup has another query  [adj-shape]
    await query
    # E: Incompatible types in "await" (actual type "AsyncQuery[Admission, Admission]", expected type "Await ...  [misc]
    for row in query:
        # E: A query cannot be iterated with `for`. Use `async for`, or `for row in await query.run()`.  [adj-shape]
        print(row)
    query.get(pk=1)
    # E: "AsyncQuery" has no attribute "get"; use `await query.aget()`, or `query.queryset` in synch ...  [attr-defined]
    query.fliter(pk=1)
    # E: "AsyncQuery[Admission, Admission]" has no attribute "fliter"; maybe "filter"?  [attr-defined]
    query.filter(pk=1).count()
    # E: "AsyncQuery" has no attribute "count"; use `await query.acount()`, or `query.queryset` in s ...  [attr-defined]
    len(query)
    # E: Argument 1 to "len" has incompatible type "AsyncQuery[Admission, Admission]"; expected "Sized"  [arg-type]


async def truth_values(query: AsyncQuery[Admission] | None, bed: int) -> AsyncQuery[Admission]:
    if q(Admission).filter(bed_number=bed).aexists():
        # E: aexists() returns a coroutine, which is always true; add await  [adj-truth]
        # E: "aexists" returns "Coroutine[Any, Any, bool]" which does not implement __bool__ or __l ...  [truthy-bool]
        print("taken")
    if not q(Patient).filter(number="P1"):
        # E: A query has no truth value until it has run. Use `await query.aexists()`.  [adj-truth]
        # E: "filter" returns "AsyncQuery[Patient, Patient[Row[Has[Nothing]]]]" which does not impl ...  [truthy-bool]
        print("no one")
    found = query or q(Admission)
    # E: A query has no truth value until it has run. Use `await query.aexists()`. To find out whether ...  [adj-truth]
    print("free" if q(Admission).filter(bed_number=bed).acount() else "taken")
    # E: acount() returns a coroutine, which is always true; add await  [adj-truth]
    # E: "acount" returns "Coroutine[Any, Any, int]" which does not implement __bool__ or __len__ so ...  [truthy-bool]
    assert q(Bed).afirst()
    # E: afirst() returns a coroutine, which is always true; add await  [adj-truth]
    # E: "afirst" returns "Coroutine[Any, Any, Bed[Row[Has[Nothing]]] | None]" which does not impleme ...  [truthy-bool]
    return found
