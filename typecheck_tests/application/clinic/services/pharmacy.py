"""The pharmacy: drugs, prescriptions, and what does not go together."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import reveal_type

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import DecimalField, Exists, ExpressionWrapper, F, Max, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Cast, Coalesce, Round

import adj
from adj import AsyncQuery, q
from typecheck_tests.application.clinic.models import Admission, Clinician, Dose, Drug, Patient, Prescription
from typecheck_tests.application.clinic.services.rows import CostlyPrescription, DrugLine

MONEY: DecimalField[Decimal, Decimal] = DecimalField(max_digits=10, decimal_places=2)


class OutOfStock(Exception):
    """There is not enough."""


async def price_list() -> list[DrugLine]:
    return await q(Drug).order_by("code").values("code", "price").run()


async def sold() -> list[DrugLine]:
    return (
        await q(Drug)
        .annotate(sold=Coalesce(Sum("doses__times_per_day"), 0))
        .order_by("code")
        .values("code", "sold")
        .run()
    )


async def prices() -> dict[str, Decimal]:
    found = dict(await q(Drug).order_by("code").values_list("code", "price").run())
    return reveal_type(found)  # R: dict[str, Decimal]


async def strengths() -> list[float]:
    rows = await q(Drug).exclude(strength=None).order_by("strength").values_list("strength", flat=True).run()
    reveal_type(rows)  # R: list[float | None]
    return [each for each in rows if each is not None]


async def cheap(limit: Decimal) -> list[str]:
    query = q(Drug).filter(price__lte=limit).order_by("price", "code")
    return [drug.code async for drug in query.aiterator(chunk_size=2)]


async def forms(form: str) -> list[str]:
    """The drugs of a form that their properties name."""
    return (
        await q(Drug)
        .filter(properties__form=form, properties__has_key="form")
        .values_list("code", flat=True)
        .order_by("code")
        .run()
    )


async def without_properties() -> dict[str, Decimal]:
    rows = await q(Drug).defer("properties", "strength").order_by("code").run()
    reveal_type(rows)  # R: list[Drug[TypedDict({'-properties'=: None, '-strength'=: None})]]
    return {drug.code: drug.price for drug in rows}


async def property_of_each(name: str) -> dict[str, object]:
    rows = await q(Drug).order_by("code").values_list("code", "properties").run()
    reveal_type(rows)  # R: list[tuple[str, Any]]
    return {code: properties.get(name) for code, properties in rows}


async def forms_of_each() -> list[tuple[str, object]]:
    rows = await q(Drug).order_by("code").values_list("code", "properties__form").run()
    reveal_type(rows)  # R: list[tuple[str, Any]]
    return [*rows]


async def conflicts_of(drug: Drug) -> list[str]:
    rows = await q(drug.conflicts).order_by("code").run()
    reveal_type(rows[0].price)  # R: Decimal
    return [each.code for each in rows]


async def declare_conflict(drug: Drug, *others: Drug) -> int:
    await adj.related(drug, "conflicts").aadd(*others)
    return await adj.related(drug, "conflicts").acount()


async def conflicting(admission: Admission) -> set[tuple[str, str]]:
    """The pairs of drugs of a stay that must not be taken together."""
    given = q(Drug).filter(doses__prescription__admission=admission).distinct().order_by("code")
    rows = await given.prefetch_related("conflicts").run()
    codes = {drug.code for drug in rows}
    pairs: set[tuple[str, str]] = set()
    for drug in rows:
        for other in drug.conflicts.all():
            reveal_type(other.code)  # R: str
            if other.code in codes:
                first, second = sorted((drug.code, other.code))
                pairs.add((first, second))
    return pairs


async def prescribe(
    admission: Admission, prescriber: Clinician, start: datetime.date, amounts: Mapping[Drug, Decimal], *, days: int = 1
) -> Prescription:
    """Write a prescription and take its drugs from the stock."""
    async with adj.atomic():
        prescription = await q(Prescription).acreate(
            admission=admission, prescriber=prescriber, starts=start, days=days
        )
        doses = [Dose(prescription=prescription, drug=drug, amount=amount) for drug, amount in amounts.items()]
        await q(Dose).abulk_create(doses)
        for drug in amounts:
            taken = await q(Drug).filter(pk=drug.pk, stock__gte=days).aupdate(stock=F("stock") - days)
            reveal_type(taken)  # R: int
            if not taken:
                raise OutOfStock(drug.code)
    return prescription


def costly() -> AsyncQuery[Prescription, CostlyPrescription]:
    """Prescriptions with what they cost."""
    each = F("doses__amount") * F("doses__drug__price")
    cost = Sum(ExpressionWrapper(each, output_field=MONEY))
    return q(Prescription).annotate(cost=cost).select_related("prescriber")


async def costs() -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for prescription in await costly().order_by("pk").run():
        reveal_type(prescription.cost)  # R: Decimal | None
        reveal_type(prescription.prescriber.grade)  # R: int
        totals[prescription.prescriber.name] = totals.get(prescription.prescriber.name, Decimal(0)) + (
            prescription.cost or 0
        )
    return totals


async def expensive(limit: Decimal) -> list[CostlyPrescription]:
    rows = await costly().filter(cost__gt=limit).order_by("-cost").run()
    return rows


async def most_expensive() -> CostlyPrescription | None:
    """The loop keeps the best row."""
    best: CostlyPrescription | None = None
    async for row in costly():
        if row.cost is not None and (best is None or best.cost is None or row.cost > best.cost):
            best = row
    return best


async def sheet(admission: Admission) -> list[str]:
    """What a nurse gives."""
    doses = Prefetch("doses", q(Dose).select_related("drug").order_by("drug__code"), to_attr="sorted_doses")
    query = q(admission.prescriptions).select_related("prescriber").prefetch_related(doses).order_by("starts", "pk")
    lines: list[str] = []
    reveal_type(await query.run())
    # R: list[Prescription@adj[TypedDict({'sorted_doses'=: list[Dose[TypedDict({'drug'=: Drug[TypedDict({})], 'presc ...
    for prescription in await query.run():
        for dose in prescription.sorted_doses:
            reveal_type(dose.amount)  # R: Decimal
            lines.append(f"{dose.drug.code} {dose.amount} x {dose.times_per_day} ({prescription.prescriber.name})")
    return lines


async def texts() -> dict[int, str]:
    """The drugs of each prescription in one line."""
    codes = ArrayAgg("drugs__code", distinct=True)
    rows = await q(Prescription).annotate(codes=codes).order_by("pk").values_list("pk", "codes").run()
    reveal_type(rows)  # R: list[tuple[int, list[str | None]]]
    return {pk: ", ".join(sorted(filter(None, codes or ()))) for pk, codes in rows}


async def last_price_of(patient: Patient) -> Decimal | None:
    newest = q(Dose).filter(prescription__admission__patient=OuterRef("pk")).order_by("-pk").values("drug__price")[:1]
    rows = await q(Patient).annotate(last_price=Subquery(newest)).filter(pk=patient.pk).run()
    return reveal_type(rows[0].last_price)  # R: Decimal | None


async def unused() -> list[str]:
    doses = q(Dose).filter(drug=OuterRef("pk"))
    is_used = Exists(doses)
    rows = await q(Drug).annotate(is_used=is_used).order_by("code").values_list("code", "is_used").run()
    reveal_type(rows)  # R: list[tuple[str, bool]]
    return [code for code, used in rows if not used]


async def restock(amounts: Mapping[str, int]) -> int:
    drugs = await q(Drug).filter(code__in=list(amounts)).order_by("code").run()
    for drug in drugs:
        drug.stock += amounts[drug.code]
    return reveal_type(await q(Drug).abulk_update(drugs, ["stock"]))  # R: int


async def raise_prices(percent: int) -> list[tuple[str, Decimal]]:
    price = Round(F("price") * (100 + percent) / 100, 2)
    rows = await q(Drug).filter(stock__gt=0).returning("code", "price").aupdate(price=price)
    return reveal_type(sorted(rows))  # R: list[tuple[str, Decimal]]


async def import_drugs(lines: Sequence[tuple[str, str, str]]) -> int:
    """Write a delivery's list; drugs that exist get the new price."""
    drugs = [Drug(code=code, name=name, price=Decimal(price)) for code, name, price in lines]
    written = await q(Drug).abulk_create(
        drugs, update_conflicts=True, unique_fields=["code"], update_fields=["name", "price"]
    )
    return len(written)


async def copy_drugs(lines: Sequence[tuple[str, str, Decimal]]) -> int:
    return await q(Drug).acopy(lines, fields=["code", "name", "price"])


async def discontinue(code: str) -> dict[str, int]:
    """Remove a drug that is not prescribed."""
    deleted, by_model = await q(Drug).filter(code=code, doses=None).adelete()
    reveal_type(deleted)  # R: int
    return by_model


async def prescribers() -> list[tuple[str, int]]:
    query = q(Clinician).annotate(top=Max("prescriptions__days")).exclude(top=None)
    rows = await query.order_by("-top", "name").values_list("name", "top").run()
    reveal_type(rows)  # R: list[tuple[str, int | None]]
    return [(name, top or 0) for name, top in rows]


async def amounts_as_text() -> list[str]:
    text = Cast("amount", MONEY)
    rows = await q(Dose).annotate(exact=text).order_by("pk").values_list("exact", flat=True).run()
    return [str(each) for each in reveal_type(rows)]  # R: list[Decimal]


async def same_day(day: datetime.date) -> list[int]:
    ends = Q(starts__lte=day) & ~Q(days=0)
    query = q(Prescription).filter(ends).order_by("pk")
    return [row.pk for row in await query.run() if row.starts + datetime.timedelta(days=row.days) > day]
