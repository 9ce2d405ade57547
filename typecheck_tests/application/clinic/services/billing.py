"""Bills: the costs of a stay, and its payments."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypedDict, reveal_type

from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest

import adj
from adj import AsyncQuery, Loaded, q
from typecheck_tests.application.clinic.models import Admission, Dose, InsuranceCard, Insurer, Invoice, Patient, Status
from typecheck_tests.application.clinic.services.rows import Billed


class Open(TypedDict):
    """The annotation of an insurer."""

    open_total: Decimal


class Item(TypedDict):
    """A line of an invoice, as JSON has it."""

    text: str
    amount: str


@dataclass(frozen=True)
class Bill:
    """An invoice with its patient, ready to print."""

    invoice: Loaded[Invoice, Literal["admission__patient", "admission__ward"]]
    copayment: Decimal | None

    def heading(self) -> str:
        admission = self.invoice.admission
        return f"{admission.patient.name}, {admission.ward.name}: {self.invoice.total}"


def owing() -> AsyncQuery[Insurer, Loaded[Insurer, Open]]:
    """The insurers with what their members' bills have left open."""
    total = Sum(
        "cards__patient__admissions__invoice__total",
        filter=Q(cards__patient__admissions__invoice__paid=None),
        default=Decimal(0),
    )
    return q(Insurer).annotate(open_total=total)


async def reminders(limit: Decimal) -> list[tuple[str, Decimal]]:
    rows = await owing().filter(open_total__gt=limit).order_by("-open_total", "code").run()
    for row in rows:
        reveal_type(row.open_total)  # R: Decimal
        reveal_type(row.copayment)  # R: Decimal | None
    return [(row.code, row.open_total) for row in rows]


async def charge(admission: Admission, days: int) -> Decimal:
    """What a stay costs: its ward by day, and its drugs."""
    each = ExpressionWrapper(F("amount") * F("drug__price"), DecimalField(max_digits=10, decimal_places=2))
    drugs = await q(Dose).filter(prescription__admission=admission).aaggregate(total=Sum(each, default=Decimal(0)))
    reveal_type(drugs)  # R: TypedDict({'total': Decimal})
    ward = (await adj.load(admission, "ward")).ward
    return ward.daily_rate * days + drugs["total"]


async def bill(admission: Admission, day: datetime.date, days: int) -> Invoice:
    total = await charge(admission, days)
    items: list[Item] = [{"text": "days", "amount": str(days)}]
    invoice, is_new = await q(Invoice).aget_or_create(
        admission=admission, defaults={"total": total, "issued": day, "lines": items}
    )
    if not is_new and invoice.paid is None:
        invoice.total = total
        await adj.save(invoice, update_fields=["total"])
    return invoice


async def printed(invoice: Invoice) -> Bill:
    row = await q(Invoice).select_related("admission__patient", "admission__ward").aget(pk=invoice.pk)
    reveal_type(row)
    # R: Invoice[TypedDict({'admission'=: Admission[TypedDict({'patient'=: Patient[TypedDict({})], 'ward'=: Ward[Typ ...
    card = await q(InsuranceCard).filter(patient=row.admission.patient).select_related("insurer").afirst()
    copayment = None if card is None else card.insurer.copayment
    reveal_type(copayment)  # R: None | Decimal
    return Bill(row, copayment)


async def pay(invoices: Sequence[Invoice], day: datetime.date) -> list[tuple[int, Decimal]]:
    keys = [invoice.pk for invoice in invoices]
    async with adj.atomic(timeout=5):
        rows = await q(Invoice).filter(pk__in=keys, paid__isnull=True).returning("pk", "total").aupdate(paid=day)
    reveal_type(rows)  # R: list[tuple[int, Decimal]]
    return sorted(rows)


async def overdue(day: datetime.date) -> list[dict[str, Any]]:
    """Dicts for a template, which wants no names."""
    query = q(Invoice).filter(paid=None, issued__lte=day - datetime.timedelta(days=30))
    return await query.order_by("issued").values("pk", "total", "admission__patient__name").run()


async def accounts() -> list[Billed]:
    query = q(InsuranceCard).values(insurer_name=F("insurer__name"))
    totals = query.annotate(total=Sum("patient__admissions__invoice__total", default=Decimal(0)), n=Count("pk"))
    rows = await totals.order_by("insurer_name").run()
    reveal_type(rows)  # R: list[TypedDict({'insurer_name': str, 'total': Decimal, 'n': int})]
    return [{"insurer": row["insurer_name"], "total": row["total"]} for row in rows]


async def states() -> dict[str, str]:
    """How each stay stands, by the number of its patient."""
    state = Case(
        When(invoice__isnull=True, then=Value("open")),
        When(invoice__paid__isnull=True, then=Value("billed")),
        default=Value("paid"),
    )
    rows = await q(Admission).annotate(state=state).order_by("pk").values_list("patient__number", "state").run()
    reveal_type(rows)  # R: list[tuple[str, str]]
    return dict(rows)


async def invoices_of(patient: Patient) -> list[Decimal]:
    stays = await q(patient.admissions).select_related("invoice").order_by("pk").run()
    found: list[Decimal] = []
    for stay in stays:
        if hasattr(stay, "invoice"):
            reveal_type(stay.invoice.total)  # R: Decimal
            found.append(stay.invoice.total)
    return found


async def unbilled() -> list[int]:
    query = q(Admission).filter(status=Status.DISCHARGED).filter(~Exists(q(Invoice).filter(admission=OuterRef("pk"))))
    return await query.order_by("pk").values_list("pk", flat=True).run()


async def with_shares() -> list[tuple[str, Decimal | None]]:
    """What the patients pay themselves: at least one."""
    copayment = Subquery(
        q(InsuranceCard).filter(patient=OuterRef("admission__patient")).values("insurer__copayment")[:1]
    )
    share = Greatest(Coalesce(copayment, Decimal(0)), Value(Decimal(1)), output_field=DecimalField())
    rows = (
        await q(Invoice).annotate(share=share).order_by("pk").values_list("admission__patient__number", "share").run()
    )
    return [*rows]


async def members() -> dict[str, list[str]]:
    cards = Prefetch("cards", q(InsuranceCard).select_related("patient").order_by("number"), to_attr="current")
    rows = await q(Insurer).prefetch_related(cards).order_by("code").run()
    reveal_type([card.number for row in rows for card in row.current])  # R: list[str]
    return {row.code: [card.patient.name for card in row.current] for row in rows}


async def lines_of(invoice: Invoice) -> list[str]:
    found = await q(Invoice).filter(pk=invoice.pk).values_list("lines", flat=True).aget()
    return [item["text"] for item in found]


async def cancel(invoice: Invoice) -> bool:
    """Take a bill back, unless it is paid."""
    async with adj.atomic():
        row = await q(Invoice).select_for_update(of=("self",)).select_related("admission").aget(pk=invoice.pk)
        if row.paid is not None:
            return False
        row.admission.labels = [*row.admission.labels, "canceled"]
        await adj.save(row.admission, update_fields=["labels"])
        await adj.delete(row)
    return True
